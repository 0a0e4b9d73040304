import ArgumentParser
import Crypto
import DTAFormats

/// DAG-CBOR in MB/s: an envelope to 256 recipients, which is large and mostly bytes, and a list of small maps.
struct CodecCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "dag-cbor", abstract: "MB/s of DAG-CBOR.")

    @Option var seconds = 1.0

    func run() throws {
        let recipient = try Recipient("bench")
        let wraps = (0..<256).map { _ in
            DAGCBOR.Value.map([
                "enc": .bytes([UInt8](repeating: 1, count: 1120)), "key": .bytes([UInt8](repeating: 2, count: 48)),
            ])
        }
        let envelope = DAGCBOR.Value.map([
            "to": .list((0..<256).map { _ in .link(recipient.document.cid) }), "wraps": .list(wraps),
            "content": .text("application/octet-stream"), "body": .bytes([UInt8](repeating: 3, count: 256 << 10)),
        ])
        let small = DAGCBOR.Value.list(
            (0..<2000).map {
                .map([
                    "number": .unsigned(UInt64($0)), "name": .text("row \($0)"), "flag": .bool($0 % 2 == 0),
                    "of": .null,
                ])
            })
        var values: [(String, Double)] = []
        for (name, value) in [("envelope", envelope), ("small_maps", small)] {
            let bytes = try DAGCBOR.encode(value)
            let megabytes = Double(bytes.count) / 1e6
            values.append(
                ("\(name)_encode_mb_s", try rate(seconds: seconds) { _ = try DAGCBOR.encode(value) } * megabytes))
            values.append(
                ("\(name)_decode_mb_s", try rate(seconds: seconds) { _ = try DAGCBOR.decode(bytes) } * megabytes))
        }
        report(values)
    }
}
