/// The other side of the wall, as the front sees it: blocking calls, one at a time.
///
/// dtad-hsm opens, verifies and judges by itself what orders need: the front brings blocks and never conclusions.
public protocol Custodian: AnyObject, Sendable {
    /// Asks dtad-hsm to do what the message says.
    /// - Throws: `DTAError`: `unavailable` if the HSM, its process or the deadline failed; `notFound` if the token lacks the
    ///   object; `permissionDenied` for what an object's class does not allow, or a part of an order may not ask for;
    ///   `failedPrecondition` for what it could do at another time, with more approvals or with another token; `dataLoss`
    ///   for what is damaged or forged; `invalidArgument` for what is not of the right form.
    func ask<Message: CustodyMessage>(_ message: Message) throws -> Message.Answer
}
