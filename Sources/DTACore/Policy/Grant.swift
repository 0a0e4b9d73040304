import DTAConfiguration
import DTASystem

/// A grant, read and checked: callers that match all selectors may do the operations on names that match a pattern.
struct Grant: Sendable {
    let selectors: [Selector]
    let keys: [Glob]
    let identities: [Glob]
    let permissions: Set<Permission>
    /// What it lets callers sign, and on ssh.sock alone; nil: everything, everywhere.
    let ssh: SSHTerms?
    /// Whether it covers imported keys.
    let coversImported: Bool
    /// Its line in dtad.yaml.
    let line: Int

    /// - Parameter canSeePrograms: whether this process may see other users' programs.
    /// - Throws: `DTAError.invalidArgument`, or `failedPrecondition` if a selector cannot work on this host.
    init(_ grant: Configuration.Grant, _ hosts: SSHHosts, canSeePrograms: Bool) throws {
        line = grant.line
        coversImported = grant.coversImported
        do {
            selectors = try grant.to.map(Selector.init)
            keys = try grant.keys.map(Glob.init)
            identities = try grant.identities.map(Glob.init)
            permissions = Set(try grant.operations.map(Permission.init(name:)))
            ssh = try grant.ssh.map { try SSHTerms($0, hosts) }
            try Grant.check(selectors, canSeePrograms: canSeePrograms)
            try checkOperations()
            try checkTerms()
        } catch let error as DTAError {
            throw DTAError(error.code, "grants, line \(line): \(error.message)", hint: error.hint)
        }
    }

    private static func check(_ selectors: [Selector], canSeePrograms: Bool) throws {
        guard !selectors.isEmpty else { throw DTAError(.invalidArgument, "to: names no selector") }
        guard let program = selectors.first(where: \.looksAtProgram) else { return }
        guard selectors.contains(where: { !$0.looksAtProgram }) else {
            throw DTAError(
                .invalidArgument,
                "\(program.text) alone protects nothing, because a program can connect and then run another",
                hint: "name a user, a group or a unit beside it")
        }
        guard canSeePrograms else {
            throw DTAError(
                .failedPrecondition,
                "\(program.text) needs CAP_SYS_PTRACE, without which dtad cannot see another user's program",
                hint: "give dtad that capability by a drop-in, or grant to a user, a group or a unit")
        }
    }

    private func checkOperations() throws {
        guard !permissions.isEmpty else { throw DTAError(.invalidArgument, "operations: names no operation") }
        let kinds: [Resource.Kind] = (keys.isEmpty ? [] : [.key]) + (identities.isEmpty ? [] : [.identity])
        for kind in kinds where !permissions.contains(where: { $0.isEverybodys || $0.applies(to: kind) }) {
            let names = permissions.map(\.rawValue).sorted().joined(separator: ", ")
            throw DTAError(
                .invalidArgument,
                "none of its operations (\(names)) can be done with \(kind == .key ? "a key" : "an identity")")
        }
    }

    private func checkTerms() throws {
        guard ssh != nil else { return }
        guard identities.isEmpty, permissions.contains(.sign), permissions.isSubset(of: [.sign, .public]) else {
            throw DTAError(
                .invalidArgument, "ssh: says what keys may sign, so it stands beside keys:, and operations: [sign]",
                hint: "give other operations by a grant of their own")
        }
    }

    /// Whether it gives an operation on other sockets than ssh.sock, too.
    func isForAllSockets(_ permission: Permission) -> Bool { ssh == nil || permission != .sign }

    func covers(_ permission: Permission, _ resource: Resource) -> Bool {
        (coversImported || !resource.isImported) && names(permission, resource)
    }

    /// Whether it names a resource and a permission, be the key imported or not.
    func names(_ permission: Permission, _ resource: Resource) -> Bool {
        guard permissions.contains(permission), permission.applies(to: resource.kind) else { return false }
        return (resource.kind == .key ? keys : identities).contains { $0.matches(resource.name) }
    }

    func matches(_ caller: Caller) -> Bool { selectors.allSatisfy { $0.matches(caller) } }

    /// Its line, and its selectors.
    var display: String { "the grant at line \(line) (to \(selectors.map(\.text).joined(separator: ", ")))" }
}
