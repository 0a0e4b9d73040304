import DTAOrders
import DTASystem
import Foundation

/// A released result for an answer, in memory that is wiped at the end.
struct SecretResult: Sendable {
    let data: Data
    let fields: [(String, String)]

    init(_ result: consuming OrderResult) {
        fields = result.fields
        var bytes = result.data
        // So that these are the only copies, and are wiped in place.
        result.data = []
        data = Data(secret: bytes)
        wipe(&bytes)
    }
}
