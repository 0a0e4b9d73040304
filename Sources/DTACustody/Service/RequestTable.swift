import CustodyProtocol
import DTASystem

/// Takes each request completely apart before anything is done, does it, and writes the answer's fields.
extension Custody {
    func answer(_ request: inout CustodyReader, _ answer: inout CustodyWriter) throws {
        guard let operation = CustodyOperation(rawValue: request.head) else {
            guard CustodyOperation.retired.contains(request.head) else {
                throw DTAError(.invalidArgument, "custody operation \(request.head) is unknown")
            }
            throw DTAError(
                .invalidArgument, "custody operation \(request.head) is not served any more",
                hint: "dtad is of an older release than dtad-hsm: install both of one release, then restart dtad")
        }
        switch operation {
        case .begin:
            throw DTAError(.invalidArgument, "a connection begins once")
        case .describe: try answerDescribe(&request, &answer)
        case .examine:
            let number = try request.byte()
            try request.end()
            guard let need = TokenNeed(rawValue: number) else {
                throw DTAError(.invalidArgument, "need \(number) is unknown")
            }
            let fault = try examine(need)
            answer.begin(CustodyFrame.ok)
            answer.field(fault)
        case .random:
            let count = try request.uint32()
            try request.end()
            try finish(&answer, random(count: Int(count)))
        case .list: try answerList(&request, &answer)
        case .generate:
            let type = try keyType(&request)
            let owner = ObjectOwner(uid: try request.uint32())
            let id = try request.objectID()
            try request.end()
            try finish(&answer, generate(type, owner: owner, id: id))
        case .publicKey:
            let id = try request.objectID()
            try request.end()
            let (type, key) = try publicKey(id)
            answer.begin(CustodyFrame.ok)
            answer.field(type.rawValue)
            answer.field(key)
        case .delete:
            let objectClass = try objectClass(&request)
            let id = try request.objectID()
            try request.end()
            try delete(objectClass, id: id)
            answer.begin(CustodyFrame.ok)
        case .forget:
            let id = try request.objectID()
            try request.end()
            forget(id)
            answer.begin(CustodyFrame.ok)
        case .sign:
            let id = try request.objectID()
            let input = try request.field()
            try request.end()
            try finish(&answer, sign(id, input: input))
        case .mac:
            let id = try request.objectID()
            let input = try request.field()
            try request.end()
            try finish(&answer, mac(id, input: input))
        case .encrypt:
            let id = try request.objectID()
            let plaintext = try request.field()
            let aad = try request.field()
            try request.end()
            try finish(&answer, encrypt(id, plaintext: plaintext, aad: aad))
        case .decrypt:
            let id = try request.objectID()
            let ciphertext = try request.field()
            let aad = try request.field()
            try request.end()
            try finish(&answer, decrypt(id, ciphertext: ciphertext, aad: aad))
        case .createIdentity:
            let owner = ObjectOwner(uid: try request.uint32())
            let signing = try request.objectID()
            let kem = try request.objectID()
            try request.end()
            let keys = try createIdentity(owner: owner, signing: signing, kem: kem)
            answer.begin(CustodyFrame.ok)
            answer.field(keys.signingType.rawValue)
            for field in [keys.signing, keys.kem, keys.sealedSeed] { answer.field(field) }
        case .signDocument:
            let id = try request.objectID()
            let context = try request.string(atMost: Bound.name)
            let hash = try request.field(exactly: 32)
            try request.end()
            try finish(&answer, signDocument(id, context: context, hash: hash))
        case .createPostQuantumKey:
            let signing = try request.objectID()
            try request.end()
            let key = try createPostQuantumKey(signing)
            answer.begin(CustodyFrame.ok)
            answer.field(key.publicKey)
            answer.field(key.sealedSeed)
        case .signPostQuantum: try answerSignPostQuantum(&request, &answer)
        case .openKey: try answerOpenKey(&request, &answer)
        case .sealState:
            let plaintext = try request.field(atMost: Bound.state)
            let purpose = try request.string(atMost: Bound.name)
            let id = try request.field(atMost: Bound.name)
            try request.end()
            try finish(&answer, sealState(plaintext, purpose: purpose, id: id))
        case .unsealState:
            let blob = try request.field(atMost: Bound.state + SealedBlob.overhead)
            let purpose = try request.string(atMost: Bound.name)
            let id = try request.field(atMost: Bound.name)
            try request.end()
            try finish(&answer, unsealState(blob, purpose: purpose, id: id))
        case .version:
            try request.end()
            answer.begin(CustodyFrame.ok)
            answer.field(CustodyOperation.protocolVersion)
        case .settle:
            let processor = Int32(bitPattern: try request.uint32())
            try request.end()
            Processors.run(on: processor)
            answer.begin(CustodyFrame.ok)
        case .newSeed, .newOrderKey, .release, .signForOrder, .newEpoch, .resealOrder, .destroyEpoch, .createShare,
            .exportWallet, .epochs, .sealOrderState, .openOrderState, .resealOrderState:
            try answerOrder(operation, &request, &answer)
        }
    }

    private enum Bound {
        /// Contexts, purposes, CIDs, what a sealed row belongs to.
        static let name = 128
        /// A row of the front's store.
        static let state = 1 << 20
    }

    private func answerSignPostQuantum(_ request: inout CustodyReader, _ answer: inout CustodyWriter) throws {
        let signing = try request.objectID()
        let publicKey = try request.field(exactly: PostQuantumKey.publicKeySize)
        let sealedSeed = try request.field(atMost: PostQuantumSeed.sizeLimit + SealedBlob.overhead)
        let context = try request.string(atMost: Bound.name)
        let hash = try request.field(exactly: 32)
        try request.end()
        let key = PostQuantumKey(publicKey: publicKey, sealedSeed: sealedSeed)
        try finish(&answer, signPostQuantum(signing, key: key, context: context, hash: hash))
    }

    private func answerOpenKey(_ request: inout CustodyReader, _ answer: inout CustodyWriter) throws {
        let kem = try request.objectID()
        let owner = ObjectOwner(uid: try request.uint32())
        let publicKEM = try request.field(exactly: 1216)
        let sealedSeed = try request.field(exactly: 64 + SealedBlob.overhead)
        let coreHash = try request.field(exactly: 32)
        let recipient = try request.field(atMost: Bound.name)
        let enc = try request.field(exactly: 1120)
        let key = try request.field(exactly: 48)
        try request.end()
        try finish(
            &answer,
            openKey(
                kem: kem, owner: owner, publicKEM: publicKEM, sealedSeed: sealedSeed, coreHash: coreHash,
                recipient: recipient, enc: enc, key: key))
    }

    private func finish(_ answer: inout CustodyWriter, _ bytes: [UInt8]) throws {
        answer.begin(CustodyFrame.ok)
        answer.field(bytes)
    }

    private func answerDescribe(_ request: inout CustodyReader, _ answer: inout CustodyWriter) throws {
        try request.end()
        let token = try describe()
        answer.begin(CustodyFrame.ok)
        for text in [token.label, token.serial, token.manufacturer, token.model, token.library] { answer.field(text) }
        answer.field(token.keyTypes.map(\.rawValue))
        answer.field(token.maximumSessions)
        answer.field(UInt32(bitPattern: token.pid))
        answer.field(token.uid)
        answer.field(token.memoryShortfall)
    }

    private func answerList(_ request: inout CustodyReader, _ answer: inout CustodyWriter) throws {
        let objectClass = try objectClass(&request)
        try request.end()
        let objects = try list(objectClass)
        guard objects.count * TokenObject.wireSize <= CustodyFrame.limit - 64 else {
            throw DTAError(.resourceExhausted, "the token holds \(objects.count) objects, too many to list at once")
        }
        try finish(&answer, objects.flatMap(\.wire))
    }

    private func keyType(_ request: inout CustodyReader) throws -> KeyType {
        let number = try request.byte()
        guard let type = KeyType(rawValue: number) else {
            throw DTAError(.invalidArgument, "key type \(number) is unknown")
        }
        return type
    }

    private func objectClass(_ request: inout CustodyReader) throws -> ObjectClass {
        let number = try request.byte()
        guard let objectClass = ObjectClass(rawValue: number) else {
            throw DTAError(.invalidArgument, "object class \(number) is unknown")
        }
        return objectClass
    }
}
