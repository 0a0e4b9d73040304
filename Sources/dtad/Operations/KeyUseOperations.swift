import AgentProtocol
import DTACore
import DTAFormats
import DTASystem
import Foundation

/// Using keys, and the HSM's random generator.
enum KeyUseOperations {
    static let all = [sign, verify, mac, encrypt, decrypt, agree, random]

    private static let sign = Operation(
        .sign, "sign", isSynced: false, answersSecret: false, isAboutTheAgent: false, detail: .scheme, begins: .atOnce,
        reads: {
            (
                key: $0.subject, data: [UInt8]($0.data), prehashed: $0.prehashed,
                format: try SignatureFormat($0.format), scheme: try RSAScheme.named($0)
            )
        },
        calls: { call, message in
            let step = try call.agent.keys.sign(
                call.caller, name: message.key, data: message.data, prehashed: message.prehashed,
                format: message.format, scheme: message.scheme)
            return call.custody(step) { $1.data = Data($0) }
        })

    private static let verify = Operation(
        .verify, "verify", isSynced: false, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .atOnce,
        reads: {
            (
                key: $0.subject, data: [UInt8]($0.data), prehashed: $0.prehashed, signature: [UInt8]($0.signature),
                format: try SignatureFormat($0.format), scheme: try RSAScheme.named($0)
            )
        },
        calls: { call, message in
            let valid = try call.agent.keys.verify(
                call.caller, name: message.key, data: message.data, prehashed: message.prehashed,
                signature: message.signature, format: message.format, scheme: message.scheme)
            return call.answer { $0.valid = valid }
        })

    private static let mac = Operation(
        .mac, "mac", isSynced: false, answersSecret: false, isAboutTheAgent: false, detail: .none, begins: .atOnce,
        reads: { (key: $0.subject, data: [UInt8]($0.data)) },
        calls: { call, message in
            let step = try call.agent.keys.mac(call.caller, name: message.key, data: message.data)
            return call.custody(step) { $1.data = Data($0) }
        })

    private static let encrypt = Operation(
        .encrypt, "encrypt", isSynced: false, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .atOnce,
        reads: { (key: $0.subject, data: [UInt8]($0.data), aad: [UInt8]($0.aad)) },
        calls: { call, plain in
            let step = try call.agent.keys.encrypt(call.caller, name: plain.key, data: plain.data, aad: plain.aad)
            return call.custody(step) { $1.data = Data($0) }
        })

    private static let decrypt = Operation(
        .decrypt, "decrypt", isSynced: false, answersSecret: true, isAboutTheAgent: false, detail: .none,
        begins: .atOnce,
        reads: { (key: $0.subject, data: [UInt8]($0.data), aad: [UInt8]($0.aad)) },
        calls: { call, sealed in
            let step = try call.agent.keys.decrypt(call.caller, name: sealed.key, data: sealed.data, aad: sealed.aad)
            return call.custodyOfSecret(step)
        })

    private static let agree = Operation(
        .agree, "agree", isSynced: false, answersSecret: true, isAboutTheAgent: false, detail: .none, begins: .atOnce,
        reads: { (key: $0.subject, peer: [UInt8]($0.data)) },
        calls: { call, asked in
            call.custodyOfSecret(try call.agent.keys.agree(call.caller, name: asked.key, peer: asked.peer))
        })

    private static let random = Operation(
        .random, "random", isSynced: false, answersSecret: true, isAboutTheAgent: false, detail: .none, begins: .atOnce,
        reads: { $0.count },
        calls: { call, count in call.custodyOfSecret(try call.agent.keys.random(count: count)) })
}

extension RSAScheme {
    /// The scheme that a request names; nil if it names none. Most requests have no details to look at.
    fileprivate static func named(_ request: AgentRequest) throws -> RSAScheme? {
        guard !request.details.isEmpty, request.scheme != .unspecified else { return nil }
        guard let scheme = RSAScheme(rawValue: UInt8(clamping: request.scheme.rawValue)) else {
            let known = RSAScheme.allCases.map(\.name).joined(separator: ", ")
            throw DTAError(.invalidArgument, "there is no such signature scheme", hint: "schemes: \(known)")
        }
        return scheme
    }
}

extension SignatureFormat {
    fileprivate init(_ format: AgentSignatureFormat) throws {
        switch format {
        case .unspecified, .raw: self = .raw
        case .der: self = .der
        default: throw DTAError(.invalidArgument, "there is no such format of signatures", hint: "raw or der")
        }
    }
}
