import Testing

@testable import DTAFormats

@Suite("Wallet shares")
struct WalletSharesTests {
    private func share() -> Secp256k1PublicKey { Secp256k1Scalar.generate().publicKey }

    private func plaintext(_ shares: [DAGCBOR.Value], type: String = WalletShares.type) throws -> [UInt8] {
        try DAGCBOR.encode(.map(["type": .text(type), "shares": .list(shares)]))
    }

    @Test("1 to 100 shares of wallets are read as they were written, in their order")
    func roundTrip() throws {
        for count in [1, 2, 100] {
            let shares = try WalletShares((0..<count).map { _ in share() })
            #expect(try WalletShares(shares.encoded()) == shares)
        }
    }

    @Test("a list of no shares, too many, the same twice, or what is no point, and every other form are refused")
    func refusals() throws {
        let good = share()
        let value = DAGCBOR.Value.bytes(good.bytes)
        let many = (0...100).map { _ in share() }
        for shares in [[], many, [good, share(), good]] {
            #expect(refusal { _ = try WalletShares(shares) }.kind == .invalidArgument)
            #expect(refusal { _ = try WalletShares(plaintext(shares.map { .bytes($0.bytes) })) }.kind == .malformed)
        }
        let noPoint: [UInt8] = [2] + [UInt8](repeating: 0, count: 31) + [5]
        for items: [DAGCBOR.Value] in [
            [.bytes(noPoint)], [.bytes(try good.uncompressed)], [.bytes(Array(good.bytes.dropLast()))],
            [.text("share")],
            [.null], [.list([value])],
        ] { #expect(refusal { _ = try WalletShares(plaintext(items)) }.kind == .malformed) }
        #expect(
            refusal { _ = try WalletShares(plaintext([value], type: "dta/wallet-shares/2")) }.kind == .unsupported)
        for map: DAGCBOR.Map in [
            ["shares": .list([value])], ["type": .text(WalletShares.type)],
            ["type": .text(WalletShares.type), "shares": value],
            ["type": .text(WalletShares.type), "shares": .list([value]), "note": .text("more")],
        ] { _ = refusal { _ = try WalletShares(DAGCBOR.encode(.map(map))) } }
        let bytes = try plaintext([value])
        _ = refusal { _ = try WalletShares(bytes + [0]) }
        _ = refusal { _ = try WalletShares(Array(bytes.dropLast())) }
    }
}
