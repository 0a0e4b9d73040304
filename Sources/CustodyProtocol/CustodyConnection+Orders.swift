import DTASystem

/// Orders' operations: each one's fields, in the order of `docs/custody.md`.
extension CustodyConnection: OrderCustodian {
    public func newSeed(
        _ fiduciary: RecipientKey, order: [UInt8], documents: [[UInt8]], epoch: UInt32
    ) throws -> CreatedSeed {
        try call(.newSeed) {
            $0.field(fiduciary)
            $0.field(order)
            $0.field(BlockList.encode(documents))
            $0.field(epoch)
        } _: {
            CreatedSeed(
                sealed: try $0.field(), publicKey: try $0.field(exactly: 33), proof: try $0.field(exactly: 64))
        }
    }

    public func newOrderKey(
        _ fiduciary: RecipientKey, order: [UInt8], documents: [[UInt8]], epoch: UInt32
    ) throws -> CreatedOrderKey {
        try call(.newOrderKey) {
            $0.field(fiduciary)
            $0.field(order)
            $0.field(BlockList.encode(documents))
            $0.field(epoch)
        } _: { answer in
            let sealed = try answer.field()
            guard let type = KeyType(rawValue: try answer.byte()) else {
                throw DTAError(.invalidArgument, "an unknown key type")
            }
            return CreatedOrderKey(sealed: sealed, type: type, publicKey: try answer.field(atMost: 256))
        }
    }

    public func release(
        _ fiduciary: RecipientKey, sealed: [UInt8], order: [UInt8], redemption: [UInt8], approvals: [[UInt8]],
        documents: [[UInt8]], received: Int64
    ) throws -> [UInt8] {
        try redeem(.release, fiduciary, sealed, order, redemption, approvals, documents, received)
    }

    public func signForOrder(
        _ fiduciary: RecipientKey, sealed: [UInt8], order: [UInt8], redemption: [UInt8], approvals: [[UInt8]],
        documents: [[UInt8]], received: Int64
    ) throws -> [UInt8] {
        try redeem(.signForOrder, fiduciary, sealed, order, redemption, approvals, documents, received)
    }

    private func redeem(
        _ operation: CustodyOperation, _ fiduciary: RecipientKey, _ sealed: [UInt8], _ order: [UInt8],
        _ redemption: [UInt8], _ approvals: [[UInt8]], _ documents: [[UInt8]], _ received: Int64
    ) throws -> [UInt8] {
        try call(operation) {
            $0.field(fiduciary)
            $0.field(sealed)
            $0.field(order)
            $0.field(redemption)
            $0.field(BlockList.encode(approvals))
            $0.field(BlockList.encode(documents))
            $0.field(UInt64(bitPattern: received))
        } _: {
            try $0.field()
        }
    }

    public func newEpoch(_ number: UInt32) throws {
        try call(.newEpoch) {
            $0.field(number)
        } _: { _ in
        }
    }

    public func resealOrder(_ sealed: [UInt8], order: [UInt8], owner: ObjectOwner, epoch: UInt32) throws -> [UInt8] {
        try seal(.resealOrder, sealed, order, owner, epoch)
    }

    public func sealOrderState(
        _ state: [UInt8], order: [UInt8], owner: ObjectOwner, epoch: UInt32
    ) throws -> [UInt8] {
        try seal(.sealOrderState, state, order, owner, epoch)
    }

    public func openOrderState(_ sealed: [UInt8], order: [UInt8], owner: ObjectOwner) throws -> [UInt8] {
        try call(.openOrderState) {
            $0.field(sealed)
            $0.field(order)
            $0.field(owner.uid)
        } _: {
            try $0.field()
        }
    }

    public func resealOrderState(
        _ sealed: [UInt8], order: [UInt8], owner: ObjectOwner, epoch: UInt32
    ) throws -> [UInt8] {
        try seal(.resealOrderState, sealed, order, owner, epoch)
    }

    private func seal(
        _ operation: CustodyOperation, _ bytes: [UInt8], _ order: [UInt8], _ owner: ObjectOwner, _ epoch: UInt32
    ) throws -> [UInt8] {
        try call(operation) {
            $0.field(bytes)
            $0.field(order)
            $0.field(owner.uid)
            $0.field(epoch)
        } _: {
            try $0.field()
        }
    }

    public func destroyEpoch(_ number: UInt32) throws {
        try call(.destroyEpoch) {
            $0.field(number)
        } _: { _ in
        }
    }

    public func epochs() throws -> Set<UInt32> {
        try call(.epochs) { _ in
        } _: { answer in
            let bytes = try answer.field()
            guard bytes.count.isMultiple(of: 4) else {
                throw DTAError(.invalidArgument, "numbers of epochs have 4 bytes each")
            }
            return Set(
                stride(from: 0, to: bytes.count, by: 4).map { at in
                    bytes[at..<at + 4].reduce(0) { $0 << 8 | UInt32($1) }
                })
        }
    }

    public func createShare(owner: ObjectOwner, beneficiary: [UInt8], terms: [UInt8]?) throws -> CreatedShare {
        try call(.createShare) {
            $0.field(owner.uid)
            $0.field(beneficiary)
            $0.field(terms ?? [])
        } _: {
            CreatedShare(sealed: try $0.field(), publicKey: try $0.field(exactly: 33))
        }
    }

    public func exportWallet(
        _ share: CreatedShare, commitment: SealedPart, release: SealedPart, documents: [[UInt8]]
    ) throws -> [UInt8] {
        try call(.exportWallet) { request in
            request.field(share.sealed)
            request.field(share.publicKey)
            for part in [commitment, release] {
                request.field(part.recipient)
                request.field(part.block)
            }
            request.field(BlockList.encode(documents))
        } _: {
            try $0.field(exactly: 32)
        }
    }
}

extension CustodyWriter {
    /// A recipient's key: five fields.
    mutating func field(_ key: RecipientKey) {
        field(key.kem.bytes)
        field(key.owner.uid)
        field(key.publicKEM)
        field(key.sealedSeed)
        field(key.cid)
    }
}
