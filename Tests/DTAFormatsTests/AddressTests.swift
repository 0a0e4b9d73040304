import TestSupport
import Testing

@testable import DTAFormats

@Suite("Bitcoin addresses and secret keys as text")
struct AddressTests {
    private func one() throws -> Secp256k1Scalar { try Secp256k1Scalar([UInt8](repeating: 0, count: 31) + [1]) }

    @Test("RIPEMD-160 gives its authors' values, and another one for each length of zeros")
    func ripemd160() {
        let alphabet = "abcdefghijklmnopqrstuvwxyz"
        let values = [
            ("", "9c1185a5c5e9fc54612808977ee8f548b2258d31"), ("a", "0bdc9d2d256b3ee9daae347be6f4dc835a467ffe"),
            ("abc", "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"),
            ("message digest", "5d0689ef49d2fae572b881b123a85ffa21595f36"),
            (alphabet, "f71c27109c692c1b56bbdceb5b9d2865b3708dbc"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "12a053384a9c0c88e405a06c27dcf49ada62eb2b"
            ),
            (alphabet.uppercased() + alphabet + "0123456789", "b0e20b6e3116640286ed3a87a5713079b21f5189"),
            (String(repeating: "1234567890", count: 8), "9b752e45573d4b39f4dbd3323cab82bf63326bfb"),
            (String(repeating: "a", count: 1_000_000), "52783243c1697bdbe16d37f97f68f08325dc1528"),
        ]
        for (text, hash) in values { #expect(hex(RIPEMD160.hash(Array(text.utf8))) == hash) }
        let hashes = Set((0...200).map { RIPEMD160.hash([UInt8](repeating: 0, count: $0)) })
        #expect(hashes.count == 201)
    }

    @Test("BIP-173's and BIP-350's texts are read with the checksum that they have, and written the same")
    func bech32() throws {
        let vectors = try PublishedVectors.bech32()
        for (texts, checksum) in [(vectors.bech32, Bech32.Checksum.bech32), (vectors.bech32m, .bech32m)] {
            #expect(texts.count == 7)
            for text in texts {
                let read = try Bech32.decode(text)
                #expect(read.checksum == checksum, "\(text)")
                #expect(Bech32.encode(read.readable, read.values, checksum) == text.lowercased())
            }
        }
        for text in vectors.refusedBech32 + vectors.refusedBech32m {
            // Some hold bytes that are no ASCII.
            let letters = String(String.UnicodeScalarView(try bytes(text).map { Unicode.Scalar($0) }))
            #expect(refusal(letters) { _ = try Bech32.decode(letters) }.kind == .malformed)
        }
    }

    @Test("BIP-173's and BIP-350's SegWit addresses are the scripts that they say, and the others are refused")
    func segwit() throws {
        let vectors = try PublishedVectors.bech32()
        #expect(vectors.segwit.count == 8)
        for vector in vectors.segwit {
            let program = try SegwitProgram(vector.address)
            #expect(hex(program.script) == vector.script)
            #expect(program.text == vector.address.lowercased())
        }
        for text in vectors.refusedSegwit + vectors.refusedSince350 {
            #expect(refusal(text) { _ = try SegwitProgram(text) }.kind == .malformed)
            _ = refusal(text) { _ = try BitcoinAddress(text) }
        }
    }

    @Test("BIP-341's and BIP-86's keys have the output keys and addresses that they say")
    func taproot() throws {
        let vectors = try PublishedVectors.taproot()
        #expect(vectors.count == 10)
        for vector in vectors {
            let (key, root) = (try bytes(vector.internal), try bytes(vector.root))
            #expect(hex(try WalletAddresses.outputKey(internalKey: key, root: root)) == vector.output)
            #expect(hex(try BitcoinAddress(vector.address).program) == vector.output)
            guard root.isEmpty else { continue }
            // A key's y plays no part.
            for sign in [UInt8(2), 3] {
                let addresses = WalletAddresses(publicKey: try Secp256k1PublicKey([sign] + key))
                #expect(try addresses.p2tr(.mainnet).description == vector.address)
            }
        }
        #expect(vectors.filter(\.root.isEmpty).count == 4)
    }

    @Test("BIP-84's secret keys have the public keys and addresses that it says, and are written the same")
    func bip84() throws {
        let vectors = try PublishedVectors.bip84()
        #expect(vectors.count == 3)
        for vector in vectors {
            let (key, network) = try WIF.decode(vector.wif.utf8)
            #expect(network == .mainnet)
            #expect(key.publicKey.description == vector.publicKey)
            let address = WalletAddresses(publicKey: key.publicKey).p2wpkh(.mainnet)
            #expect(address.description == vector.p2wpkh)
            #expect(try BitcoinAddress(vector.p2wpkh) == address)
            #expect(String(decoding: WIF.encode(key, .mainnet).array, as: UTF8.self) == vector.wif)
        }
    }

    @Test("the secret key 1 has the Bitcoin addresses that everybody knows")
    func keyOne() throws {
        let addresses = WalletAddresses(publicKey: try one().publicKey)
        #expect(addresses.p2pkh(.mainnet).description == "1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH")
        #expect(addresses.p2pkh(.testnet).description == "mrCDrCybB6J1vRfbwM5hemdJz73FwDBC8r")
        #expect(addresses.p2wpkh(.mainnet).description == "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")
        #expect(addresses.p2wpkh(.testnet).description == "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx")
        let mainnet = "KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWn"
        #expect(String(decoding: WIF.encode(try one(), .mainnet).array, as: UTF8.self) == mainnet)
    }

    @Test("every kind of address is read as it is written, belongs to its key, and to no other")
    func roundTrip() throws {
        for _ in 0..<50 {
            let addresses = WalletAddresses(publicKey: Secp256k1Scalar.generate().publicKey)
            let other = WalletAddresses(publicKey: Secp256k1Scalar.generate().publicKey)
            for kind in BitcoinAddress.Kind.allCases {
                for network in BitcoinNetwork.allCases {
                    let address = try addresses.address(kind, network)
                    let read = try BitcoinAddress(address.description)
                    #expect(read == address)
                    #expect(addresses.contains(read) && !other.contains(read))
                    guard kind != .p2pkh else { continue }
                    #expect(try BitcoinAddress(address.description.uppercased()) == address)
                }
            }
        }
    }

    @Test("in a Bitcoin address a wrong letter, one too few or many, and two that changed places are found")
    func typingErrors() throws {
        var random = SeededGenerator()
        let addresses = WalletAddresses(publicKey: try one().publicKey)
        for kind in BitcoinAddress.Kind.allCases {
            let text = Array(try addresses.address(kind, .mainnet).description.utf8)
            for index in text.indices {
                var wrong = text
                wrong[index] = Array("123456789abcdefghijkmnopqrstuvwxyz0OIl ".utf8).randomElement(using: &random)!
                if wrong == text { continue }
                var (short, long, swapped) = (text, text, text)
                short.remove(at: index)
                long.insert(UInt8(ascii: "q"), at: index)
                if index > 0 { swapped.swapAt(index, index - 1) }
                for bad in [wrong, short, long, swapped] where bad != text {
                    let bad = String(decoding: bad, as: UTF8.self)
                    _ = refusal("seed \(random.seed): \(bad)") { _ = try BitcoinAddress(bad) }
                }
            }
        }
    }

    @Test("addresses of scripts, of other witnesses, and of what nobody can spend are refused, with the reason")
    func otherKinds() throws {
        // P2SH, P2WSH, a later witness version.
        for text in [
            "3P14159f73E4gFr7JterCCQh9QjiTjiZrG", "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
            "bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs",
        ] { #expect(refusal(text) { _ = try BitcoinAddress(text) }.kind == .unsupported) }
        // x = 5 is on no point of the curve.
        let nobody = try SegwitProgram(.mainnet, version: 1, bytes: [UInt8](repeating: 0, count: 31) + [5]).text
        let wif = String(decoding: WIF.encode(try one(), .mainnet).array, as: UTF8.self)
        for text in ["", "1", "bc1", "tb1", "BC1", "é", nobody, wif, String(repeating: "1", count: 100)] {
            #expect(refusal(text) { _ = try BitcoinAddress(text) }.kind == .malformed)
        }
    }

    @Test("secret keys are read as they are written; damaged ones and other kinds are refused without showing them")
    func wif() throws {
        for network in BitcoinNetwork.allCases {
            for _ in 0..<20 {
                let key = Secp256k1Scalar.generate()
                let text = WIF.encode(key, network).array
                #expect(text.count == 52)
                let read = try WIF.decode(text)
                #expect(read.key.publicKey == key.publicKey && read.network == network)
                for index in text.indices {
                    var damaged = text
                    damaged[index] = text[index] == UInt8(ascii: "2") ? UInt8(ascii: "3") : UInt8(ascii: "2")
                    let error = refusal { _ = try WIF.decode(damaged) }
                    #expect(!error.reason.contains(String(decoding: text.prefix(8), as: UTF8.self)))
                }
            }
        }
        let secret = [UInt8](repeating: 1, count: 32)
        for payload in [[0x80] + secret, [0x80] + secret + [2], [0x80] + secret + [1, 1], [0x81] + secret + [1], []] {
            #expect(refusal { _ = try WIF.decode(Base58Check.encode(payload)) }.kind == .unsupported)
        }
        let zero = Base58Check.encode([0x80] + [UInt8](repeating: 0, count: 32) + [1])
        #expect(refusal { _ = try WIF.decode(zero) }.kind == .malformed)
    }

    @Test("leading zero bytes are ones in Base58Check, and the other way round")
    func leadingZeros() throws {
        for zeros in 0...20 {
            let payload = [UInt8](repeating: 0, count: zeros) + [7, 0, 7]
            let text = Base58Check.encode(payload)
            #expect(text.prefix { $0 == UInt8(ascii: "1") }.count == zeros)
            #expect(try Base58Check.decode(text) == payload)
            #expect(refusal { _ = try Base58Check.decode([UInt8(ascii: "1")] + text) }.kind == .malformed)
        }
        #expect(try Base58Check.decode(Base58Check.encode([])) == [])
        let digits = Set("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".utf8)
        for letter in UInt8.min...UInt8.max where !digits.contains(letter) {
            let reason = refusal { _ = try Base58Check.decode([letter, 50, 50, 50, 50, 50, 50]) }.reason
            #expect(reason.contains("does not have"))
        }
    }
}
