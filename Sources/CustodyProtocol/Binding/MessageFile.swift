import DTABytes
import DTASystem

/// Custody messages in a file, one after another. The first one has the number 0 and the file's title as its only field;
/// the last one is empty and has the number 255, so that a file that was cut short is none.
struct MessageFile: ~Copyable {
    private static let first: UInt8 = 0
    private static let last: UInt8 = 255

    private var content: [UInt8] = []
    private var writer = CustodyWriter()

    init(_ title: String) { add(MessageFile.first) { $0.field(title) } }

    mutating func add(_ number: UInt8, _ fields: (inout CustodyWriter) -> Void) {
        writer.begin(number)
        fields(&writer)
        unsafe content += writer.finished()
    }

    /// The whole file, to which nothing more can be added.
    consuming func bytes() -> [UInt8] {
        add(MessageFile.last) { _ in }
        return content
    }

    /// - Parameter body: reads each message; unread fields are an error.
    /// - Throws: `DTAError.invalidArgument` for another file, and what `body` throws.
    static func read(_ bytes: [UInt8], _ title: String, _ body: (inout CustodyReader) throws -> Void) throws {
        var rest = bytes[...]
        var count = 0
        var isWhole = false
        while !rest.isEmpty {
            guard !isWhole, rest.count >= CustodyFrame.headerSize else { throw malformed(title) }
            let size = Int(UInt32(bigEndianBytes: rest.prefix(CustodyFrame.headerSize)))
            rest = rest.dropFirst(CustodyFrame.headerSize)
            guard (1...CustodyFrame.limit).contains(size), rest.count >= size else { throw malformed(title) }
            try unsafe rest.prefix(size).withUnsafeBytes { message in
                var reader = try unsafe CustodyReader(message)
                if count == 0 {
                    guard reader.head == first, try reader.string(atMost: 64) == title else { throw malformed(title) }
                } else if reader.head == last {
                    isWhole = true
                } else {
                    try body(&reader)
                }
                try reader.end()
            }
            rest = rest.dropFirst(size)
            count += 1
        }
        guard isWhole else { throw malformed(title) }
    }

    private static func malformed(_ title: String) -> DTAError {
        DTAError(
            .invalidArgument, "this is no file of \(title), or it was cut short",
            hint: "the command that writes it did not come to its end, or wrote something else")
    }
}
