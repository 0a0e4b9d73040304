import Glibc

/// What one decoder must hold to, whatever the bytes: it neither crashes nor hangs, and what it accepts it gives back.
protocol FuzzTarget: SendableMetatype {
    static func run(_ bytes: [UInt8])
}

/// The decoder that $DTA_FUZZ_TARGET names, in libFuzzer's hands: one program for all of them is linked once.
@main
enum Fuzz {
    private static let targets: [String: any FuzzTarget.Type] = [
        "dag-cbor": DAGCBORTarget.self, "cid": CIDTarget.self, "car": CARTarget.self, "identity": IdentityTarget.self,
        "envelope": EnvelopeTarget.self, "frame": FrameTarget.self, "order": OrderTarget.self,
        "wallet": WalletTarget.self, "json": JSONTarget.self, "ssh": SSHTarget.self,
        "cryptoki": CryptokiTarget.self, "key-file": KeyFileTarget.self,
    ]

    fileprivate static let chosen: any FuzzTarget.Type = {
        let name = unsafe getenv("DTA_FUZZ_TARGET").map { unsafe String(cString: $0) } ?? ""
        guard let target = targets[name] else {
            print("DTA_FUZZ_TARGET is one of \(targets.keys.sorted().joined(separator: ", "))")
            exit(2)
        }
        return target
    }()

    static func main() {
        _ = chosen
        var count = CommandLine.argc
        var arguments = CommandLine.unsafeArgv
        exit(unsafe runDriver(&count, &arguments, runOne))
    }
}

private typealias TestOne = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

private let runOne: TestOne = { start, count in
    Fuzz.chosen.run(unsafe Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}

// libFuzzer's own way in, for programs that have a main of their own: the package manager gives each one.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>, _ test: TestOne
) -> CInt

/// Stops with a sentence where a claim does not hold: libFuzzer then keeps the bytes.
func claim(_ holds: Bool, _ sentence: String) {
    guard !holds else { return }
    print("the claim does not hold: \(sentence)")
    abort()
}
