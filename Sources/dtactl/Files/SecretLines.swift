import DTABytes

/// The lines of a text with a secret, without surrounding blanks and empty lines. Only lines that are asked for are
/// copied.
struct SecretLines: ~Copyable {
    private let text: Secret
    private let lines: [Range<Int>]

    init(_ text: consuming Secret) {
        lines = text.withBytes { bytes in
            var lines: [Range<Int>] = []
            var start = 0
            for index in 0...bytes.count where index == bytes.count || SecretLines.isEnd(bytes[index]) {
                var line = start..<index
                while let first = line.first, SecretLines.isBlank(bytes[first]) { line = first + 1..<line.upperBound }
                while let last = line.last, SecretLines.isBlank(bytes[last]) { line = line.lowerBound..<last }
                if !line.isEmpty { lines.append(line) }
                start = index + 1
            }
            return lines
        }
        self.text = text
    }

    private static func isEnd(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    /// The number of the first line that equals `wanted`.
    borrowing func first(_ wanted: String, behind start: Int = -1) -> Int? {
        lines.indices.first { $0 > start && begins($0, with: wanted) && lines[$0].count == wanted.utf8.count }
    }

    /// The first line with this beginning; it must not be secret.
    borrowing func first(beginningWith beginning: String) -> String? {
        lines.indices.first { begins($0, with: beginning) }.map { number in
            let line = lines[number]
            return text.withBytes { String(decoding: Array(copying: $0.extracting(line)), as: UTF8.self) }
        }
    }

    /// Lines by their numbers, joined without separators.
    borrowing func joined(_ numbers: Range<Int>) -> Secret {
        let lines = lines[numbers]
        return text.withUnsafeBytes { bytes in
            Secret(count: lines.reduce(0) { $0 + $1.count }) { room in
                var end = 0
                for line in lines {
                    let target = UnsafeMutableRawBufferPointer(rebasing: room[end..<end + line.count])
                    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[line]))
                    end += line.count
                }
            }
        }
    }

    private borrowing func begins(_ number: Int, with beginning: String) -> Bool {
        let (line, beginning) = (lines[number], Array(beginning.utf8))
        guard line.count >= beginning.count else { return false }
        return text.withBytes { text in beginning.indices.allSatisfy { text[line.lowerBound + $0] == beginning[$0] } }
    }
}
