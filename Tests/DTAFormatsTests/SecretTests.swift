import DTABytes
import Foundation
import TestSupport
import Testing

@Suite("Secrets")
struct SecretTests {
    /// What this process has at an address: it may be read also after it was given back.
    private func memory(at address: UInt, _ count: Int) throws -> [UInt8] {
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/self/mem"))
        defer { try? file.close() }
        try file.seek(toOffset: UInt64(address))
        return Array((try? file.read(upToCount: count)) ?? Data())
    }

    private func random() -> [UInt8] { (0..<4096).map { _ in UInt8.random(in: 0...255) } }

    /// Bytes from the middle of a secret: the ends of what was given back belong to the allocator.
    private func place(of secret: borrowing Secret) -> UInt {
        secret.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) + 2048 }
    }

    @Test("a secret is zeroed when its owner's life ends, also if what fills it throws")
    func owner() throws {
        let bytes = random()
        let middle = Array(bytes[2048..<2064])
        var address: UInt = 0
        do {
            let secret = Secret(bytes)
            address = place(of: secret)
            #expect(try memory(at: address, 16) == middle && secret.array == bytes)
        }
        #expect(try memory(at: address, 16) != middle)

        struct Refusal: Error {}
        do {
            _ = try Secret(count: bytes.count) { room in
                room.copyBytes(from: bytes)
                address = UInt(bitPattern: room.baseAddress) + 2048
                throw Refusal()
            }
            Issue.record("nothing was thrown")
        } catch is Refusal {}
        #expect(try memory(at: address, 16) != middle)
    }

    @Test("a shared secret is there until the last reference goes, and zeroed then")
    func reference() throws {
        let bytes = random()
        let middle = Array(bytes[2048..<2064])
        var address: UInt = 0
        do {
            var last: SecretReference?
            do {
                let first = SecretReference(copying: bytes)
                address = first.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) + 2048 }
                last = first
            }
            #expect(try memory(at: address, 16) == middle)
            #expect(last?.array == bytes && last == SecretReference(copying: bytes))
            last = nil
        }
        #expect(try memory(at: address, 16) != middle)
    }

    @Test("what a library gave as an array or as data is overwritten there when a secret takes it")
    func taking() throws {
        let bytes = random()
        let middle = Array(bytes[2048..<2064])
        var array = bytes.map { $0 }
        let inArray = array.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) } + 2048
        let first = Secret(taking: &array)
        #expect(try array.isEmpty && memory(at: inArray, 16) != middle && first.array == bytes)

        var data = Data(bytes)
        let inData = data.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) } + 2048
        let second = Secret(taking: &data)
        #expect(try data.isEmpty && memory(at: inData, 16) != middle && second.array == bytes)
    }

    @Test("secrets are put together, and compared by all of their bytes")
    func bytes() {
        let secret = Secret([1, 2, 3])
        #expect(secret.followed(by: [4]).array == [1, 2, 3, 4] && secret.between([0], [9]).array == [0, 1, 2, 3, 9])
        #expect(secret.isEqual(to: [1, 2, 3].span) && !secret.isEqual(to: [1, 2].span))
        #expect(!secret.isEqual(to: [1, 2, 4].span) && !secret.isEqual(to: [0, 2, 3].span))
        #expect(Secret([]).isEmpty && Secret([]).followed(by: []).array == [])
        #expect(Secret.random(count: 32).array != Secret.random(count: 32).array)
    }
}

@Suite("Bytes as text")
struct TextEncodingTests {
    @Test("hexadecimal is written in small letters, and read in either case, whole or not at all")
    func hexadecimal() {
        #expect(Hexadecimal.encode([0, 15, 16, 255]) == "000f10ff" && Hexadecimal.encode([]) == "")
        #expect(Hexadecimal.decode("000F10ff") == [0, 15, 16, 255] && Hexadecimal.decode("") == [])
        for text in ["0", "0g", "+1", "-1", " 00", "00 ", "é0", "0x00"] { #expect(Hexadecimal.decode(text) == nil) }
        #expect(Hexadecimal.decodeSmall("ff") == [255] && Hexadecimal.decodeSmall("fF") == nil)
    }

    @Test("base64 has one spelling for each value, and every other text is refused")
    func base64() {
        // RFC 4648 section 10.
        let vectors = [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ]
        for (plain, text) in vectors {
            let bytes = Array(plain.utf8)
            #expect(Base64.encode(bytes) == text && Base64.decode(text) == bytes)
            #expect(Base64.encode(secret: Secret(bytes)).array == Array(text.utf8))
            if let read = Base64.decode(secret: Secret(Array(text.utf8))) {
                #expect(read.array == bytes)
            } else {
                Issue.record("\(text) is not read")
            }
            let bare = String(text.prefix { $0 != "=" })
            #expect(Base64.decode(bare, .url) == bytes)
            #expect(bare == text || Base64.decode(bare) == nil && Base64.decode(text, .url) == nil)
        }
        #expect(Base64.decode("-_8", .url) == [0xfb, 0xff] && Base64.decode("+/8=") == [0xfb, 0xff])
        for text in ["=", "====", "A", "AA", "AAA", "A===", "AA=A", "Zh==", "Zm9=", "Zg==\n", " Zg=", "-_8=", "é==="] {
            #expect(Base64.decode(text) == nil, "\(text)")
        }
        for text in ["A", "AAAAA", "Zh", "Zm9", "+/8", "Zg==", "Zg "] {
            #expect(Base64.decode(text, .url) == nil, "\(text)")
        }
        for count in 0..<200 {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255) }
            #expect(Base64.encode(bytes) == Data(bytes).base64EncodedString())
        }
    }

    @Test("numbers have their most significant byte first")
    func bigEndian() {
        #expect(
            UInt32(0x0102_0304).bigEndianBytes == [1, 2, 3, 4] && UInt64(7).bigEndianBytes == [0, 0, 0, 0, 0, 0, 0, 7])
        #expect(UInt32(bigEndianBytes: [1, 2, 3, 4]) == 0x0102_0304 && UInt64(bigEndianBytes: [1, 2]) == 258)
        for _ in 0..<100 {
            let number = UInt32.random(in: 0 ... .max)
            #expect(UInt32(bigEndianBytes: number.bigEndianBytes) == number)
        }
    }
}
