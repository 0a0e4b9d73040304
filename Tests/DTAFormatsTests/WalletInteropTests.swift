import Foundation
import TestSupport
import Testing

@testable import DTAFormats

/// `Tests/interop/wallet_judge.py`: embit with a curve of its own, and HPKE on OpenSSL.
private enum WalletJudge {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../..").standardizedFileURL.path

    static var isThere: Bool { access(root + "/.build/python/requirements.txt", R_OK) == 0 }

    /// - Returns: a line of words for each line.
    static func ask(_ mode: String, _ lines: [String]) throws -> [[String]] {
        let result = try run(
            root + "/.build/python/bin/python", ["-B", root + "/Tests/interop/wallet_judge.py", mode],
            input: Array(lines.map { $0 + "\n" }.joined().utf8))
        guard result.status == 0 else { throw TestFailure("the judge: \(result.errors)") }
        let answers = result.text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        guard answers.count == lines.count else { throw TestFailure("\(answers.count) answers") }
        return answers
    }
}

/// Numbers that go wrong first: the smallest and the largest, with leading zeros, and random ones.
private func secrets(_ random: inout SeededGenerator, _ count: Int) throws -> [Secp256k1Scalar] {
    var below = CurveOrder.secp256k1.bytes
    below[31] -= 1
    let small = (1...3).map { [UInt8](repeating: 0, count: 31) + [UInt8($0)] }
    let zeros = (1...8).map { count in [UInt8](repeating: 0, count: count) + random.bytes(32 - count) }
    let others = (0..<count).map { _ in [0x7f] + random.bytes(31) }
    return try (small + zeros + others + [below]).map { try Secp256k1Scalar($0) }
}

private func written(_ scalar: Secp256k1Scalar) -> String { hex(scalar.withUnsafeBytes { Array($0) }) }

@Suite(
    "Wallets, judged by others", .ownThread,
    .enabled(if: WalletJudge.isThere, "needs the environment that Scripts/python makes"))
struct WalletInteropTests {
    @Test("embit finds the same public key, WIF and addresses for a key, on both networks")
    func addresses() throws {
        var random = SeededGenerator()
        let keys = try secrets(&random, 200)
        for (key, theirs) in zip(keys, try WalletJudge.ask("keys", keys.map(written))) {
            var ours = [key.publicKey.description]
            let addresses = WalletAddresses(publicKey: key.publicKey)
            for network in BitcoinNetwork.allCases {
                ours.append(String(decoding: WIF.encode(key, network).array, as: UTF8.self))
                ours += try BitcoinAddress.Kind.allCases.map { try addresses.address($0, network).description }
            }
            #expect(ours == theirs, "seed \(random.seed)")
            for text in [theirs[1], theirs[5]] { #expect(try WIF.decode(text.utf8).key.publicKey == key.publicKey) }
        }
    }

    @Test("embit reads our addresses as the scripts that we mean")
    func scripts() throws {
        var random = SeededGenerator()
        let addresses = try secrets(&random, 20).flatMap { key in
            try BitcoinNetwork.allCases.flatMap { network in
                try BitcoinAddress.Kind.allCases.map {
                    try WalletAddresses(publicKey: key.publicKey).address($0, network)
                }
            }
        }
        let answers = try WalletJudge.ask("scripts", addresses.map(\.description))
        #expect(answers == addresses.map { [hex($0.script)] }, "seed \(random.seed)")
    }

    @Test("embit's signatures are valid here, and ours there; no damaged signature is")
    func signatures() throws {
        var random = SeededGenerator()
        let cases = try secrets(&random, 30).map { (key: $0, message: random.bytes(32)) }
        let theirs = try WalletJudge.ask("sign", cases.map { "\(written($0.key)) \(hex($0.message))" })
        for ((key, message), signature) in zip(cases, theirs) {
            #expect(BIP340.isValid(try bytes(signature[0]), message: message, key: key.publicKey))
        }
        var questions: [(line: String, isValid: Bool)] = []
        for (key, message) in cases {
            var signature = try BIP340.sign(message, with: key)
            questions.append(("\(hex(key.publicKey.x)) \(hex(message)) \(hex(signature))", true))
            signature[63] ^= 1
            questions.append(("\(hex(key.publicKey.x)) \(hex(message)) \(hex(signature))", false))
        }
        let answers = try WalletJudge.ask("verify", questions.map(\.line))
        #expect(answers == questions.map { [$0.isValid ? "valid" : "invalid"] }, "seed \(random.seed)")
    }

    @Test("a wallet's sum, its secret and what its proof signs are those that embit and Python's integers compute")
    func sums() throws {
        var random = SeededGenerator()
        let keys = try secrets(&random, 30)
        let order = CID(hashing: random.bytes(8), codec: .dagCBOR)
        // Each with its neighbour; 1 and the order - 1, which cancel out, are not neighbours.
        let pairs = Array(zip(keys, keys.dropFirst()))
        let theirs = try WalletJudge.ask("wallet", pairs.map { "\(written($0)) \(written($1)) \(hex(order.bytes))" })
        for ((f, b), words) in zip(pairs, theirs) {
            let sum = try WalletSum(fiduciary: f.publicKey, beneficiary: b.publicKey)
            #expect(words[0] == f.publicKey.description && words[1] == b.publicKey.description)
            #expect(words[2] == sum.publicKey.description)
            #expect(words[3] == written(try sum.secret(fiduciary: f, beneficiary: b)))
            let proof = try sum.proof(for: order, with: f)
            #expect(BIP340.isValid(proof, message: try bytes(words[4]), key: f.publicKey), "seed \(random.seed)")
        }
        let messages = try WalletJudge.ask(
            "commitment", keys.map { "\($0.publicKey) \(hex(order.bytes))" })
        for (key, message) in zip(keys, messages) {
            let proof = try CommitmentProof.make(for: order, with: key)
            #expect(BIP340.isValid(proof, message: try bytes(message[0]), key: key.publicKey))
        }
    }

    @Test("OpenSSL opens what is safeguarded here, this library what is safeguarded there, and neither what is damaged")
    func safeguards() throws {
        var random = SeededGenerator()
        let cases = try secrets(&random, 20).enumerated().map { index, key in
            (key: key, cid: CID(hashing: random.bytes(8), codec: .dagCBOR), plaintext: random.bytes(index * 7))
        }
        var questions: [String] = []
        var expected: [[String]] = []
        for (key, cid, plaintext) in cases {
            var sealed = try SafeguardCipher.seal(plaintext, to: key.publicKey, commitment: cid)
            questions.append("\(written(key)) \(hex(cid.bytes)) \(hex(sealed))")
            expected.append([plaintext.isEmpty ? "-" : hex(plaintext)])
            sealed[sealed.count - 1] ^= 1
            questions.append("\(written(key)) \(hex(cid.bytes)) \(hex(sealed))")
            expected.append(["refused"])
        }
        #expect(try WalletJudge.ask("open", questions) == expected, "seed \(random.seed)")

        let theirs = try WalletJudge.ask(
            "seal",
            cases.map { "\($0.key.publicKey) \(hex($0.cid.bytes)) \($0.plaintext.isEmpty ? "-" : hex($0.plaintext))" })
        for ((key, cid, plaintext), words) in zip(cases, theirs) {
            #expect(
                try SafeguardCipher.open(bytes(words[0]), with: key, commitment: cid).array == plaintext,
                "seed \(random.seed)")
        }
    }
}
