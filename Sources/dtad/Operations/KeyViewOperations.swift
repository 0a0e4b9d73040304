import AgentProtocol
import DTACore
import DTASystem
import Foundation

/// What PKCS#11 shows of keys.
enum KeyViewOperations {
    static let all = [views, identify, certificate]

    private static let views = Operation(
        .keyViews, "key.views", isSynced: false, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .lane(.reading),
        reads: { $0.page },
        calls: { call, asked in
            call.done {
                let page = try call.agent.keys.views(call.caller, count: asked.count, cursor: asked.cursor)
                $0.keyViews = try page.items.map { try AgentKeyView($0) }
                $0.cursor = page.cursor
            }
        })

    private static let identify = Operation(
        .keyIdentify, "key.identify", isSynced: true, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .lane(.durable),
        reads: { (name: $0.subject, id: [UInt8]($0.data)) },
        calls: { call, asked in
            call.done { _ in try call.agent.keys.identify(call.caller, name: asked.name, id: asked.id) }
        })

    private static let certificate = Operation(
        .keyCertificate, "key.certificate", isSynced: true, answersSecret: false, isAboutTheAgent: false,
        detail: .decision, begins: .lane(.durable),
        reads: { (name: $0.subject, decision: $0.decision, certificate: [UInt8]($0.data)) },
        calls: { call, asked in
            call.done { _ in
                let keys = call.agent.keys
                switch asked.decision {
                case "add":
                    try keys.addCertificate(call.caller, name: asked.name, certificate: asked.certificate)
                case "remove":
                    try keys.removeCertificate(call.caller, name: asked.name, certificate: asked.certificate)
                default:
                    throw DTAError(.invalidArgument, "a certificate is added or removed, and nothing else")
                }
            }
        })
}

extension AgentKeyView {
    init(_ view: KeyView) throws {
        self.init()
        key = try AgentKey(view.key)
        id = Data(view.id)
        certificates = view.certificates.map { Data($0) }
        allowed = view.allowed.map(\.rawValue)
    }
}
