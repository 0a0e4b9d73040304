import CustodyProtocol
import DTABytes
import DTASystem

extension Custody {
    /// Runs `body`, which makes new objects with these ids, all of them or none, while no other process changes the
    /// token.
    /// - Throws: `DTAError.failedPrecondition` if the token has an object under one of the ids, and what `body` throws.
    func making<Result>(_ ids: [ObjectID], _ body: () throws -> Result) throws -> Result {
        try making(ids) {
        } body: {
            try body()
        }
    }

    /// The same, where `prepare` does what takes long and changes nothing on the token: other processes do not wait for
    /// it.
    func making<Draft: ~Copyable, Result>(
        _ ids: [ObjectID], prepare: () throws -> Draft, body: (borrowing Draft) throws -> Result
    ) throws -> Result {
        // Once the ids were seen to be free, the objects under them are our own.
        var areOurs = false
        return try climbing {
            let draft = try prepare()
            return try changing {
                if areOurs { try destroy(ids) }
                // Asked with the lock, for which a sweep of the front's next life waits.
                guard isAwaited() else {
                    throw DTAError(.unavailable, "dtad ended before the key was made")
                }
                try confirmTokenIsThere()
                for id in ids where try objects.find(id) != nil {
                    throw DTAError(
                        .failedPrecondition, "the token has an object \(Hexadecimal.encode(id.bytes)) already")
                }
                areOurs = true
                do {
                    let made = try body(draft)
                    // The caller must find the key again, so it must not be on a token that took the other's place
                    // meanwhile.
                    try confirmTokenIsThere()
                    return made
                } catch let error as DTAError {
                    try destroy(ids)
                    throw error
                } catch {
                    // If the token is away, this fails as well: the next rung tries again, and after the last one the
                    // front finds the left objects by `list`.
                    try? destroy(ids)
                    throw error
                }
            }
        }
    }

    /// Destroys all objects under these ids.
    func destroy(_ ids: [ObjectID]) throws {
        for id in ids {
            objects.forget(id)
            // The key first: a public half that is left can still be found and destroyed.
            for handle in try objects.find(id)?.handles ?? [] { try token.session.destroy(handle) }
        }
    }
}
