import CustodyProtocol
import DTABytes
import DTASystem

/// The label (CKA_LABEL) of each object that D-TA keeps on a token; it decides what may be done with the object.
///
///     dta/<class>/<owner uid>/<object id, 32 hexadecimal digits>
///     dta/seal/<number>, dta/state/<number>, dta/epoch/<number>
///     dta/trial/<object id>
enum ObjectLabel: Equatable, Hashable {
    case object(TokenObject)
    case sealing(ObjectClass, number: UInt32)
    /// A key that was made to examine the token, and is destroyed at once.
    case trial(ObjectID)

    /// The prefix of all labels of D-TA; other programs may keep their objects on the token.
    static let prefix = "dta/"
    private static let trialPrefix = "dta/trial/"

    var text: String {
        switch self {
        case .object(let object):
            "dta/\(object.objectClass.name)/\(object.owner.uid)/\(Hexadecimal.encode(object.id.bytes))"
        case .sealing(let objectClass, let number): "dta/\(objectClass.name)/\(number)"
        case .trial(let id): ObjectLabel.trialPrefix + Hexadecimal.encode(id.bytes)
        }
    }

    /// Nil for trials.
    var objectClass: ObjectClass? {
        switch self {
        case .object(let object): object.objectClass
        case .sealing(let objectClass, _): objectClass
        case .trial: nil
        }
    }

    /// Reads a label; nil unless it is written exactly as `text` writes it.
    init?(_ text: String) {
        if text.hasPrefix(ObjectLabel.trialPrefix) {
            let digits = text.dropFirst(ObjectLabel.trialPrefix.count)
            guard let bytes = Hexadecimal.decode(digits), let id = try? ObjectID(bytes) else { return nil }
            self = .trial(id)
            guard self.text == text else { return nil }
            return
        }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[0] == "dta",
            let objectClass = ObjectClass.allCases.first(where: { $0.name == parts[1] }), let number = UInt32(parts[2])
        else { return nil }
        if objectClass.isSealing {
            self = .sealing(objectClass, number: number)
        } else {
            guard parts.count == 4, let bytes = Hexadecimal.decode(parts[3]), let id = try? ObjectID(bytes) else {
                return nil
            }
            self = .object(TokenObject(objectClass: objectClass, owner: ObjectOwner(uid: number), id: id))
        }
        // One object has one label: no leading zeros, no capitals, nothing after it.
        guard self.text == text else { return nil }
    }
}

extension ObjectClass {
    /// - Throws: `DTAError.internal` unless it is one of these.
    func require(among classes: [ObjectClass]) throws {
        guard classes.contains(self) else {
            throw DTAError(.internal, "this request may use no objects of class \(name)")
        }
    }
}
