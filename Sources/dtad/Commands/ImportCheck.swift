import CustodyProtocol
import DTACore
import DTAFormats
import DTASystem
import Glibc

/// The check of imports by `dtad check`: whether the file that dtactl trusts with keys is of this token.
struct ImportCheck {
    private let path: String
    private static let limit = 4096

    init(configurationPath: String) {
        let directory = configurationPath[..<(configurationPath.lastIndex(of: "/") ?? configurationPath.startIndex)]
        path = configurationPath.contains("/") ? "\(directory)/import.pem" : "import.pem"
    }

    func run(_ custodian: any Custodian, _ report: Report) {
        guard access(path, F_OK) == 0 else {
            return report.note(
                "imports", "there is no \(path), so no keys can be imported: dtad-hsm --import-key makes it")
        }
        guard let named = report.attempt("imports", read) else { return }
        do {
            guard try sign(custodian, isBy: named) else {
                return report.bad(
                    "imports", "\(path) is not of this token, so no key is sent to it",
                    "if the token is the right one, find out who changed the file; dtad-hsm --import-key prints it anew"
                )
            }
        } catch {
            let reason = DTAError(error)
            return report.bad("imports", reason.message, reason.hintText)
        }
        guard let open = try? PathWay(to: path).steps.first(where: { $0.isOpen || ![0, geteuid()].contains($0.owner) })
        else { return report.good("imports", "\(path) is of this token") }
        report.note("imports", "\(path) is of this token; but others could change \(open.path), so dtactl refuses it")
    }

    private func read() throws -> PublicKey {
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard number >= 0 else { throw DTAError(.notFound, "\(path) cannot be read: \(errorText(errno))") }
        let file = Descriptor(owning: number)
        var bytes = [UInt8](repeating: 0, count: ImportCheck.limit)
        let count = try bytes.withUnsafeMutableBytes { try file.fill($0) }
        guard let key = try? PublicKey(pem: String(decoding: bytes.prefix(count), as: UTF8.self)) else {
            throw DTAError(.failedPrecondition, "\(path) holds no public key in PEM")
        }
        return key
    }

    /// Has the token's key sign a wrapping key, which is never used.
    private func sign(_ custodian: any Custodian, isBy named: PublicKey) throws -> Bool {
        let (object, uid) = (ObjectID.random(), geteuid())
        let nonce = ObjectID.random().bytes + ObjectID.random().bytes
        let offer = try custodian.ask(
            BeginImport(type: .p256, owner: ObjectOwner(uid: uid), id: object, nonce: nonce))
        let place = try KeyWrapping(.p256, owner: uid, object: object.bytes)
        do {
            try place.verify(offer.signature, wrappingKey: offer.wrappingKey, nonce: nonce, by: named)
            return true
        } catch is FormatError {
            return false
        }
    }
}
