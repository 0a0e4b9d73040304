import Glibc

/// The host's database of users and groups.
public enum UserDatabase {
    /// The number of a group; nil if there is none of that name.
    public static func gid(ofGroup name: String) -> UInt32? {
        unsafe lookUp { buffer, size in
            var entry = unsafe group()
            var found: UnsafeMutablePointer<group>?
            let code = unsafe getgrnam_r(name, &entry, buffer, size, &found)
            return unsafe (code, found == nil ? nil : entry.gr_gid)
        }
    }

    /// The number of a user; nil if there is none of that name.
    public static func uid(ofUser name: String) -> UInt32? {
        unsafe lookUp { buffer, size in
            var entry = unsafe passwd()
            var found: UnsafeMutablePointer<passwd>?
            let code = unsafe getpwnam_r(name, &entry, buffer, size, &found)
            return unsafe (code, found == nil ? nil : entry.pw_uid)
        }
    }

    /// A user as a caller, for `policy explain`: its groups, but no program and no unit.
    /// - Returns: a caller without a name if the uid has none.
    public static func caller(uid: UInt32) -> Caller {
        let user: (name: String, gid: UInt32)? = unsafe lookUp { buffer, size in
            var entry = unsafe passwd()
            var found: UnsafeMutablePointer<passwd>?
            let code = unsafe getpwuid_r(uid, &entry, buffer, size, &found)
            guard unsafe found != nil, let name = unsafe entry.pw_name else { return (code, nil) }
            return unsafe (code, (String(cString: name), entry.pw_gid))
        }
        guard let user else { return Caller(pid: 0, uid: uid, gid: .max, userName: "") }
        var count: Int32 = 64
        while true {
            var groups = [gid_t](repeating: 0, count: Int(count))
            let asked = count
            if unsafe getgrouplist(user.name, user.gid, &groups, &count) >= 0 {
                return Caller(
                    pid: 0, uid: uid, gid: user.gid, groups: Array(groups.prefix(Int(count))), userName: user.name)
            }
            // The list was too short; `count` is now what it needs.
            if count <= asked { return Caller(pid: 0, uid: uid, gid: user.gid, userName: user.name) }
        }
    }

    /// The name of a user. This may ask over the network, and take long.
    /// - Returns: "" if the uid has none.
    public static func name(of uid: UInt32) -> String {
        unsafe lookUp { buffer, size in
            var entry = unsafe passwd()
            var found: UnsafeMutablePointer<passwd>?
            let code = unsafe getpwuid_r(uid, &entry, buffer, size, &found)
            guard unsafe found != nil, let name = unsafe entry.pw_name else { return (code, nil) }
            return unsafe (code, String(cString: name))
        } ?? ""
    }

    /// Calls a `get…_r` function with a buffer that grows until the entry fits.
    private static func lookUp<Result>(
        _ body: (UnsafeMutablePointer<CChar>, Int) -> (code: Int32, result: Result?)
    ) -> Result? {
        var size = 4096
        while size <= 1 << 20 {
            let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: size)
            defer { unsafe buffer.deallocate() }
            let (code, result) = unsafe body(buffer, size)
            if code == 0 { return result }
            guard code == ERANGE || code == EINTR else { return nil }
            if code == ERANGE { size *= 2 }
        }
        return nil
    }
}
