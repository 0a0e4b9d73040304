import CPKCS11
import CustodyProtocol
import DTASystem
import Glibc

/// A PKCS#11 module that was loaded with dlopen(3), and its functions.
///
/// It is never unloaded: vendors' modules leave threads and exit handlers behind.
final class Module {
    let path: String
    /// The module's own table, which it keeps as long as it is loaded.
    let functions: UnsafePointer<CK_FUNCTION_LIST>

    /// - Throws: `CustodyStartError` if the file is no module.
    init(path: String) throws {
        func missing(_ why: String) -> CustodyStartError {
            CustodyStartError(
                DTAError(
                    .failedPrecondition, "the PKCS#11 module \(path) cannot be used: \(why)",
                    hint: "install it, or name another one under hsm.module"),
                .moduleMissing)
        }
        // A relative name would be searched for in directories that others may choose.
        guard path.hasPrefix("/") else { throw missing("its path is not absolute") }
        guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw missing(dlerror().map { String(cString: $0) } ?? "dlopen failed")
        }
        guard let symbol = dlsym(library, "C_GetFunctionList") else { throw missing("it has no C_GetFunctionList") }
        typealias GetFunctionList =
            @convention(c) (UnsafeMutablePointer<UnsafeMutablePointer<CK_FUNCTION_LIST>?>?) -> CK_RV
        let getFunctionList = unsafeBitCast(symbol, to: GetFunctionList.self)
        var list: UnsafeMutablePointer<CK_FUNCTION_LIST>?
        guard getFunctionList(&list) == CK_RV(CKR_OK), let list else { throw missing("it gives no functions") }
        functions = UnsafePointer(list)
        self.path = path
    }

    /// Throws unless the answer is CKR_OK, or if the module lacks the function.
    /// - Parameter mechanism: that of the call, for the error.
    @inline(__always)
    func check(_ call: StaticString, by mechanism: UInt? = nil, _ answer: CK_RV?) throws {
        if let answer, answer == CK_RV(CKR_OK) { return }
        throw PKCS11Error(
            call: "\(call)" + (mechanism.map { " by " + name(of: $0) } ?? ""),
            code: answer ?? CK_RV(CKR_FUNCTION_NOT_SUPPORTED))
    }

    /// C_Initialize without locking: this process has one thread.
    /// - Throws: `CustodyStartError` if the module wants arguments, as NSS's does; `PKCS11Error`.
    func initialize() throws {
        do {
            try check("C_Initialize", functions.pointee.C_Initialize?(nil))
        } catch let error as PKCS11Error where error.code == CK_RV(CKR_ARGUMENTS_BAD) {
            throw CustodyStartError(
                DTAError(
                    .failedPrecondition,
                    "the PKCS#11 module \(path) does not start (\(error)): it wants arguments that dtad-hsm does not give",
                    hint: "name another one under hsm.module; NSS's softoken is one of those that want arguments"),
                .moduleMissing)
        }
    }

    func finalize() { _ = functions.pointee.C_Finalize?(nil) }

    /// The library's description and version.
    func libraryName() throws -> String {
        var info = CK_INFO()
        try check("C_GetInfo", functions.pointee.C_GetInfo?(&info))
        let name = withUnsafeBytes(of: info.libraryDescription) { paddedText($0) }
        return "\(name) \(info.libraryVersion.major).\(info.libraryVersion.minor)"
    }

    /// The slots that hold a token.
    func slots() throws -> [CK_SLOT_ID] {
        // A slot may come between the question for their number and the one for their names.
        var count: CK_ULONG = 0
        try check("C_GetSlotList", functions.pointee.C_GetSlotList?(CK_BBOOL(CK_TRUE), nil, &count))
        var slots = [CK_SLOT_ID](repeating: 0, count: Int(count) + 16)
        count = CK_ULONG(slots.count)
        try check("C_GetSlotList", functions.pointee.C_GetSlotList?(CK_BBOOL(CK_TRUE), &slots, &count))
        return Array(slots.prefix(Int(count)))
    }

    func tokenInfo(_ slot: CK_SLOT_ID) throws -> CK_TOKEN_INFO {
        var info = CK_TOKEN_INFO()
        try check("C_GetTokenInfo", functions.pointee.C_GetTokenInfo?(slot, &info))
        return info
    }

    func mechanisms(_ slot: CK_SLOT_ID) throws -> Set<CK_MECHANISM_TYPE> {
        var count: CK_ULONG = 0
        try check("C_GetMechanismList", functions.pointee.C_GetMechanismList?(slot, nil, &count))
        var list = [CK_MECHANISM_TYPE](repeating: 0, count: Int(count))
        try check("C_GetMechanismList", functions.pointee.C_GetMechanismList?(slot, &list, &count))
        return Set(list.prefix(Int(count)))
    }
}

/// A fixed-size text of PKCS#11, without its padding.
func paddedText(_ bytes: UnsafeRawBufferPointer) -> String {
    var end = bytes.count
    while end > 0, bytes[end - 1] == 0x20 || bytes[end - 1] == 0 { end -= 1 }
    return String(decoding: bytes[..<end], as: UTF8.self)
}
