import AgentProtocol
import DTABytes
import DTAFormats
import FoundationEssentials

extension AgentResponse {
    /// Takes the secret that was answered, and overwrites it here.
    mutating func takeSecret() -> Secret { Secret(taking: &data) }

    /// The same of the key of a body in chunks.
    mutating func takeKey() -> Secret {
        chunks.isEmpty ? Secret(copying: [UInt8]().span) : Secret(taking: &chunks[0].key)
    }
}
