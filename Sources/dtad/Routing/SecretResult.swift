import DTAOrders
import DTASystem
import Foundation

/// What was released, on its way into an answer, in memory that is wiped in the end.
struct SecretResult: Sendable {
    let data: Data
    let fields: [(String, String)]

    init(_ result: consuming OrderResult) {
        fields = result.fields
        var bytes = result.data
        // So that these are the only ones, and are wiped where they are.
        result.data = []
        data = Data(secret: bytes)
        wipe(&bytes)
    }
}
