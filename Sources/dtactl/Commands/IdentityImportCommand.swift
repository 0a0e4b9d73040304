import AgentProtocol
import ArgumentParser
import DTAFormats
import DTASystem

struct IdentityImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Make identities and revocations known here, and print their CIDs.",
        discussion: """
            From a file: a document (identity show --out), a revocation, or a CAR (identity export), of which the identities
            and revocations are taken. By a CID: from the ledger, or from IPFS if dtad has a node, together with those
            that it replaces. Importing does not trust: identity trust does.

            Example:
              dtactl identity import bank.car
              dtactl identity import bafy…
            """)

    @Argument(
        help: "A file, - for standard input, or a CID.", completion: .file(),
        transform: FileName.argument)
    var source: String

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let client = agent.connect()
        let documents =
            try (try? CID(source)).map { try IdentityImport.walk(from: $0, client) }
            ?? IdentityImport.read(source)
        guard !documents.isEmpty else {
            throw Failure.failed(.invalidArgument, "\(source) holds no identity and no revocation")
        }
        for document in documents.inOrder {
            let cid = try client.call(.putBlock(document.block, contentType: "application/vnd.ipld.dag-cbor")).cid
            guard cid == document.cid.description else {
                throw DTAError(.dataLoss, "the agent stored \(document.cid) as \(cid)")
            }
            if agent.json {
                try JSON.object([("cid", .string(cid)), ("kind", .string(document.kind.rawValue))]).show()
            } else {
                try StandardOutput.line(cid)
            }
        }
    }
}

/// Identities and revocations to be imported into the ledger.
struct IdentityImport {
    private var identities: [CID: SignedIdentity] = [:]
    /// In the order in which they came.
    private var order: [CID] = []
    private var revocations: [SignedRevocation] = []

    /// How many documents one import takes, and how many links it follows back.
    private static let limit = 4096

    var isEmpty: Bool { order.isEmpty && revocations.isEmpty }

    /// - Returns: whether the block is a document that can be imported.
    /// - Throws: if it claims to be one and is not valid.
    @discardableResult
    private mutating func add(_ block: ContentBlock) throws -> Bool {
        guard order.count + revocations.count < IdentityImport.limit else {
            throw Failure.failed(
                .resourceExhausted, "more than \(IdentityImport.limit) documents at a time are not imported")
        }
        switch DocumentKind(of: block) {
        case .identity:
            let document = try SignedIdentity(block: block.bytes, named: block.cid)
            if identities.updateValue(document, forKey: block.cid) == nil { order.append(block.cid) }
        case .revocation: revocations.append(try SignedRevocation(block: block.bytes, named: block.cid))
        case .envelope, .block: return false
        }
        return true
    }

    /// Each identity after the one that it replaces, then the revocations: so the agent can verify each as it comes.
    var inOrder: [(cid: CID, kind: DocumentKind, block: [UInt8])] {
        var done: Set<CID> = []
        var result: [(CID, DocumentKind, [UInt8])] = []
        for cid in order {
            var line: [SignedIdentity] = []
            var next = identities[cid]
            while let document = next, !done.contains(document.cid) {
                line.append(document)
                next = document.identity.previous.flatMap { identities[$0] }
            }
            for document in line.reversed() {
                done.insert(document.cid)
                result.append((document.cid, .identity, document.block))
            }
        }
        return result + revocations.map { ($0.cid, .revocation, $0.block) }
    }

    // MARK: Sources

    /// A document, or an archive of them.
    static func read(_ path: String) throws -> IdentityImport {
        let file = try InputFile(path)
        var documents = IdentityImport()
        let beginning = try file.upTo(SignedIdentity.maximumSize)
        if let whole = beginning.whole, try documents.add(ContentBlock(hashing: whole, codec: .dagCBOR)) {
            return documents
        }
        var first: [UInt8]? =
            switch beginning {
            case .all(let bytes), .more(let bytes): bytes
            }
        let isWhole = beginning.whole != nil
        do {
            var archive = try CARReader {
                defer { first = nil }
                return try first ?? (isWhole ? [] : file.chunk())
            }
            while let block = try archive.next() { try documents.add(block) }
        } catch let error as FormatError {
            throw Failure.failed(
                .invalidArgument, "\(file.name) is no identity, no revocation and no CAR of such: \(error.reason)")
        }
        return documents
    }

    /// A document by its CID, and those that it replaces, as far as they can be found.
    static func walk(from cid: CID, _ client: BlockingAgentClient) throws -> IdentityImport {
        var documents = IdentityImport()
        var next: CID? = cid
        while let wanted = next {
            let block: ContentBlock
            do {
                block = try ContentBlock([UInt8](client.call(.getBlock(wanted.description)).data), named: wanted)
            } catch let error as DTAError where error.code == .notFound && wanted != cid {
                StandardError.warn("\(wanted), which it replaces, was not found: its claim waits for that")
                break
            }
            guard try documents.add(block) else {
                throw Failure.failed(.invalidArgument, "\(wanted) is no identity and no revocation")
            }
            next = documents.identities[wanted]?.identity.previous
        }
        return documents
    }
}
