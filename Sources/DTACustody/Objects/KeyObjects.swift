import CPKCS11
import CustodyProtocol
import DTASystem

/// Finds D-TA's keys on the token, judges them, and remembers where they are: one search among 1,000 keys costs more
/// than a hundred signatures.
final class KeyObjects {
    private let session: Session
    private let makeCopies: Bool
    private var known: [ObjectLabel.CacheKey: KeyObject] = [:]

    /// How many keys are remembered at most. Beyond that all are forgotten, because copies take the module's memory.
    private static let limit = 4096
    /// How long a copy is used before its original is checked: a copy goes on signing when the token is away or another
    /// program deleted the key.
    private static let trust: UInt64 = 1_000_000_000

    init(_ session: Session, makeCopies: Bool) {
        self.session = session
        self.makeCopies = makeCopies
    }

    /// The key with this id; nil if the token shows none.
    /// - Throws: `DTAError.permissionDenied` if it is not as dtad-hsm makes keys; `PKCS11Error`.
    func key(_ id: ObjectID) throws -> KeyObject? {
        if let object = fresh(.id(id)) { return object }
        guard let found = try find(id), let key = found.key else { return nil }
        return remember(.id(id), found.label, key, publicHandle: found.publicHandle)
    }

    /// The sealing key with this label; nil if the token shows none.
    /// - Parameters: `copies`: whether a copy may be used. Those of a key that is to be destroyed would outlive it in
    ///   other processes. `confirming` is called before a key is used that was found just now: these labels are the
    ///   same on every token.
    func sealingKey(
        _ label: ObjectLabel, copies: Bool = true, confirming: () throws -> Void = {}
    ) throws -> KeyObject? {
        if let object = fresh(.label(label)) { return object }
        let handles = try session.find([Attribute(CKA_TOKEN, true), Attribute(CKA_LABEL, label.text)], limit: 2)
        guard let handle = handles.first else { return nil }
        guard handles.count == 1 else { throw refusal(label.text, "the token holds more than one") }
        let object = try inspect(handle)
        guard object.label == label, let kind = object.kind, kind == .aes256 else {
            throw refusal(label.text, "it is no AES key")
        }
        try confirming()
        return remember(.label(label), label, (handle, kind), publicHandle: nil, copies: copies)
    }

    /// Destroys the sealing keys with this label, if there are any.
    func destroySealingKeys(_ label: ObjectLabel) throws {
        drop(.label(label))
        for handle in try session.find([Attribute(CKA_TOKEN, true), Attribute(CKA_LABEL, label.text)], limit: .max) {
            try session.destroy(handle)
        }
    }

    /// All objects under this id, read from the token.
    func find(_ id: ObjectID) throws -> FoundObjects? {
        // CKA_TOKEN keeps this session's copies out, which have the same id.
        let handles = try session.find([Attribute(CKA_TOKEN, true), Attribute(CKA_ID, id.bytes)], limit: 3)
        var found: FoundObjects?
        for handle in handles {
            let object = try inspect(handle)
            guard case .object(let named) = object.label, named.id == id else {
                throw refusal(object.label.text, "its label names another id")
            }
            if let found, found.label != object.label {
                throw refusal(object.label.text, "another object has the same id")
            }
            var all = found ?? FoundObjects(label: object.label)
            if let kind = object.kind {
                guard all.key == nil else { throw refusal(object.label.text, "the token holds more than one") }
                all.key = (handle, kind)
            } else {
                guard all.publicHandle == nil else {
                    throw refusal(object.label.text, "the token holds more than one public half")
                }
                all.publicHandle = handle
            }
            found = all
        }
        return found
    }

    /// Every object of a class, by label; objects of other programs are ignored.
    func list(_ objectClass: ObjectClass) throws -> Set<TokenObject> {
        var objects: Set<TokenObject> = []
        for handle in try session.find([Attribute(CKA_TOKEN, true)], limit: .max) {
            // An object may go while the list is made.
            guard let text = try? session.read(handle, [CKA_LABEL])[0],
                case .object(let object) = ObjectLabel(String(decoding: text, as: UTF8.self)),
                object.objectClass == objectClass
            else { continue }
            objects.insert(object)
        }
        return objects
    }

    /// Destroys the objects of examinations that did not end.
    func destroyTrials() throws {
        for handle in try session.find([Attribute(CKA_TOKEN, true)], limit: .max) {
            // An object may go while the list is made.
            guard let text = try? session.read(handle, [CKA_LABEL])[0],
                case .trial? = ObjectLabel(String(decoding: text, as: UTF8.self))
            else { continue }
            try session.destroy(handle)
        }
    }

    /// The numbers of the sealing keys of a class, by label, including other objects with such a label.
    func sealingNumbers(_ objectClass: ObjectClass) throws -> Set<UInt32> {
        try sealingNumbers(objectClass, among: [Attribute(CKA_TOKEN, true)])
    }

    /// The same for AES keys only, which takes less reading.
    func sealingKeyNumbers(_ objectClass: ObjectClass) throws -> Set<UInt32> {
        try sealingNumbers(
            objectClass,
            among: [
                Attribute(CKA_TOKEN, true), Attribute(CKA_CLASS, number: CKO_SECRET_KEY),
                Attribute(CKA_KEY_TYPE, number: CKK_AES),
            ])
    }

    private func sealingNumbers(_ objectClass: ObjectClass, among template: [Attribute]) throws -> Set<UInt32> {
        var numbers: Set<UInt32> = []
        for handle in try session.find(template, limit: .max) {
            // An object may go while the list is made.
            guard let text = try? session.read(handle, [CKA_LABEL])[0],
                case .sealing(objectClass, let number)? = ObjectLabel(String(decoding: text, as: UTF8.self))
            else { continue }
            numbers.insert(number)
        }
        return numbers
    }

    /// Forgets a key and its copy.
    func forget(_ id: ObjectID) { drop(.id(id)) }

    func forgetAll() { for key in Array(known.keys) { drop(key) } }

    private func drop(_ key: ObjectLabel.CacheKey) {
        if let copy = known.removeValue(forKey: key)?.copy { try? session.destroy(copy) }
    }

    /// A remembered key, if it is still on the token, or was a second ago and there is a copy.
    ///
    /// A token may give the handle of an object that was destroyed to another one, and another process may have
    /// destroyed and made them. So a key that is used by the token's handle is checked each time. A copy belongs to
    /// this session.
    private func fresh(_ key: ObjectLabel.CacheKey) -> KeyObject? {
        guard let object = known[key] else { return nil }
        let now = monotonicNanoseconds()
        if object.copy != nil, now &- object.seen < Self.trust { return object }
        guard isStill(object.tokenHandle, object.label, object.kind) else {
            drop(key)
            return nil
        }
        object.seen = now
        return object
    }

    /// The public half of a key; nil if the token has none. Its handle is checked for the same reason.
    func publicHandle(of object: KeyObject) throws -> CK_OBJECT_HANDLE? {
        guard let handle = object.publicHandle else { return nil }
        if isStill(handle, object.label, nil) { return handle }
        guard case .object(let named) = object.label, let found = try find(named.id), found.label == object.label else {
            return nil
        }
        return found.publicHandle
    }

    /// - Parameter kind: nil: a public half.
    private func isStill(_ handle: CK_OBJECT_HANDLE, _ label: ObjectLabel, _ kind: KeyKind?) -> Bool {
        guard let found = try? inspect(handle) else { return false }
        return found.label == label && found.kind == kind
    }

    private func remember(
        _ key: ObjectLabel.CacheKey, _ label: ObjectLabel, _ found: (handle: CK_OBJECT_HANDLE, kind: KeyKind),
        publicHandle: CK_OBJECT_HANDLE?, copies: Bool = true
    ) -> KeyObject {
        if known.count >= Self.limit { forgetAll() }
        // If the token makes no copies, the key itself is used.
        let copy = makeCopies && copies ? try? session.copyToSession(found.handle) : nil
        let object = KeyObject(
            label: label, kind: found.kind, tokenHandle: found.handle, publicHandle: publicHandle, copy: copy)
        known[key] = object
        return object
    }

    /// Reads an object's attributes, and refuses an object that dtad-hsm would not have made.
    /// - Returns: its kind; nil for a public half.
    private func inspect(_ handle: CK_OBJECT_HANDLE) throws -> (label: ObjectLabel, kind: KeyKind?) {
        let values = try session.read(
            handle,
            [CKA_LABEL, CKA_CLASS, CKA_KEY_TYPE, CKA_EC_PARAMS, CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_DERIVE, CKA_SIGN])
        let text = String(decoding: values[0] ?? [], as: UTF8.self)
        guard let label = ObjectLabel(text) else { throw refusal(text, "its label is not one of D-TA's") }
        switch values[1]?.asNumber {
        case CKO_PUBLIC_KEY: return (label, nil)
        case CKO_PRIVATE_KEY, CKO_SECRET_KEY:
            // A token may let keys derive that were made to sign.
            let derives = values[6] == [1] && values[7] != [1]
            let kind = try KeyKind(type: values[2]?.asNumber, parameters: values[3], derives: derives) {
                try session.read(handle, [CKA_MODULUS], room: Session.modulusRoom)[0]
            }
            guard let kind else {
                throw refusal(text, "it is of a kind that D-TA does not use")
            }
            guard values[4] == [1], values[5] == [0] else { throw refusal(text, "its secret can be read") }
            return (label, kind)
        default: throw refusal(text, "it is no key")
        }
    }

    private func refusal(_ label: String, _ why: String) -> DTAError {
        DTAError(
            .permissionDenied, "the object \"\(label.prefix(80))\" on the token is not used: \(why)",
            hint: "something other than dtad-hsm wrote to the token")
    }
}

extension ObjectLabel {
    /// The key of the cache: the front names keys by id, before their label is known.
    enum CacheKey: Hashable {
        case id(ObjectID)
        case label(ObjectLabel)
    }
}
