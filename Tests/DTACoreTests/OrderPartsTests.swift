import Foundation
import TestSupport
import Testing

/// What docs/architecture.md says of the parts of the order domain.
@Suite("The parts of the order domain")
struct OrderPartsTests {
    /// Each knows none that comes after it.
    private static let parts = [
        "PartyLookup", "WalletShareTable", "PartRules", "OpenRedemptions", "OrderLookup", "PreOpenChecks", "OrderBook",
        "PartPost", "PostOffice", "OrderViews", "OrderEvidence", "OrderEpochs", "OrderSecrets", "EpochAdministration",
        "RefusalMaker", "CommitmentMaker", "ReleaseMaker", "SecretDestroyer", "Fiduciary", "Beneficiary", "Principal",
        "Redeemer", "Approver", "Recipient", "Intake", "UnanswerableWatch", "EpochKeeper", "OrderHousekeeping",
        "OrderTokenCheck", "OrderService",
    ]

    private struct Source {
        /// Below Sources/DTAOrders.
        let path: String
        /// The type in whose files it is.
        let type: String
        /// All words outside of comments.
        let words: Set<String>
    }

    private let sources: [Source]

    init() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(
            path: "../../Sources/DTAOrders"
        ).standardizedFileURL
        let files = try FileManager.default.subpathsOfDirectory(atPath: root.path).filter {
            $0.hasSuffix(".swift") && !$0.hasPrefix("Plugin/")
        }
        sources = try files.map { path in
            let text = try String(contentsOf: root.appending(path: path), encoding: .utf8)
            let code = text.split(separator: "\n").filter { !$0.drop { $0 == " " }.hasPrefix("//") }
            let name = path.split(separator: "/").last.map(String.init) ?? path
            return Source(
                path: path, type: String(name.prefix { $0 != "." && $0 != "+" }),
                words: Set(code.joined(separator: "\n").split { !$0.isLetter && !$0.isNumber }.map(String.init)))
        }
    }

    @Test("no part of the order domain knows one that comes after it")
    func arrows() throws {
        for (place, part) in Self.parts.enumerated() {
            let own = sources.filter { $0.type == part }
            #expect(!own.isEmpty, "\(part) has a file")
            for source in own {
                let known = Self.parts[(place + 1)...].filter(source.words.contains)
                #expect(known.isEmpty, "\(source.path) knows \(known.joined(separator: ", "))")
            }
        }
    }

    @Test("no part of the order domain asks for a plugin by its name")
    func plugins() {
        let names: Set<String> = [
            "OrderKind", "BuiltInPlugin", "BuiltInPlugins", "BitcoinWalletPlugin", "SecretPlugin", "SignPlugin",
            "ExternalPlugin",
        ]
        for source in sources {
            #expect(source.words.isDisjoint(with: names), "\(source.path)")
        }
    }

    @Test("what decides by rows knows no HSM")
    func rows() {
        for source in sources where ["Book/", "Parties/", "Wallet/"].contains(where: source.path.hasPrefix) {
            #expect(!source.words.contains("Custodian") && !source.words.contains("CustodyProtocol"), "\(source.path)")
        }
    }

    @Test("the document on the architecture names every part of the order domain")
    func document() throws {
        let text = try String(
            contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(
                path: "../../docs/architecture.md"), encoding: .utf8)
        let missing = Self.parts.filter { !text.contains("`\($0)`") && !text.contains(" \($0) ") }
        #expect(missing.isEmpty, "\(missing)")
    }
}
