import CustodyProtocol
import DTABytes
import DTASystem
import Logging

/// Compares what the database says about the token with the token.
package struct TokenCheck {
    package let objects: [TokenObject]
    private let owners: [ObjectID: ObjectOwner]

    package init(_ custodian: any Custodian, _ objectClass: ObjectClass) throws {
        objects = try custodian.ask(ListObjects(objectClass: objectClass))
        owners = Dictionary(objects.map { ($0.id, $0.owner) }, uniquingKeysWith: { first, _ in first })
    }

    /// Why an object cannot be used; nil if it is on the token and belongs to its owner.
    package func damage(_ id: ObjectID, owner: Owner) -> String? {
        guard let found = owners[id] else { return "it is not on the token" }
        guard found.uid == owner.uid else {
            return "it belongs to user \(owner.display) in the database, but to uid \(found.uid) on the token"
        }
        return nil
    }

    /// Unknown objects are reported, never destroyed: a backup may need them.
    package func reportUnknown(except known: Set<ObjectID>, _ logger: Logger) {
        let unknown = objects.filter { !known.contains($0.id) }
        guard let first = unknown.first else { return }
        logger.warning(
            "there are keys on the token that dtad does not know: an administrator can list them",
            metadata: [
                "class": "\(first.objectClass.name)", "count": "\(unknown.count)",
                "objects": "\(unknown.prefix(5).map(\.id.text).joined(separator: ", "))",
            ])
    }
}

extension KeyService {
    /// Takes keys out of use if their object is missing on the token, or belongs to another owner there; keys that
    /// match again are back in use.
    package func crossCheck(_ custodian: any Custodian) throws {
        // The index first: a key that is made meanwhile is then only on the token, which takes no key out of use.
        let keys = index.all
        let token = try TokenCheck(custodian, .user)
        var damages: [String: String] = [:]
        for key in keys { damages[key.name] = token.damage(key.object, owner: key.owner) }
        index.mark(damages)
        for (name, reason) in damages.sorted(by: { $0.key < $1.key }) {
            logger.error("a key is out of use", metadata: ["key": "\(name)", "why": "\(reason)"])
        }
        token.reportUnknown(except: try intents.objects().union((keys + index.all).map(\.object)), logger)
    }
}

extension ObjectID {
    /// 32 hexadecimal digits.
    package var text: String {
        Hexadecimal.encode(bytes)
    }
}
