import AgentProtocol
import CustodyProtocol
import DTACore
import DTAFormats
import DTASystem
import Foundation

// How the domain's types look on the agent's socket.

extension AgentKey {
    init(_ record: KeyRecord) throws {
        self.init()
        name = record.name
        type = AgentKeyType(rawValue: Int(record.type.rawValue)) ?? .unspecified
        ownerUid = record.owner.uid
        owner = record.owner.name
        created = record.created
        if let half = try record.publicHalf() { publicKey = Data(half.spkiDER) }
    }
}
