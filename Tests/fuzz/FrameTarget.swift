import DTASystem
import SwiftProtobuf

@testable import AgentProtocol

/// The stream of frames on the agent's socket, and the messages in them.
enum FrameTarget: FuzzTarget {
    static func run(_ bytes: [UInt8]) {
        let size = Int(bytes.first ?? 0) + 1
        var reader = AgentFrameReader()
        var rest = bytes[...]
        do {
            while !rest.isEmpty {
                unsafe Array(rest.prefix(size)).withUnsafeBytes { unsafe reader.append($0) }
                rest = rest.dropFirst(size)
                while let body = try reader.next() { message(body) }
            }
        } catch {
            claim((error as? DTAError)?.code == .invalidArgument, "a wrong length is told as one")
        }
    }

    private static func message(_ body: [UInt8]) {
        if let request = try? AgentRequest(serializedBytes: body) { check(request) }
        if let response = try? AgentResponse(serializedBytes: body) {
            _ = response.error
            check(response)
        }
    }

    private static func check(_ message: some SwiftProtobuf.Message & Equatable) {
        guard let frame = try? AgentFrame.encode(message) else { return }
        // Maps and unknown fields have no one form in protobuf: what is compared is what was understood.
        let again = try? type(of: message).init(serializedBytes: Array(frame.dropFirst(AgentFrame.headerSize)))
        claim(again == message, "a message is read as it was written")
    }
}
