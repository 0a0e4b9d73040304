// swift-tools-version: 6.2
import PackageDescription

// Warnings are errors where the project judges itself, not where a newer compiler meets an older checkout.
var common: [SwiftSetting] = [.enableUpcomingFeature("ExistentialAny")]
if Context.environment["CI"] != nil { common.append(.treatAllWarnings(as: .error)) }

// Every use of an unsafe construct is marked `unsafe` in these targets.
let strict = common + [.strictMemorySafety()]

let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let database = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

// The thread sanitizer needs a build of its own. Scripts/tsan builds the workers and their tests, and nothing else.
let onlyWorkers = Context.environment["DTA_ONLY_WORKERS"] != nil
let workers = [
    "CLinux", "CSecp256k1", "DTABytes", "DTASystem", "DTAFormats", "AgentProtocol", "CustodyProtocol", "AgentServer",
    "TestSupport", "AgentServerTests",
]

// Fuzzing needs instrumented code. Scripts/fuzz builds the decoders so, and nothing else.
let onlyDecoders = Context.environment["DTA_ONLY_DECODERS"] != nil
let decoders = [
    "CLinux", "CNettle", "CPKCS11", "CSecp256k1", "DTABytes", "DTASystem", "DTAFormats", "DTAJSON", "DTASSH",
    "DTACryptoki", "DTAKeyFiles", "AgentProtocol",
]

let package = Package(
    name: "dta",
    products: [
        .library(name: "DTAFormats", targets: ["DTAFormats"]),
        .library(name: "AgentProtocol", targets: ["AgentProtocol"]),
        .executable(name: "dtad", targets: ["dtad"]),
        .executable(name: "dtad-hsm", targets: ["dtad-hsm"]),
        .executable(name: "dtactl", targets: ["dtactl"]),
        .executable(name: "dtagw", targets: ["dtagw"]),
        .executable(name: "dta-p11", targets: ["dta-p11"]),
    ],
    // Pinned: a newer version is a change of this file, which somebody reads. Without traits, these two need no more of
    // Foundation than FoundationEssentials, which has no Unicode tables of 34 MB, and no swift-configuration.
    dependencies: [
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-protobuf", exact: "1.39.0", traits: []),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    ],
    targets: [
        // C, at the edge
        // The header alone: with pkgConfig, the programs would be linked with p11-kit, of which they use nothing.
        .systemLibrary(name: "CPKCS11", providers: [.apt(["libp11-kit-dev"])]),
        .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
        .systemLibrary(name: "CSecp256k1", pkgConfig: "libsecp256k1", providers: [.apt(["libsecp256k1-dev"])]),
        .systemLibrary(name: "CNettle", pkgConfig: "hogweed", providers: [.apt(["nettle-dev"])]),
        .target(name: "CLinux"),
        .target(name: "CCurl"),

        // What everybody may know
        .target(name: "DTABytes", swiftSettings: strict),
        .target(name: "DTASystem", dependencies: ["CLinux", "DTABytes"], swiftSettings: common),
        .target(name: "DTAJSON", swiftSettings: strict),
        .target(
            name: "DTAFormats", dependencies: [crypto, cryptoExtras, "CSecp256k1", "DTABytes"],
            swiftSettings: strict),
        .target(name: "DTASSH", dependencies: ["DTABytes", crypto, cryptoExtras], swiftSettings: strict),
        .target(name: "DTAKeyFiles", dependencies: ["DTABytes", "DTAFormats"], swiftSettings: strict),
        .target(
            name: "AgentProtocol",
            dependencies: ["DTASystem", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
            exclude: ["agent.proto"], swiftSettings: common),

        .target(
            name: "DTAPlugins", dependencies: ["CLinux", "DTABytes", "DTAFormats", "DTAJSON", "DTASystem"],
            swiftSettings: strict),

        // The two sides of the wall
        .target(
            name: "CustodyProtocol", dependencies: ["DTABytes", "DTAFormats", "DTASystem"], swiftSettings: common),
        .target(
            name: "DTACustody",
            dependencies: ["CPKCS11", "CustodyProtocol", "DTABytes", "DTAFormats", "DTASystem", crypto, cryptoExtras],
            swiftSettings: common),
        .target(
            name: "DTAConfiguration", dependencies: ["DTABytes", "DTASystem", .product(name: "Yams", package: "Yams")],
            swiftSettings: common),
        .target(name: "DTAHTTP", dependencies: ["CCurl", "DTABytes", "DTASystem"], swiftSettings: strict),
        .target(
            name: "DTAKubo", dependencies: ["DTAConfiguration", "DTAFormats", "DTAHTTP", "DTASystem"],
            swiftSettings: strict),
        .target(
            name: "DTACourier", dependencies: ["AgentProtocol", "DTAFormats", "DTAHTTP", "DTASystem"],
            swiftSettings: strict),

        // The front's domain, from its core upwards: each may know those before it, and none that follows
        .target(
            name: "DTACore",
            dependencies: [
                "CustodyProtocol", "DTABytes", "DTAConfiguration", "DTAFormats", "DTASSH", "DTASystem", crypto,
                cryptoExtras, database, logging,
            ],
            swiftSettings: strict),
        .target(
            name: "DTALedger",
            dependencies: ["DTABytes", "DTACore", "DTAFormats", "DTAKubo", "DTASystem", database, logging],
            swiftSettings: strict),
        .target(
            name: "DTAIdentities",
            dependencies: [
                "CustodyProtocol", "DTACore", "DTAFormats", "DTALedger", "DTASystem", database, logging,
            ],
            swiftSettings: strict),
        .target(
            name: "DTAEnvelopes",
            dependencies: [
                "CustodyProtocol", "DTABytes", "DTACore", "DTAFormats", "DTAIdentities", "DTALedger", "DTASystem",
            ],
            swiftSettings: strict),
        .target(
            name: "DTAOrders",
            dependencies: [
                "CustodyProtocol", "DTABytes", "DTAConfiguration", "DTACore", "DTAEnvelopes", "DTAFormats",
                "DTAIdentities", "DTALedger", "DTAPlugins", "DTASystem", crypto, database, logging,
            ],
            swiftSettings: strict),
        .target(
            name: "DTAMaintenance",
            dependencies: [
                "CustodyProtocol", "DTABytes", "DTACore", "DTAFormats", "DTAIdentities", "DTAOrders", "DTASystem",
                crypto,
                database,
            ],
            swiftSettings: strict),
        .target(
            name: "DTAAgent",
            dependencies: [
                "CustodyProtocol", "DTAConfiguration", "DTACore", "DTAEnvelopes", "DTAFormats", "DTAIdentities",
                "DTAKubo", "DTALedger", "DTAOrders", "DTAPlugins", "DTASystem", database, logging,
            ],
            swiftSettings: strict),

        // The engine
        .target(
            name: "AgentServer",
            dependencies: [
                "AgentProtocol", "CLinux", "CustodyProtocol", "DTABytes", "DTASystem", logging,
            ],
            swiftSettings: common),

        // What services have in common: systemd, logs
        .target(
            name: "DTAService",
            dependencies: [
                "CLinux", "CSystemd", "DTABytes", "DTAConfiguration", "DTASystem", arguments, logging,
            ],
            swiftSettings: common),

        // What people run
        .executableTarget(
            name: "dtad",
            dependencies: [
                "AgentServer", "AgentProtocol", "CustodyProtocol", "DTABytes", "DTAAgent", "DTAConfiguration",
                "DTACore",
                "DTAEnvelopes", "DTAFormats", "DTAIdentities", "DTAKubo", "DTALedger", "DTAMaintenance", "DTAOrders",
                "DTAPlugins", "DTASSH", "DTAService", "DTASystem", "CLinux", crypto, arguments, logging,
            ],
            swiftSettings: common),
        .executableTarget(
            name: "dtad-hsm",
            dependencies: [
                "DTACustody", "CustodyProtocol", "DTABytes", "DTAConfiguration", "DTAFormats", "DTASystem", "CLinux",
            ],
            swiftSettings: common),
        .executableTarget(
            name: "dtactl",
            dependencies: [
                "AgentProtocol", "CLinux", "DTABytes", "DTACourier", "DTAFormats", "DTAHTTP", "DTAJSON", "DTAKeyFiles",
                "DTAPlugins", "DTASSH", "DTASystem", arguments, crypto,
            ],
            swiftSettings: common),

        // The gateway: the one part that has SwiftNIO, and no part of the agent's
        .target(
            name: "DTAGateway",
            dependencies: [
                "AgentProtocol", "DTABytes", "DTAConfiguration", "DTACourier", "DTAFormats", "DTAHTTP", "DTAJSON",
                "DTAService", "DTASystem", crypto,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                cryptoExtras,
                logging,
                .product(name: "NIOExtras", package: "swift-nio-extras"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            resources: [.embedInCode("Page/docs.html"), .embedInCode("Page/docs.css"), .embedInCode("Page/docs.js")],
            swiftSettings: common),
        .executableTarget(
            name: "dtagw",
            dependencies: [
                "DTAGateway", "DTAService", "DTASystem", arguments, logging,
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: common),

        // PKCS#11 for clients: what p11-kit runs in each of them
        .target(name: "DTACryptoki", dependencies: ["CNettle", "CPKCS11", "DTABytes"], swiftSettings: strict),
        .executableTarget(
            name: "dta-p11", dependencies: ["AgentProtocol", "CLinux", "CPKCS11", "DTACryptoki", "DTASystem"],
            swiftSettings: strict),

        // What Benchmarks/run measures with; it is not installed
        .executableTarget(
            name: "dta-bench",
            dependencies: [
                "AgentProtocol", "DTAAgent", "DTAConfiguration", "DTAFormats", "DTASystem", crypto, arguments, database,
                logging,
            ],
            path: "Benchmarks/Swift", swiftSettings: common),
        .executableTarget(
            name: "dta-bench-http",
            dependencies: [
                "AgentProtocol", arguments, .product(name: "Hummingbird", package: "hummingbird"), logging,
            ],
            path: "Benchmarks/HTTP", swiftSettings: common),

        // Tests
        .target(
            name: "TestSupport",
            dependencies: ["DTABytes", "DTAFormats", "DTASystem", "CustodyProtocol", "AgentProtocol"],
            path: "Tests/TestSupport",
            swiftSettings: common),
        .testTarget(
            name: "DTAFormatsTests", dependencies: ["DTABytes", "DTAFormats", "TestSupport", crypto],
            swiftSettings: common),
        .testTarget(
            name: "CustodyTests",
            dependencies: [
                "DTABytes", "DTACustody", "CustodyProtocol", "DTAFormats", "DTASystem", "TestSupport", crypto,
                cryptoExtras,
            ],
            swiftSettings: common),
        .testTarget(
            name: "DTACoreTests",
            dependencies: [
                "CustodyProtocol", "DTAAgent", "DTABytes", "DTAConfiguration", "DTACore", "DTAEnvelopes", "DTAFormats",
                "DTAIdentities", "DTALedger", "DTAMaintenance", "DTAOrders", "DTASSH", "DTASystem", "TestSupport",
                crypto, cryptoExtras, database, logging,
            ],
            swiftSettings: common),
        .testTarget(
            name: "PluginTests",
            dependencies: ["DTABytes", "DTAPlugins", "DTAFormats", "DTAJSON", "DTASystem", "TestSupport"],
            swiftSettings: common),
        .testTarget(
            name: "KeyFileTests", dependencies: ["DTABytes", "DTAFormats", "DTAKeyFiles", "TestSupport"],
            swiftSettings: common),
        .testTarget(name: "JSONTests", dependencies: ["DTAJSON"], swiftSettings: common),
        .testTarget(
            name: "SSHTests",
            dependencies: ["DTABytes", "DTASSH", "TestSupport", crypto], swiftSettings: common),
        .testTarget(
            name: "CryptokiTests",
            dependencies: [
                "AgentProtocol", "CPKCS11", "DTABytes", "DTACryptoki", "DTAFormats", "DTASystem", "TestSupport", crypto,
            ],
            swiftSettings: common),
        .testTarget(
            name: "AgentServerTests",
            dependencies: ["AgentServer", "AgentProtocol", "CustodyProtocol", "DTABytes", "DTASystem", "TestSupport"],
            swiftSettings: common),
        .testTarget(
            name: "AgentProtocolTests", dependencies: ["AgentProtocol", "DTABytes", "DTASystem", "TestSupport"],
            swiftSettings: common),
        .testTarget(
            name: "AgentTests",
            dependencies: [
                "AgentProtocol", "DTABytes", "CustodyProtocol", "DTAConfiguration", "DTAFormats", "DTASSH", "DTASystem",
                "TestSupport", crypto,
            ],
            swiftSettings: common),
        .testTarget(
            name: "KuboTests",
            dependencies: [
                "DTAKubo", "AgentProtocol", "DTAConfiguration", "DTAFormats", "DTASystem", "TestSupport", crypto,
            ],
            swiftSettings: common),
        .testTarget(
            name: "CourierTests",
            dependencies: ["DTACourier", "DTAFormats", "DTAHTTP", "DTASystem", "TestSupport"], swiftSettings: common),
        .testTarget(
            name: "GatewayTests",
            dependencies: [
                "AgentProtocol", "DTACourier", "DTAFormats", "DTAGateway", "DTAJSON", "DTASystem", "TestSupport",
                crypto, logging,
            ],
            swiftSettings: common),
        .testTarget(
            name: "CommandTests", dependencies: ["AgentProtocol", "DTASystem", "TestSupport"], exclude: ["scripts"],
            swiftSettings: common),
    ],
    swiftLanguageModes: [.v6]
)

/// Leaves nothing but some targets and the packages that these need.
@MainActor func keepOnly(_ targets: [String], packages: [String]) {
    package.targets.removeAll { !targets.contains($0.name) }
    package.products = []
    package.dependencies.removeAll { dependency in
        guard case .sourceControl(_, let location, _) = dependency.kind else { return false }
        return !packages.contains { location.hasSuffix($0) }
    }
}

if onlyWorkers { keepOnly(workers, packages: ["swift-crypto", "swift-protobuf", "swift-log"]) }

if onlyDecoders {
    keepOnly(decoders, packages: ["swift-crypto", "swift-protobuf"])
    let instrumented = SwiftSetting.unsafeFlags(["-sanitize=fuzzer", "-enable-testing"])
    for target in package.targets where !target.name.hasPrefix("C") {
        target.swiftSettings = (target.swiftSettings ?? []) + [instrumented]
    }
    package.targets.append(
        .executableTarget(
            name: "dta-fuzz",
            dependencies: [
                "DTABytes", "DTACryptoki", "DTAFormats", "DTAJSON", "DTAKeyFiles", "DTASSH", "AgentProtocol",
                "DTASystem",
            ],
            path: "Tests/fuzz", exclude: ["corpus", "key-files"],
            swiftSettings: common + [instrumented, .unsafeFlags(["-parse-as-library"])],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])]))
}
