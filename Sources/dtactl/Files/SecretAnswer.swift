import AgentProtocol
import Foundation

extension AgentResponse {
    /// Takes the secret that was answered, and overwrites it here. The caller wipes what it gets.
    mutating func takeSecret() -> [UInt8] {
        let secret = [UInt8](data)
        data.resetBytes(in: data.startIndex..<data.endIndex)
        data = Data()
        return secret
    }
}
