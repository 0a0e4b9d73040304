import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// Which epochs dtad-hsm makes and seals under, whatever the front asks for.
@Suite("Epochs on the token")
struct EpochTests {
    let host: OrderHost

    init() throws { host = try OrderHost() }

    /// What another program makes that knows the PIN.
    private func plant(_ number: UInt32, _ kind: [String] = ["--keygen", "--key-type", "AES:32", "--sensitive"]) throws
    {
        let made = try host.token.pkcs11Tool(kind + ["--label", "dta/epoch/\(number)", "--id", "0\(number % 10)"])
        #expect(made.status == 0, "\(made.errors)")
    }

    @Test("seal only as long as they are the newest: nothing new or old is put into an older one")
    func newestAlone() throws {
        let custody = host.custody
        let bystander = try HSMProcess(host.token).connect()
        let taken = try host.take()
        let (id, owner) = (taken.part1.cid.bytes, host.fiduciary.owner)
        let state = try bystander.sealOrderState([1], order: id, owner: owner, epoch: 1)
        try custody.newEpoch(2)
        host.refused(.failedPrecondition) { try host.take() }
        host.refused(.failedPrecondition) { try custody.resealOrder(taken.sealed, order: id, owner: owner, epoch: 1) }
        host.refused(.failedPrecondition) { try custody.sealOrderState([1], order: id, owner: owner, epoch: 1) }
        host.refused(.failedPrecondition) { try custody.resealOrderState(state, order: id, owner: owner, epoch: 1) }
        // Another process sees it when it looks again, which is within a second.
        let end = Date(timeIntervalSinceNow: 60)
        while (try? bystander.sealOrderState([1], order: id, owner: owner, epoch: 1)) != nil, Date() < end {
            usleep(10_000)
        }
        host.refused(.failedPrecondition) { try bystander.sealOrderState([1], order: id, owner: owner, epoch: 1) }
        // What the older one sealed opens, and moves on.
        _ = try host.release(taken, host.redeem(taken).block)
        for process in [custody, bystander] {
            _ = try process.resealOrder(taken.sealed, order: id, owner: owner, epoch: 2)
            _ = try process.resealOrderState(state, order: id, owner: owner, epoch: 2)
        }
    }

    @Test("follow each other one by one, from 1 on, and no number is made twice as long as a later one is there")
    func numbers() throws {
        let custody = host.custody
        for number: UInt32 in [0, EpochNumber.last + 1, .max - 1, .max] {
            host.refused(.invalidArgument, "\(number)") { try custody.newEpoch(number) }
        }
        for number: UInt32 in [3, 4, 1000, EpochNumber.last] {
            host.refused(.failedPrecondition, "\(number)") { try custody.newEpoch(number) }
        }
        try custody.newEpoch(1)
        try custody.newEpoch(2)
        try custody.newEpoch(2)
        try custody.destroyEpoch(1)
        host.refused(.failedPrecondition) { try custody.newEpoch(1) }
        #expect(try custody.epochs() == [2])
        try custody.destroyEpoch(2)
        host.refused(.failedPrecondition) { try custody.newEpoch(2) }
        try custody.newEpoch(1)
    }

    @Test(
        "epochs on the token that something else made are told, followed where their number is one of ours, and never sealed under"
    )
    func planted() throws {
        let custody = host.custody
        try plant(.max)
        #expect(try custody.epochs() == [1, .max])
        try custody.newEpoch(2)
        for number: UInt32 in [1, .max] { host.refused(.failedPrecondition) { try host.take(epoch: number) } }
        _ = try host.take(epoch: 2)
        try custody.destroyEpoch(.max)
        #expect(try custody.epochs() == [1, 2])
        // A thing that is no key has the name, and so nothing of ours gets it.
        try host.token.directory.write("thing", "thing")
        try plant(3, ["--write-object", host.token.directory.file("thing"), "--type", "data"])
        #expect(try custody.epochs() == [1, 2, 3])
        host.refused(.permissionDenied) { try custody.newEpoch(3) }
        try custody.newEpoch(4)
        _ = try host.take(epoch: 4)
        try plant(EpochNumber.last)
        host.refused(.failedPrecondition) { try custody.newEpoch(5) }
        host.refused(.invalidArgument) { try custody.newEpoch(EpochNumber.last + 1) }
        try custody.destroyEpoch(EpochNumber.last)
        try custody.newEpoch(5)
        _ = try host.take(epoch: 5)
    }
}
