import DTASystem
import Foundation
import TestSupport
import Testing

/// A configuration names the library that is loaded. Root loads none that somebody else could have named.
@Suite(
    "A configuration that root's commands are given", .ownThread, .enabled(if: OtherUser.arePossible, "it needs root"))
struct RootConfigurationTests {
    /// The owner of the state, whom only a number names.
    private static let front: uid_t = 65_001

    private let agent: TestAgent
    private let place: TemporaryDirectory
    /// The module leaves a file here when it is loaded, with the rights that it is loaded with.
    private var mark: String { place.file("marks/loaded") }

    init() throws {
        agent = try TestAgent(starting: false)
        place = agent.directory
        chmod(place.path, 0o711)
        mkdir(place.file("marks"), 0o700)
        chmod(place.file("marks"), 0o1777)
        mkdir(place.file("etc"), 0o755)
        let source = try place.write(
            "module.c",
            """
            #include <fcntl.h>
            __attribute__((constructor)) static void loaded(void) { open(MARK, O_CREAT | O_WRONLY, 0644); }
            """)
        let made = try run("clang", ["-shared", "-fPIC", "-o", place.file("module.so"), source, "-DMARK=\"\(mark)\""])
        #expect(made.status == 0, "\(made.errors)")
        #expect(try run("chown", ["-hR", "\(Self.front):\(Self.front)", agent.state]).status == 0)
    }

    /// Writes a configuration of root's whose module is the one that leaves a mark.
    private func configuration(_ more: [String] = [], lockFile: String? = nil) throws -> String {
        var text = try String(contentsOfFile: agent.configuration, encoding: .utf8)
        text.replace(TestToken.module, with: place.file("module.so"))
        if let lockFile { text.replace(agent.state + "/hsm.lock", with: lockFile) }
        text.replace("hsm:\n", with: "hsm:\n" + more.map { "  \($0)\n" }.joined())
        return try place.write("etc/dtad.yaml", text, mode: 0o644)
    }

    /// All commands that read a configuration, but for those that only read it.
    private func all(_ file: String) throws -> [(String, [String])] {
        let out = place.file("out")
        let commands: [(String, [String])] = [
            ("dtad", ["check"]), ("dtad", ["backup", out]), ("dtad", ["pin", "change"]),
            ("dtad", ["bindings", "export", out]), ("dtad", ["run", "--socket", place.file("s")]),
            ("dtad-hsm", ["--init", "--keys-only"]), ("dtad-hsm", ["--pin-lengths"]),
            ("dtad-hsm", ["--bind-order-keys", "--input", out, "--output", place.file("bound")]),
        ]
        return commands.map { ($0, $1 + ["--config", file]) }
    }

    private func shell(_ script: String) throws {
        let done = try run(
            "/bin/sh", ["-ec", script], environment: ["C": place.file("etc/dtad.yaml"), "D": place.file("etc")])
        #expect(done.status == 0, "\(done.errors)")
    }

    /// How a third user comes to say what is in a configuration, `$C`, which is in the folder `$D`.
    static let openings: [(String, String)] = [
        ("it is a third user's", "chown 33 $C"),
        ("its group may write it", "chmod 664 $C"),
        ("everybody may write it", "chmod 646 $C"),
        ("its folder is a third user's", "chown 33 $D"),
        ("the group of its folder may write there", "chmod 775 $D"),
        ("a third user's link leads to it", "mv $C $D/real.yaml; ln -s real.yaml $C; chown -h 33 $C"),
        ("a third user's link leads to its folder", "mv $D $D.d; ln -s $D.d $D; chown -h 33 $D"),
        ("a link leads through a third user's folder", "mv $D $D.d; mkdir $D; chown 33 $D; ln -s $D.d/dtad.yaml $C"),
    ]

    @Test("root loads nothing that a configuration names which a third user could have written", arguments: openings)
    func foreign(_ what: String, _ opening: String) throws {
        let file = try configuration()
        try shell(opening)
        for (program, arguments) in try all(file) {
            let done = try run(try Binary.path(program), arguments)
            let said = done.text + done.errors
            #expect(done.status != 0, "\(what): \(arguments)")
            #expect(said.contains("root does not act on the configuration"), "\(arguments): \(said)")
            #expect(access(mark, F_OK) != 0, "\(what): \(arguments)")
        }
    }

    @Test("root's configuration has its module loaded with the rights of the user whose state or token it is")
    func owner() throws {
        let file = try configuration()
        for (program, arguments) in try all(file) where ["check", "--pin-lengths", "--init"].contains(arguments[0]) {
            #expect(try run(try Binary.path(program), arguments).status != 0)
            var status = stat()
            #expect(stat(mark, &status) == 0 && status.st_uid == Self.front, "\(arguments)")
            unlink(mark)
        }
    }

    @Test("the owner of the state does not choose what the user of dtad-hsm loads, if that is another one")
    func wall() throws {
        let file = try configuration(["socket: \(place.file("hsm.sock"))"])
        chown(file, Self.front, Self.front)
        let changed = try run(try Binary.path("dtad"), ["pin", "change", "--config", file])
        #expect(changed.status == 1, "\(changed.text)")
        #expect(changed.errors.contains("root does not act on the configuration"), "\(changed.errors)")
        // The lock is where the user of dtad-hsm has the token.
        mkdir(place.file("token"), 0o700)
        chown(place.file("token"), 34, 34)
        let other = try configuration(lockFile: place.file("token/hsm.lock"))
        chown(other, Self.front, Self.front)
        for (program, arguments) in try all(other) where program == "dtad-hsm" {
            let done = try run(try Binary.path(program), arguments)
            #expect(done.errors.contains("root does not act on the configuration"), "\(arguments): \(done.errors)")
        }
        #expect(access(mark, F_OK) != 0)
    }

    @Test("a PIN that a configuration of another user's names is read with the rights of that user")
    func pin() throws {
        let secret = try place.write("secret", "only root may read this\n")
        let file = try configuration()
        var text = try String(contentsOfFile: file, encoding: .utf8)
        text.replace(agent.state + "/hsm-pin", with: secret)
        try place.write("etc/dtad.yaml", text, mode: 0o644)
        chown(file, Self.front, Self.front)
        let input = try place.write("out", "")
        for (program, arguments) in try all(file) where ["--init", "--bind-order-keys"].contains(arguments[0]) {
            let done = try run(try Binary.path(program), arguments)
            #expect(done.status != 0 && done.errors.contains("\(secret), cannot be read"), "\(input): \(done.errors)")
        }
        #expect(access(mark, F_OK) != 0)
    }

    @Test("root makes no agent where another user could put another configuration in the place of its own")
    func initialisation() throws {
        let theirs = place.file("theirs")
        mkdir(theirs, 0o755)
        chown(theirs, 33, 33)
        try shell("ln -s / ${D%/etc}/way; chown -h 33 ${D%/etc}/way")
        for state in [theirs, theirs + "/agent", place.file("way") + theirs.dropLast(6) + "agent"] {
            let made = try run(try Binary.path("dtad"), ["init", "--state", state])
            #expect(made.status == 1 && made.errors.contains("root does not act on"), "\(state): \(made.errors)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: theirs).isEmpty)
    }
}
