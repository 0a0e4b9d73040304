import CustodyProtocol
import DTASystem

extension Custody {
    /// Runs `body`, which makes new objects with these ids, all of them or none, alone among all processes.
    /// - Throws: `DTAError.failedPrecondition` where the token has anything under one of the ids, and what `body` throws.
    func making<Result>(_ ids: [ObjectID], _ body: () throws -> Result) throws -> Result {
        // Once the ids were seen to be free, what is under them is of our own making.
        var areOurs = false
        return try climbing {
            try changing {
                if areOurs { try destroy(ids) }
                try confirmTokenIsThere()
                for id in ids where try objects.find(id) != nil {
                    throw DTAError(.failedPrecondition, "the token has an object \(hexadecimal(id.bytes)) already")
                }
                areOurs = true
                do {
                    let made = try body()
                    // Whoever is told of a key must find it again: not on a token that took the other's place meanwhile.
                    try confirmTokenIsThere()
                    return made
                } catch let error as DTAError {
                    try destroy(ids)
                    throw error
                } catch {
                    // Where the token is away this fails as well: the next rung tries again, and after the last one the
                    // front finds by `list` what was left.
                    try? destroy(ids)
                    throw error
                }
            }
        }
    }

    /// Destroys everything under these ids.
    func destroy(_ ids: [ObjectID]) throws {
        for id in ids {
            objects.forget(id)
            // The key first: a public half alone can still be found and destroyed.
            for handle in try objects.find(id)?.handles ?? [] { try token.session.destroy(handle) }
        }
    }
}
