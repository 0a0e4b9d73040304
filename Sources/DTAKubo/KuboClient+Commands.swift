import DTAFormats
import DTAHTTP
import DTASystem
import Foundation

/// The commands of Kubo's RPC that a ledger needs.
extension KuboClient {
    /// The node's version, such as `0.39.0`.
    public func version() throws -> String {
        let answer = try decode(KuboAnswers.Version.self, "version", json(target("version"), milliseconds: shortly))
        return try word(answer.version, "version")
    }

    /// The node's peer ID, by which it is known to be the same one.
    public func id() throws -> String {
        try word(decode(KuboAnswers.ID.self, "id", json(target("id"), milliseconds: shortly)).id, "id")
    }

    /// Gives the node a block. The node does not keep it for long unless it is pinned.
    /// - Throws: `KuboError`, also if the node computes another CID.
    public func put(_ block: [UInt8], as cid: CID) throws {
        let codec = cid.codec == .raw ? "raw" : "dag-cbor"
        let arguments = [("cid-codec", codec), ("mhtype", "sha2-256"), ("pin", "false")]
        let answer = try decode(
            KuboAnswers.Block.self, "block/put",
            json(target("block/put", arguments), file: block, milliseconds: options.requestMilliseconds))
        guard answer.key == cid.description else {
            throw KuboError(
                .wrongBlock,
                DTAError(.dataLoss, "\(name) stored the block \(cid) as another: \(quoted(answer.key))"))
        }
    }

    /// A block that the node has, or gets from others in time; its bytes fit the CID.
    /// - Throws: `KuboError`.
    public func get(_ cid: CID, milliseconds: Int) throws -> [UInt8] {
        let answer: HTTPAnswer
        do {
            answer = try block(
                target("block/get", [("arg", "\(cid)"), timeout(milliseconds)]), milliseconds: milliseconds)
        } catch let error as KuboError where error.kind == .refused && isAbsence(error) {
            throw KuboError(
                .notFound,
                DTAError(
                    .notFound, "the block \(cid) is neither here nor did \(name) find it in \(milliseconds) ms",
                    hint: "a node that has it must be online, and connected with that node"))
        }
        guard !answer.isTooLong else {
            throw KuboError(
                .wrongBlock,
                DTAError(
                    .dataLoss,
                    "\(name) answered for the block \(cid) more than \(KuboClient.blockLimit) bytes, which no block has"
                ))
        }
        let actual = CID(hashing: answer.body, codec: cid.codec)
        guard actual == cid else {
            throw KuboError(
                .wrongBlock,
                DTAError(
                    .dataLoss, "\(name) answered for the block \(cid) bytes that have the hash of \(actual)",
                    hint: "that node, or something before it, gives out damaged or forged blocks"))
        }
        return answer.body
    }

    /// Whether the node itself has a block now, without asking others.
    public func has(_ cid: CID) throws -> Bool {
        do {
            let arguments = [("arg", "\(cid)"), ("offline", "true"), timeout(shortly)]
            let answer = try decode(
                KuboAnswers.Block.self, "block/stat", json(target("block/stat", arguments), milliseconds: shortly))
            return answer.key == cid.description
        } catch let error as KuboError where error.kind == .refused && isAbsence(error) {
            return false
        }
    }

    /// Makes the node keep a block and all that it links to, which it gets from others if needed.
    public func pin(_ cid: CID, milliseconds: Int) throws {
        let arguments = [("arg", "\(cid)"), ("recursive", "true"), timeout(milliseconds)]
        let answer = try decode(
            KuboAnswers.Pinned.self, "pin/add", json(target("pin/add", arguments), milliseconds: milliseconds))
        guard answer.pins.contains(cid.description) else { throw garbage("pin/add") }
    }

    /// Whether the node keeps a block with all that it links to, by a pin on that very block.
    public func isPinned(_ cid: CID) throws -> Bool {
        do {
            let arguments = [("arg", "\(cid)"), ("type", "recursive"), ("offline", "true"), timeout(shortly)]
            let answer = try decode(
                KuboAnswers.Pins.self, "pin/ls", json(target("pin/ls", arguments), milliseconds: shortly))
            return answer.keys[cid.description]?.type == "recursive"
        } catch let error as KuboError where error.kind == .refused && error.error.message.contains("not pinned") {
            return false
        }
    }

    /// For calls that a healthy node answers at once.
    private var shortly: Int { min(options.requestMilliseconds, 10_000) }

    private func timeout(_ milliseconds: Int) -> (String, String) { ("timeout", "\(milliseconds)ms") }

    /// Kubo has no codes for it: these are the words of its block service, and of a time limit that ran out.
    private func isAbsence(_ error: KuboError) -> Bool {
        ["not found", "could not find", "deadline exceeded"].contains { error.error.message.contains($0) }
    }

    /// A text for logs and lists, which is stored too: short, and without control characters.
    private func word(_ text: String, _ command: String) throws -> String {
        guard (1...128).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw garbage(command)
        }
        return text
    }

    private func decode<Answer: Decodable>(
        _: Answer.Type, _ command: String, _ answer: HTTPAnswer
    ) throws -> Answer {
        guard !answer.isTooLong, let value = try? JSONDecoder().decode(Answer.self, from: Data(answer.body)) else {
            throw garbage(command)
        }
        return value
    }
}
