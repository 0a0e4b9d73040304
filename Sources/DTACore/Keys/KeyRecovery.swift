import CustodyProtocol
import DTASystem
import Logging

/// Comparing the keys in the database with the objects on the token.
extension KeyService {
    /// Takes keys out of use whose object is not on the token, or is somebody else's there; those that fit again are back
    /// in use. Objects that nobody knows are reported, never destroyed: they may be what a backup needs.
    func crossCheck(_ custodian: any Custodian) throws {
        // The index first: a key that is made meanwhile is then only on the token, which takes nothing out of use.
        let keys = index.all
        let objects = try custodian.list(.user)
        let owners = Dictionary(objects.map { ($0.id, $0.owner) }, uniquingKeysWith: { first, _ in first })
        var damages: [String: String] = [:]
        for key in keys {
            guard let owner = owners[key.object] else {
                damages[key.name] = "it is not on the token"
                continue
            }
            if owner.uid != key.owner.uid {
                damages[key.name] =
                    "it belongs to user \(key.owner.display) in the database, but to uid \(owner.uid) on the token"
            }
        }
        index.mark(damages)
        for (name, reason) in damages.sorted(by: { $0.key < $1.key }) {
            logger.error("a key is out of use", metadata: ["key": "\(name)", "why": "\(reason)"])
        }
        let known = try intents.objects().union((keys + index.all).map(\.object))
        for object in objects where !known.contains(object.id) {
            logger.warning(
                "there is an object on the token that dtad does not know",
                metadata: [
                    "class": "\(object.objectClass.name)", "uid": "\(object.owner.uid)", "object": "\(object.id.text)",
                ])
        }
    }
}

extension ObjectID {
    /// 32 hexadecimal digits.
    var text: String {
        String(decoding: bytes.flatMap { [hexDigit($0 >> 4), hexDigit($0)] }, as: UTF8.self)
    }
}
