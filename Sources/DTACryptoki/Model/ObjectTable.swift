import CPKCS11

/// The objects that the caller can see, each with a handle that it keeps as long as this program runs.
struct ObjectTable {
    private struct Identity: Hashable {
        let objectClass: TokenObject.Class
        let name: String
        let owner: String?
        let created: Int64
        let publicKeyInfo: [UInt8]
        let certificate: [UInt8]
    }

    private var handles: [Identity: UInt] = [:]
    private var objects: [UInt: TokenObject] = [:]
    /// In ascending order.
    private(set) var order: [UInt] = []
    private var last: UInt = 0

    /// Takes what the agent has now. What was there before keeps its handle; what is gone loses it for ever.
    mutating func update(_ keys: [TokenKey]) {
        var handles: [Identity: UInt] = [:]
        var objects: [UInt: TokenObject] = [:]
        for object in ObjectTable.withDistinctIDs(keys).flatMap(TokenObject.objects) {
            let key = object.key
            let identity = Identity(
                objectClass: object.objectClass, name: key.name, owner: key.owner, created: key.created,
                publicKeyInfo: key.publicKeyInfo, certificate: object.certificate?.bytes ?? [])
            let handle = self.handles[identity] ?? next()
            handles[identity] = handle
            objects[handle] = object
        }
        self.handles = handles
        self.objects = objects
        order = objects.keys.sorted()
    }

    /// An id that two owners gave to keys that the caller can see is that of the caller's own key, or of the first.
    private static func withDistinctIDs(_ keys: [TokenKey]) -> [TokenKey] {
        let own = keys.filter { $0.owner == nil }
        let others = keys.filter { $0.owner != nil }
        var taken: Set<[UInt8]> = []
        return (own + others).map { key in taken.insert(key.id).inserted ? key : key.withoutOwnID() }
    }

    /// A handle that no object has or had.
    mutating func next() -> UInt {
        last += 1
        return last
    }

    func object(_ handle: UInt) throws(CryptokiError) -> TokenObject {
        guard let object = objects[handle] else { throw CryptokiError(CKR_OBJECT_HANDLE_INVALID) }
        return object
    }

    /// A key to be used.
    func key(_ handle: UInt) throws(CryptokiError) -> TokenObject {
        guard let object = objects[handle] else { throw CryptokiError(CKR_KEY_HANDLE_INVALID) }
        return object
    }

    /// The object of a key by its name, which is unique on the host.
    func handle(of objectClass: TokenObject.Class, name: String, certificate: Certificate? = nil) -> UInt? {
        objects.first {
            $0.value.objectClass == objectClass && $0.value.key.name == name && $0.value.certificate == certificate
        }?.key
    }

    /// The key that a certificate is for.
    func key(of certificate: Certificate) -> TokenKey? {
        objects.values.first { $0.objectClass == .publicKey && $0.key.publicKeyInfo == certificate.publicKeyInfo }?.key
    }

    /// Handles after `place` of objects that fit a template, in ascending order.
    /// - Parameter count: how many at most.
    func search(_ template: [Attribute], after place: UInt, count: Int) -> [UInt] {
        guard count > 0 else { return [] }
        var found: [UInt] = []
        for handle in order where handle > place {
            guard let object = objects[handle], template.allSatisfy(object.fits) else { continue }
            found.append(handle)
            if found.count == count { break }
        }
        return found
    }
}
