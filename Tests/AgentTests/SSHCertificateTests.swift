import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

/// Certificates, with the real ssh-keygen, ssh and sshd.
@Suite("Certificates on ssh.sock", .ownThread, .enabled(if: TestSSHServer.isThere, "needs openssh-server"))
struct SSHCertificateTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    /// Makes a key in the agent.
    /// - Returns: its line, which is also in a file `NAME.pub`.
    @discardableResult
    private func make(_ name: String, on agent: TestAgent, type: AgentKeyType = .ed25519) throws -> String {
        _ = try agent.client().call(.createKey(name, type: type), timeout: .seconds(60))
        let line = try agent.dtactl("ssh", "authorized-key", name).text.trimmingCharacters(in: .newlines)
        try folder.write("\(name).pub", line + "\n")
        return line
    }

    private func keygen(_ arguments: [String], agent: TestAgent? = nil) throws -> Finished {
        try run("ssh-keygen", arguments, environment: agent.map { ["SSH_AUTH_SOCK": $0.sshSocketPath] } ?? [:])
    }

    private func records(_ agent: TestAgent) throws -> [String] {
        try agent.client().call(.list(.auditList, count: 200)).lines
    }

    @Test("a certificate of an authority outside lets a key of the agent log in, as long as it is there")
    func userCertificate() throws {
        let agent = try TestAgent(speaksSSH: true)
        for (name, type) in [("k", AgentKeyType.ed25519), ("p256", .p256), ("p384", .p384)] {
            try make(name, on: agent, type: type)
        }
        let authority = folder.file("ca")
        #expect(try keygen(["-q", "-t", "ed25519", "-N", "", "-f", authority]).status == 0)
        let user = TestSSHServer.user
        let server = try TestSSHServer(authorized: [], more: ["TrustedUserCAKeys \(authority).pub"])
        #expect(try server.ssh("echo here", agent: agent.sshSocketPath).status == 255)
        for name in ["k", "p256", "p384"] {
            let signed = try keygen([
                "-q", "-s", authority, "-I", "the \(name)", "-n", user, folder.file("\(name).pub"),
            ])
            #expect(signed.status == 0, "\(signed.errors)")
            let file = folder.file("\(name)-cert.pub")
            #expect(try agent.dtactl("ssh", "certificate", "add", name, file).status == 0)
            let done = try server.ssh("echo here", agent: agent.sshSocketPath)
            #expect(done.text == "here\n", "\(name): \(done.errors)\n\(server.log)\n\(agent.log)")
            let listed = try agent.dtactl("ssh", "certificate", "list", "--json").text
            #expect(listed.contains(#""key":"\#(name)","id":"the \#(name)""#), "\(listed)")
            let shown = try run("ssh-add", ["-l"], environment: ["SSH_AUTH_SOCK": agent.sshSocketPath]).text
            #expect(shown.contains("-CERT)"))
            agent.stop()
            try agent.start()
            #expect(try server.ssh("echo here", agent: agent.sshSocketPath).text == "here\n")
            #expect(try agent.dtactl("ssh", "certificate", "remove", name, file).text.contains("0 certificates"))
            #expect(try server.ssh("echo here", agent: agent.sshSocketPath).status == 255)
        }
    }

    @Test("a certificate for another key, of a host, that has ended or is forged is not added")
    func wrongCertificates() throws {
        let agent = try TestAgent(speaksSSH: true)
        try make("k", on: agent)
        try make("other", on: agent)
        let authority = folder.file("ca")
        #expect(try keygen(["-q", "-t", "ed25519", "-N", "", "-f", authority]).status == 0)
        func add(_ options: [String], _ name: String = "k") throws -> Finished {
            _ = try keygen(["-q", "-s", authority, "-I", "x", "-n", "root"] + options + [folder.file("\(name).pub")])
            return try agent.dtactl("ssh", "certificate", "add", "k", folder.file("\(name)-cert.pub"))
        }
        #expect(try add([], "other").errors.contains("another key"))
        #expect(try add(["-h"]).errors.contains("for a host"))
        #expect(try add(["-V", "-2h:-1h"]).errors.contains("has ended"))
        #expect(
            try agent.dtactl("ssh", "certificate", "add", "k", folder.file("k.pub")).errors.contains("no certificate"))
        #expect(try add([]).status == 0)
        let good = try #require(
            Data(
                base64Encoded: String(
                    String(contentsOfFile: folder.file("k-cert.pub"), encoding: .utf8).split(separator: " ")[1])))
        var forged = Array(good)
        forged[forged.count - 1] ^= 1
        let refused = try agent.client().refusal(.sshCertificate("k", decision: "add", certificate: forged))
        #expect(refused.message.contains("no valid signature"))
        #expect(
            try agent.client().refusal(.sshCertificate("k", decision: "remove", certificate: forged)).code == .notFound)
        #expect(
            try agent.client().refusal(.sshCertificate("k", decision: "dance", certificate: [])).code
                == .invalidArgument)
    }

    @Test("an authority in the agent certifies users and hosts within its terms, and real hosts accept that")
    func authority() throws {
        let user = TestSSHServer.user
        let agent = try TestAgent(
            more: """
                ssh:
                  keys:
                    - keys: [user-ca]
                      certificates: { for: user, principals: ["\(user)"], valid_seconds: 7200, options: [permit-pty] }
                    - keys: [host-ca]
                      certificates: { for: host, principals: ["*.test"], valid_seconds: 86400 }
                """, speaksSSH: true)
        let userCA = try make("user-ca", on: agent, type: .p256)
        let hostCA = try make("host-ca", on: agent)
        #expect(try keygen(["-q", "-t", "ed25519", "-N", "", "-f", folder.file("alice")]).status == 0)
        #expect(try keygen(["-q", "-t", "ed25519", "-N", "", "-f", folder.file("host")]).status == 0)
        func issue(_ ca: String, _ options: [String], _ subject: String) throws -> Finished {
            try keygen(
                ["-q", "-Us", folder.file("\(ca).pub"), "-I", "id"] + options + [folder.file("\(subject).pub")],
                agent: agent)
        }
        let plain = ["-O", "clear", "-n", user]
        let issued = try issue("user-ca", plain + ["-V", "+1h"], "alice")
        #expect(issued.status == 0, "\(issued.errors)\n\(agent.log)")
        let hosted = try issue("host-ca", ["-h", "-n", "here.test", "-V", "+1h"], "host")
        #expect(hosted.status == 0, "\(hosted.errors)\n\(agent.log)")
        // A log-in in which each side shows a certificate, and no agent takes part.
        let server = try TestSSHServer(
            authorized: [],
            more: [
                "TrustedUserCAKeys \(folder.file("user-ca.pub"))", "HostKey \(folder.file("host"))",
                "HostCertificate \(folder.file("host-cert.pub"))",
            ])
        let known = try folder.write("known_hosts", "@cert-authority *.test \(hostCA)\n")
        let done = try run(
            "ssh",
            [
                "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o",
                "UserKnownHostsFile=\(known)", "-o", "GlobalKnownHostsFile=/dev/null", "-o", "HostKeyAlias=here.test",
                "-o", "IdentityAgent=none", "-i", folder.file("alice"), "-p", "\(server.port)", "\(user)@127.0.0.1",
                "echo here",
            ])
        #expect(done.text == "here\n", "\(done.errors)\n\(server.log)")
        #expect(!userCA.isEmpty)
        // Beyond the terms.
        for (ca, options, why) in [
            ("user-ca", ["-O", "clear", "-n", "mallory", "-V", "+1h"], "certificate-principals"),
            ("user-ca", ["-O", "clear", "-V", "+1h"], "certificate-principals"),
            ("user-ca", plain + ["-V", "+3h"], "certificate-time"), ("user-ca", plain, "certificate-time"),
            ("user-ca", ["-n", user, "-V", "+1h"], "certificate-options"),
            ("user-ca", ["-h", "-n", user, "-V", "+1h"], "certificate-kind"),
            ("host-ca", ["-O", "clear", "-n", "a.test", "-V", "+1h"], "certificate-kind"),
        ] {
            #expect(try issue(ca, options, "alice").status != 0, "\(options)")
            let last = try #require(try records(agent).last { $0.contains(#""op":"ssh.sign""#) })
            #expect(last.contains("why=\(why)"), "\(options): \(last)")
        }
        let good = try #require(try records(agent).first { $0.contains("certificate=user") && $0.contains(#""OK""#) })
        #expect(good.contains("principals=\(user)") && good.contains("before="))
        // An authority logs in nowhere.
        let own = try TestSSHServer(authorized: [userCA, hostCA])
        #expect(try own.ssh("echo here", agent: agent.sshSocketPath).status == 255)
    }

    @Test("a term names a host by the authority that certifies it, for its name and no other")
    func certifiedHost() throws {
        for name in ["ca", "host"] {
            #expect(try keygen(["-q", "-t", "ed25519", "-N", "", "-f", folder.file(name)]).status == 0)
        }
        let authority = try String(contentsOfFile: folder.file("ca.pub"), encoding: .utf8)
            .trimmingCharacters(in: .newlines)
        let agent = try TestAgent(
            more: """
                ssh:
                  hosts:
                    - { name: here.test, authorities: ["\(authority)"] }
                  keys:
                    - { keys: [k], logins: [here.test] }
                """, speaksSSH: true)
        let line = try make("k", on: agent)
        let known = try folder.write("known_hosts", "@cert-authority *.test \(authority)\n")
        for (name, works) in [("here.test", true), ("other.test", false)] {
            let signed = try keygen([
                "-q", "-s", folder.file("ca"), "-I", name, "-h", "-n", name, "-V", "+1h", folder.file("host.pub"),
            ])
            #expect(signed.status == 0, "\(signed.errors)")
            let server = try TestSSHServer(
                authorized: [line],
                more: ["HostKey \(folder.file("host"))", "HostCertificate \(folder.file("host-cert.pub"))"])
            let done = try run(
                "ssh",
                [
                    "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o",
                    "UserKnownHostsFile=\(known)", "-o", "GlobalKnownHostsFile=/dev/null", "-o", "HostKeyAlias=\(name)",
                    "-o", "IdentityFile=none", "-o", "IdentityAgent=\(agent.sshSocketPath)", "-p", "\(server.port)",
                    "\(TestSSHServer.user)@127.0.0.1", "echo here",
                ])
            #expect((done.text == "here\n") == works, "\(name): \(done.errors)\n\(server.log)\n\(agent.log)")
        }
    }

    @Test(
        "sshd uses a host key of the agent, which signs nothing but that",
        arguments: [AgentKeyType.ed25519, .p256, .p384])
    func hostKeyAgent(type: AgentKeyType) throws {
        let agent = try TestAgent(more: "ssh: { keys: [{ keys: [host], host_key: true }] }", speaksSSH: true)
        let line = try make("host", on: agent, type: type)
        #expect(try keygen(["-q", "-t", "ed25519", "-N", "", "-f", folder.file("alice")]).status == 0)
        let alice = try String(contentsOfFile: folder.file("alice.pub"), encoding: .utf8)
        let server = try TestSSHServer(
            authorized: [alice],
            more: ["HostKey \(folder.file("host.pub"))", "HostKeyAgent \(agent.sshSocketPath)"])
        let known = try folder.write("known_hosts", "[127.0.0.1]:\(server.port) \(line)\n")
        let done = try run(
            "ssh",
            [
                "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o",
                "UserKnownHostsFile=\(known)", "-o", "GlobalKnownHostsFile=/dev/null", "-o", "IdentityAgent=none", "-i",
                folder.file("alice"), "-p", "\(server.port)", "\(TestSSHServer.user)@127.0.0.1", "echo here",
            ])
        #expect(done.text == "here\n", "\(done.errors)\n\(server.log)\n\(agent.log)")
        #expect(try records(agent).contains { $0.contains("exchange-hash") && $0.contains(#""OK""#) })
        let file = try folder.write("file", "x")
        let refused = try keygen(["-Y", "sign", "-f", folder.file("host.pub"), "-n", "file", file], agent: agent)
        #expect(refused.status != 0)
    }
}
