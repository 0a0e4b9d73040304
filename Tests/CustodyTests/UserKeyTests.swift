import Crypto
import CustodyProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

@Suite("Users' keys on a token")
struct UserKeyTests {
    let owner = ObjectOwner(uid: 1000)

    @Test("a P-256 key that the token made signs a digest, and swift-crypto verifies it")
    func p256() throws {
        let token = try TestToken()
        let custody = try HSMProcess(token).connect()
        #expect(try custody.describe().label == TestToken.label)
        let id = ObjectID.random()
        let key = try P256.Signing.PublicKey(x963Representation: custody.generate(.p256, owner: owner, id: id))
        let message = Data("a message".utf8)
        let signature = try custody.sign(id, input: Array(SHA256.hash(data: message)))
        #expect(key.isValidSignature(try .init(rawRepresentation: signature), for: message))
    }
}
