import AgentProtocol
import DTABytes
import DTAFormats
import DTASystem

/// The public key of an order's wallet, F + B, computed here, so that the agent need not be trusted.
enum WalletKey {
    /// - Throws: `Failure` if it is not known yet, or the fiduciary's proof in part 2 does not match it: without the
    ///   proof, the key may be one that an attacker chose.
    static func find(
        _ subject: String, _ client: BlockingAgentClient
    ) throws -> (order: AgentOrder, key: Secp256k1PublicKey) {
        let answer = try client.call(.showOrder(subject))
        guard let order = answer.orders.first else {
            throw DTAError(.internal, "the agent answered without the order")
        }
        guard order.type == OrderKind.bitcoinWallet else {
            throw Failure.failed(
                .failedPrecondition, "the order \(order.reference) is of type \(order.type), and has no wallet")
        }
        guard !order.commitment.isEmpty else {
            throw Failure.failed(
                .failedPrecondition, "the fiduciary has not committed to the order \(order.reference) yet",
                hint: "dtactl order receive \(order.shortReference) asks for it")
        }
        guard let text = answer.fields.first(where: { $0.name == "proof" })?.value, let proof = Hexadecimal.decode(text)
        else {
            throw Failure.failed(
                .failedPrecondition,
                "the fiduciary's proof that it has its part of the wallet \(order.reference) cannot be read by this user",
                hint: "only the parties that the order names may have it")
        }
        do {
            let cid = try CID(order.cid)
            let fiduciary = try Secp256k1PublicKey([UInt8](order.commitment))
            let field = order.fields.first { $0.name == "share" } ?? answer.fields.first { $0.name == "share" }
            guard let field else { return (order, try searched(client, fiduciary, proof, cid, order)) }
            let sum = try WalletSum(
                fiduciary: fiduciary, beneficiary: Secp256k1PublicKey(Hexadecimal.decode(field.value) ?? []))
            try sum.verify(proof, order: cid)
            return (order, sum.publicKey)
        } catch let error as FormatError {
            throw Failure.failed(
                .dataLoss, "the wallet of \(order.reference) cannot be relied on: \(error.reason)",
                hint: "pay nothing to it")
        }
    }

    /// If neither part 1 nor part 2 tells B: the one of the beneficiary's own shares that matches the proof.
    private static func searched(
        _ client: BlockingAgentClient, _ fiduciary: Secp256k1PublicKey, _ proof: [UInt8], _ cid: CID,
        _ order: AgentOrder
    ) throws -> Secp256k1PublicKey {
        var cursor = ""
        repeat {
            let page = try client.call(.list(.walletListShares, count: 1000, cursor: cursor))
            for row in page.shares {
                guard let share = try? Secp256k1PublicKey([UInt8](row.share)),
                    let sum = try? WalletSum(fiduciary: fiduciary, beneficiary: share),
                    (try? sum.verify(proof, order: cid)) != nil
                else { continue }
                return sum.publicKey
            }
            cursor = page.cursor
        } while !cursor.isEmpty
        throw Failure.failed(
            .failedPrecondition,
            "the beneficiary's share of the wallet of \(order.reference) is known to its principal, its fiduciary and the "
                + "beneficiary alone")
    }
}
