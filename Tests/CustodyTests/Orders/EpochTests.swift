import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// Which epochs dtad-hsm makes and seals under, whatever the front asks for.
@Suite("Epochs on the token", .ownThread)
struct EpochTests {
    let host: OrderHost

    init() throws { host = try OrderHost() }

    /// What another program makes that knows the PIN.
    private func plant(_ number: UInt32, _ kind: [String] = ["--keygen", "--key-type", "AES:32", "--sensitive"]) throws
    {
        let made = try host.token.pkcs11Tool(kind + ["--label", "dta/epoch/\(number)", "--id", "0\(number % 10)"])
        #expect(made.status == 0, "\(made.errors)")
    }

    @Test("epochs seal only as long as they are the newest: nothing new or old is put into an older epoch")
    func newestAlone() throws {
        let custody = host.custody
        let bystander = try HSMProcess(host.token).connect()
        let taken = try host.take()
        let (id, owner) = (taken.part1.cid, host.fiduciary.owner)
        let state = try bystander.ask(SealOrderState(state: [1], order: id, owner: owner, epoch: 1))
        try custody.ask(NewEpoch(number: 2))
        host.refused(.failedPrecondition) { try host.take() }
        host.refused(.failedPrecondition) {
            try custody.ask(ResealOrder(sealed: taken.sealed, order: id, owner: owner, epoch: 1))
        }
        host.refused(.failedPrecondition) {
            try custody.ask(SealOrderState(state: [1], order: id, owner: owner, epoch: 1))
        }
        host.refused(.failedPrecondition) {
            try custody.ask(ResealOrderState(sealed: state, order: id, owner: owner, epoch: 1))
        }
        // Another process sees it when it looks again, which is within a second.
        try eventually("the other process to look again") {
            (try? bystander.ask(SealOrderState(state: [1], order: id, owner: owner, epoch: 1))) == nil
        }
        host.refused(.failedPrecondition) {
            try bystander.ask(SealOrderState(state: [1], order: id, owner: owner, epoch: 1))
        }
        // What the older one sealed opens, and moves on.
        _ = try host.release(taken, host.redeem(taken).block)
        for process in [custody, bystander] {
            _ = try process.ask(ResealOrder(sealed: taken.sealed, order: id, owner: owner, epoch: 2))
            _ = try process.ask(ResealOrderState(sealed: state, order: id, owner: owner, epoch: 2))
        }
    }

    @Test("epochs follow each other one by one, from 1 on, and no number is made twice as long as a later one is there")
    func numbers() throws {
        let custody = host.custody
        for number: UInt32 in [0, EpochNumber.last + 1, .max - 1, .max] {
            host.refused(.invalidArgument, "\(number)") { try custody.ask(NewEpoch(number: number)) }
        }
        for number: UInt32 in [3, 4, 1000, EpochNumber.last] {
            host.refused(.failedPrecondition, "\(number)") { try custody.ask(NewEpoch(number: number)) }
        }
        try custody.ask(NewEpoch(number: 1))
        try custody.ask(NewEpoch(number: 2))
        try custody.ask(NewEpoch(number: 2))
        try custody.ask(DestroyEpoch(number: 1))
        host.refused(.failedPrecondition) { try custody.ask(NewEpoch(number: 1)) }
        #expect(try custody.ask(ListEpochs()) == [2])
        try custody.ask(DestroyEpoch(number: 2))
        host.refused(.failedPrecondition) { try custody.ask(NewEpoch(number: 2)) }
        try custody.ask(NewEpoch(number: 1))
    }

    @Test(
        "epochs on the token that something else made are told, followed where their number is one of ours, and never sealed under"
    )
    func planted() throws {
        let custody = host.custody
        try plant(.max)
        #expect(try custody.ask(ListEpochs()) == [1, .max])
        try custody.ask(NewEpoch(number: 2))
        for number: UInt32 in [1, .max] { host.refused(.failedPrecondition) { try host.take(epoch: number) } }
        _ = try host.take(epoch: 2)
        try custody.ask(DestroyEpoch(number: .max))
        #expect(try custody.ask(ListEpochs()) == [1, 2])
        // A thing that is no key has the name, and so nothing of ours gets it.
        try host.token.directory.write("thing", "thing")
        try plant(3, ["--write-object", host.token.directory.file("thing"), "--type", "data"])
        #expect(try custody.ask(ListEpochs()) == [1, 2, 3])
        host.refused(.permissionDenied) { try custody.ask(NewEpoch(number: 3)) }
        try custody.ask(NewEpoch(number: 4))
        _ = try host.take(epoch: 4)
        try plant(EpochNumber.last)
        host.refused(.failedPrecondition) { try custody.ask(NewEpoch(number: 5)) }
        host.refused(.invalidArgument) { try custody.ask(NewEpoch(number: EpochNumber.last + 1)) }
        try custody.ask(DestroyEpoch(number: EpochNumber.last))
        try custody.ask(NewEpoch(number: 5))
        _ = try host.take(epoch: 5)
    }
}
