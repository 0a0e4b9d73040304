import CustodyProtocol
import DTASystem
import Foundation

/// A SoftHSM token of its own, made by `dtad-hsm --init`, and a `dtad.yaml` that names it.
public final class TestToken: Sendable {
    public static let module = "/usr/lib/softhsm/libsofthsm2.so"
    public static let label = "test"
    public static let pin = "48151623"

    public let directory: TemporaryDirectory
    /// `dtad.yaml`; `configure` writes it again.
    public var configuration: String { directory.file("dtad.yaml") }
    /// SoftHSM's directory of tokens.
    public var tokens: String { directory.file("tokens") }
    public var softhsmConf: String { directory.file("softhsm2.conf") }

    public init() throws {
        directory = try TemporaryDirectory()
        guard mkdir(tokens, 0o700) == 0 else { throw TestFailure("cannot make \(tokens)") }
        try directory.write(
            "softhsm2.conf", "directories.tokendir = \(tokens)\nobjectstore.backend = file\nlog.level = ERROR\n")
        try directory.write("pin", Self.pin + "\n")
        try directory.write("so-pin", "so-31415926\n")
        try configure()
        let made = try initialise()
        guard made.status == 0 else { throw TestFailure("dtad-hsm --init: \(made.errors)") }
    }

    /// Writes `dtad.yaml`: `hsm` replaces or adds keys of that section, with their values as YAML; nil leaves a key out.
    public func configure(_ hsm: [String: String?] = [:]) throws {
        var keys: [String: String?] = [
            "module": Self.module, "token": Self.label, "pin_file": "pin", "softhsm_conf": "softhsm2.conf",
            "deadline_ms": "5000",
        ]
        keys.merge(hsm) { $1 }
        let lines = keys.compactMap { key, value in value.map { "  \(key): \($0)\n" } }.sorted()
        try directory.write("dtad.yaml", "state: .\nhsm:\n" + lines.joined())
    }

    /// `dtad-hsm --init`, which `init` has run once.
    public func initialise() throws -> Finished {
        try run(
            try Binary.path("dtad-hsm"),
            [
                "--init", "--config", configuration, "--pin-file", directory.file("pin"), "--so-pin-file",
                directory.file("so-pin"),
            ])
    }

    /// Puts the token aside, under the name `aside`, and makes another of the same label and PIN in its place.
    public func swap(aside: String = "aside") throws {
        guard rename(tokens, directory.file(aside)) == 0, mkdir(tokens, 0o700) == 0 else {
            throw TestFailure("cannot move \(tokens): \(errno)")
        }
        let made = try initialise()
        guard made.status == 0 else { throw TestFailure("dtad-hsm --init: \(made.errors)") }
    }

    /// Puts back what `swap` put aside; what is in its place goes to `other`.
    public func swapBack(aside: String = "aside", other: String = "other") throws {
        guard rename(tokens, directory.file(other)) == 0, rename(directory.file(aside), tokens) == 0 else {
            throw TestFailure("cannot move \(tokens): \(errno)")
        }
    }

    /// Runs OpenSC's pkcs11-tool on the token, logged in: an outsider's view, and an outsider's hand.
    public func pkcs11Tool(_ arguments: [String]) throws -> Finished {
        try run(
            "pkcs11-tool",
            ["--module", Self.module, "--token-label", Self.label, "--login", "--pin", Self.pin] + arguments,
            environment: ["SOFTHSM2_CONF": softhsmConf])
    }
}
