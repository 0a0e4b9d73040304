import DTASystem
import Glibc
import Testing

@Suite("Buffered input")
struct BufferedInputTests {
    @Test("pieces of any length come as they were written, however they were written")
    func pieces() throws {
        let (near, far) = try UnixSocket.pair()
        var input = BufferedInput(near.number)
        let bytes = (0..<30_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        // More than the buffer holds lies there at once, and the pieces end at all places in it.
        try writeAll(bytes, to: far.number)
        var rest = bytes[...]
        for count in [12, 0, 4, 4079, 4095, 1, 4096, 4097, 3, 9000, 2] {
            #expect(try input.take(count) == Array(rest.prefix(count)), "\(count)")
            rest = rest.dropFirst(count)
        }
        #expect(try input.take(rest.count) == Array(rest))
        for part in [[1, 2], [3], [4, 5, 6]] as [[UInt8]] {
            try writeAll(part, to: far.number)
            #expect(try input.take(part.count) == part)
        }
    }

    @Test("at the end there is what came before it", arguments: [3, 4096, 5000])
    func end(count: Int) throws {
        let (near, far) = try UnixSocket.pair()
        var input = BufferedInput(near.number)
        try writeAll([7, 8], to: far.number)
        shutdown(far.number, Int32(SHUT_WR))
        #expect(try input.take(1) == [7])
        #expect(try input.take(count) == [8])
        #expect(try input.take(count).isEmpty)
    }
}
