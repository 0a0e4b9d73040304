/// The other side of the wall, as the front sees it: blocking calls, one at a time.
///
/// For orders dtad-hsm opens, verifies and judges by itself: the front brings signed blocks only.
public protocol Custodian: AnyObject, Sendable {
    /// Asks dtad-hsm to do what the message says.
    /// - Throws: `DTAError`: `unavailable` if the HSM, its process or the deadline failed; `notFound` if the token
    ///   lacks the object; `permissionDenied` if an object's class does not allow it, or the order's terms do not;
    ///   `failedPrecondition` if it could be done at another time, with more approvals or with another token;
    ///   `dataLoss` for damaged or forged input; `invalidArgument` for malformed input.
    func ask<Message: CustodyMessage>(_ message: Message) throws -> Message.Answer
}
