/// Kubo's answers in JSON, as far as they are read here; other members are ignored.
enum KuboAnswers {
    /// The error of every command, with status 500 or 400.
    struct Failure: Decodable {
        let message: String
        enum CodingKeys: String, CodingKey { case message = "Message" }
    }

    struct Version: Decodable {
        let version: String
        enum CodingKeys: String, CodingKey { case version = "Version" }
    }

    struct ID: Decodable {
        let id: String
        enum CodingKeys: String, CodingKey { case id = "ID" }
    }

    /// Of block/put and block/stat.
    struct Block: Decodable {
        let key: String
        enum CodingKeys: String, CodingKey { case key = "Key" }
    }

    /// Of pin/add.
    struct Pinned: Decodable {
        let pins: [String]
        enum CodingKeys: String, CodingKey { case pins = "Pins" }
    }

    /// Of pin/ls.
    struct Pins: Decodable {
        let keys: [String: Pin]
        enum CodingKeys: String, CodingKey { case keys = "Keys" }
    }

    struct Pin: Decodable {
        let type: String
        enum CodingKeys: String, CodingKey { case type = "Type" }
    }
}
