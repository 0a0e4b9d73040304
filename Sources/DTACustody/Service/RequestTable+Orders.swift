import CustodyProtocol
import DTAFormats
import DTASystem

/// Orders' requests, each taken completely apart before anything is done.
extension Custody {
    /// Bounds of fields. All of a request are bounded together by the message.
    private enum Bound {
        /// A part: a body of 160 KiB, wrapped for everybody whom an order can name.
        static let part = 256 << 10
        static let order = OrderSecret.sizeLimit + SealedBlob.overhead
        /// The largest approvals of all approvers that an order can have; an ordinary one takes half, or less.
        static let approvals = OrderTerms.partyLimit * SignedApproval.maximumSize
        static let documents = BlockList.limit
    }

    func answerOrder(
        _ operation: CustodyOperation, _ request: inout CustodyReader, _ answer: inout CustodyWriter
    ) throws {
        switch operation {
        case .newSeed:
            let fiduciary = try recipientKey(&request)
            let order = try request.field(atMost: Bound.part)
            let documents = try blocks(&request, atMost: Bound.documents)
            let epoch = try request.uint32()
            try request.end()
            let made = try newSeed(fiduciary, order: order, documents: documents, epoch: epoch)
            answer.begin(CustodyFrame.ok)
            for field in [made.sealed, made.publicKey, made.proof] { answer.field(field) }
        case .newOrderKey:
            let fiduciary = try recipientKey(&request)
            let order = try request.field(atMost: Bound.part)
            let documents = try blocks(&request, atMost: Bound.documents)
            let epoch = try request.uint32()
            try request.end()
            let made = try newOrderKey(fiduciary, order: order, documents: documents, epoch: epoch)
            answer.begin(CustodyFrame.ok)
            answer.field(made.sealed)
            answer.field(made.type.rawValue)
            answer.field(made.publicKey)
        case .release: try finish(&answer, release(releaseRequest(&request)))
        case .signForOrder: try finish(&answer, signForOrder(releaseRequest(&request)))
        default: try answerEpochsAndWallets(operation, &request, &answer)
        }
    }

    private func answerEpochsAndWallets(
        _ operation: CustodyOperation, _ request: inout CustodyReader, _ answer: inout CustodyWriter
    ) throws {
        switch operation {
        case .newEpoch, .destroyEpoch:
            let number = try request.uint32()
            try request.end()
            try operation == .newEpoch ? newEpoch(number) : destroyEpoch(number)
            answer.begin(CustodyFrame.ok)
        case .epochs:
            try request.end()
            let numbers = try epochs()
            guard numbers.count * 4 <= CustodyFrame.limit - 64 else {
                throw DTAError(.resourceExhausted, "the token holds keys of \(numbers.count) epochs, too many at once")
            }
            try finish(
                &answer, numbers.sorted().flatMap { number in [24, 16, 8, 0].map { UInt8(number >> $0 & 255) } })
        case .resealOrder, .sealOrderState, .openOrderState, .resealOrderState:
            try answerSealing(operation, &request, &answer)
        case .createShare:
            let owner = ObjectOwner(uid: try request.uint32())
            let beneficiary = try cid(&request)
            let terms = try request.field(atMost: OrderTerms.hashSize)
            try request.end()
            let share = try createShare(owner: owner, beneficiary: beneficiary, terms: terms.isEmpty ? nil : terms)
            answer.begin(CustodyFrame.ok)
            answer.field(share.sealed)
            answer.field(share.publicKey)
        case .exportWallet:
            let share = CreatedShare(
                sealed: try request.field(atMost: 32 + CID.byteCount + OrderTerms.hashSize + SealedBlob.overhead),
                publicKey: try request.field(exactly: Secp256k1PublicKey.byteCount))
            let commitment = try part(&request)
            let release = try part(&request)
            let documents = try blocks(&request, atMost: Bound.documents)
            try request.end()
            var key = try exportWallet(share, commitment: commitment, release: release, documents: documents)
            defer { wipe(&key) }
            try finish(&answer, key)
        default: throw DTAError(.internal, "custody operation \(operation.rawValue) is none of orders")
        }
    }

    private func answerSealing(
        _ operation: CustodyOperation, _ request: inout CustodyReader, _ answer: inout CustodyWriter
    ) throws {
        let limit =
            switch operation {
            case .resealOrder: Bound.order
            case .sealOrderState: OrderSecret.stateLimit
            default: OrderSecret.stateLimit + SealedBlob.overhead
            }
        var bytes = try request.field(atMost: limit)
        defer { wipe(&bytes) }
        let order = try cid(&request)
        let owner = ObjectOwner(uid: try request.uint32())
        let epoch = operation == .openOrderState ? nil : try request.uint32()
        try request.end()
        guard let epoch else {
            var state = try openOrderState(bytes, order: order, owner: owner)
            defer { wipe(&state) }
            return try finish(&answer, state)
        }
        switch operation {
        case .resealOrder: try finish(&answer, resealOrder(bytes, order: order, owner: owner, epoch: epoch))
        case .sealOrderState: try finish(&answer, sealOrderState(bytes, order: order, owner: owner, epoch: epoch))
        default: try finish(&answer, resealOrderState(bytes, order: order, owner: owner, epoch: epoch))
        }
    }

    private func finish(_ answer: inout CustodyWriter, _ bytes: [UInt8]) throws {
        answer.begin(CustodyFrame.ok)
        answer.field(bytes)
    }

    private func releaseRequest(_ request: inout CustodyReader) throws -> ReleaseRequest {
        let asked = ReleaseRequest(
            fiduciary: try recipientKey(&request), sealed: try request.field(atMost: Bound.order),
            order: try cid(&request), redemption: try request.field(atMost: Bound.part),
            approvals: try blocks(&request, atMost: Bound.approvals),
            documents: try blocks(&request, atMost: Bound.documents), received: try seconds(&request))
        try request.end()
        return asked
    }

    /// Five fields.
    private func recipientKey(_ request: inout CustodyReader) throws -> RecipientKey {
        RecipientKey(
            kem: try request.objectID(), owner: ObjectOwner(uid: try request.uint32()),
            publicKEM: try request.field(exactly: Identity.kemSize),
            sealedSeed: try request.field(exactly: 64 + SealedBlob.overhead), cid: try cid(&request).bytes)
    }

    private func part(_ request: inout CustodyReader) throws -> SealedPart {
        SealedPart(recipient: try recipientKey(&request), block: try request.field(atMost: Bound.part))
    }

    private func blocks(_ request: inout CustodyReader, atMost limit: Int) throws -> [[UInt8]] {
        try BlockList.decode(request.field(atMost: limit))
    }

    private func cid(_ request: inout CustodyReader) throws -> CID {
        let bytes = try request.field(exactly: CID.byteCount)
        return try translating { try CID(bytes: bytes) }
    }

    private func seconds(_ request: inout CustodyReader) throws -> Int64 {
        let number = try request.uint64()
        // To the end of the year 9999, as everywhere in the formats.
        guard number <= 253_402_300_799 else {
            throw DTAError(.invalidArgument, "a time is given in whole seconds since 1970, to the year 9999")
        }
        return Int64(number)
    }
}
