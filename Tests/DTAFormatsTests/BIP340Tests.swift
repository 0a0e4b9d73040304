import TestSupport
import Testing

@testable import DTAFormats

@Suite("BIP-340 signatures")
struct BIP340Tests {
    @Test("each of BIP-340's vectors is valid or not, as it says")
    func verification() throws {
        let vectors = try PublishedVectors.bip340()
        #expect(vectors.count == 19)
        for vector in vectors {
            let valid = BIP340.isValid(
                try bytes(vector.signature), message: try bytes(vector.message), x: try bytes(vector.x))
            #expect(valid == vector.valid, "vector \(vector.index)")
        }
    }

    @Test("BIP-340's signatures of hashes are made anew, byte for byte")
    func signing() throws {
        let vectors = try PublishedVectors.bip340().filter { !$0.secret.isEmpty && $0.message.count == 64 }
        #expect(vectors.count == 4)
        for vector in vectors {
            let key = try Secp256k1Scalar(bytes(vector.secret))
            #expect(hex(key.publicKey.x) == vector.x)
            let signature = try BIP340.sign(bytes(vector.message), with: key, auxiliary: bytes(vector.auxiliary))
            #expect(hex(signature) == vector.signature, "vector \(vector.index)")
        }
    }

    @Test("two BIP-340 signatures of the same hash differ, and both are valid")
    func randomised() throws {
        let (key, message) = (Secp256k1Scalar.generate(), BIP340.taggedHash("test", [1]))
        let (one, other) = (try BIP340.sign(message, with: key), try BIP340.sign(message, with: key))
        #expect(one != other)
        for signature in [one, other] {
            #expect(BIP340.isValid(signature, message: message, key: key.publicKey))
            // The same x, the other y: one key to BIP-340.
            #expect(BIP340.isValid(signature, message: message, key: try key.publicKey.negative))
            #expect(!BIP340.isValid(signature, message: BIP340.taggedHash("other", [1]), key: key.publicKey))
            #expect(!BIP340.isValid(signature + [0], message: message, key: key.publicKey))
        }
    }

    @Test("only hashes of 32 bytes are signed with BIP-340")
    func lengths() throws {
        for count in [0, 31, 33, 64] {
            let error = refusal { _ = try BIP340.sign([UInt8](repeating: 1, count: count), with: .generate()) }
            #expect(error.kind == .invalidArgument)
        }
    }

    @Test("many threads at once make, use and sign with keys of secp256k1")
    func concurrency() async {
        let results = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<64 {
                group.addTask {
                    let (key, message) = (Secp256k1Scalar.generate(), BIP340.taggedHash("test", [UInt8(number)]))
                    guard let signature = try? BIP340.sign(message, with: key) else { return false }
                    return BIP340.isValid(signature, message: message, key: key.publicKey)
                }
            }
            return await group.reduce(into: [Bool]()) { $0.append($1) }
        }
        #expect(results == [Bool](repeating: true, count: 64))
    }
}
