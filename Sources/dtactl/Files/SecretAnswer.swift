import AgentProtocol
import DTABytes
import DTAFormats
import FoundationEssentials

extension AgentResponse {
    /// Takes the secret out of the answer, and overwrites it there.
    mutating func takeSecret() -> Secret { Secret(taking: &data) }

    /// The same for the key of a body in chunks.
    mutating func takeKey() -> Secret {
        chunks.isEmpty ? Secret(copying: [UInt8]().span) : Secret(taking: &chunks[0].key)
    }
}
