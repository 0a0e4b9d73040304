import AgentProtocol
import DTACore
import DTAEnvelopes
import DTASystem
import Foundation

/// Envelopes whose bodies clients encrypt, a block at a time.
enum DraftOperations {
    static let all = [draft, chunk, finish, abandon]

    private static let draft = Operation(
        .envelopeDraft, "envelope.draft", isSynced: false, answersSecret: true, isAboutTheAgent: false, detail: .none,
        begins: .bringingBlocks(.bulk),
        reads: { EnvelopeService.Address($0) },
        calls: { call, address in
            try call.answer {
                let (id, key) = try call.agent.envelopes.draft(call.caller, address)
                $0.cursor = id
                $0.setChunks(size: 0, key: key.map { Data(secret: $0) } ?? Data())
            }
        })

    private static let chunk = Operation(
        .envelopeChunk, "envelope.chunk", isSynced: false, answersSecret: false, isAboutTheAgent: false, detail: .none,
        begins: .lane(.bulk),
        reads: { (draft: $0.subject, index: $0.count, block: $0.data) },
        calls: { call, chunk in
            try call.agent.envelopes.write(call.caller, draft: chunk.draft, index: chunk.index, block: chunk.block)
            return call.answer { _ in }
        })

    private static let finish = Operation(
        .envelopeFinish, "envelope.finish", isSynced: false, answersSecret: false, isAboutTheAgent: false,
        detail: .none, begins: .lane(.bulk),
        reads: { (draft: $0.subject, count: $0.count) },
        calls: { call, body in
            call.slow(try call.agent.envelopes.finish(call.caller, draft: body.draft, count: body.count)) {
                $1.cid = $0.description
            }
        })

    private static let abandon = Operation(
        .envelopeAbandon, "envelope.abandon", isSynced: false, answersSecret: false, isAboutTheAgent: false,
        detail: .none, begins: .lane(.bulk),
        reads: { $0.subject },
        calls: { call, draft in
            try call.agent.envelopes.abandon(call.caller, draft: draft)
            return call.answer { _ in }
        })
}
