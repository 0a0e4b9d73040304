@testable import DTAFormats

/// A value with one thing in it changed, and where.
struct Mutation: Sendable {
    let path: String
    let value: DAGCBOR.Value

    /// One for every leaf: a bit flipped in bytes, text and links, a number changed by one.
    static func flips(of value: DAGCBOR.Value, at path: String = "") -> [Mutation] {
        switch value {
        case .map(let map):
            return map.entries.flatMap { entry in
                flips(of: entry.value, at: path + "/" + entry.key).map { mutation in
                    var changed = map
                    changed[entry.key] = mutation.value
                    return Mutation(path: mutation.path, value: .map(changed))
                }
            }
        case .list(let items):
            return items.indices.flatMap { index in
                flips(of: items[index], at: "\(path)/\(index)").map { mutation in
                    var changed = items
                    changed[index] = mutation.value
                    return Mutation(path: mutation.path, value: .list(changed))
                }
            }
        case .bytes(let bytes):
            return [0, bytes.count / 2, bytes.count - 1].filter(bytes.indices.contains).map { index in
                var changed = bytes
                changed[index] ^= 1
                return Mutation(path: path, value: .bytes(changed))
            }
        case .text(let text):
            var changed = Array(text.utf8)
            changed[changed.count - 1] ^= 1
            return [Mutation(path: path, value: .text(String(decoding: changed, as: UTF8.self)))]
        case .link(let cid):
            return [Mutation(path: path, value: .link(CID(hashing: cid.bytes, codec: cid.codec)))]
        case .unsigned(let number): return [Mutation(path: path, value: .unsigned(number ^ 1))]
        case .negative(let number): return [Mutation(path: path, value: .negative(number ^ 1))]
        case .bool(let flag): return [Mutation(path: path, value: .bool(!flag))]
        case .float(let number): return [Mutation(path: path, value: .float(number + 1))]
        case .null: return [Mutation(path: path, value: .bool(true))]
        }
    }
}

extension DAGCBOR.Value {
    /// Changes a field inside maps and lists: `["envelope", "to"]`.
    func changing(_ path: [String], to value: DAGCBOR.Value?) -> DAGCBOR.Value {
        guard let first = path.first else { return value ?? self }
        let rest = Array(path.dropFirst())
        switch self {
        case .map(var map):
            map[first] = rest.isEmpty ? value : (map[first] ?? .map([:])).changing(rest, to: value)
            return .map(map)
        case .list(var items):
            guard let index = Int(first), items.indices.contains(index) else { return self }
            if rest.isEmpty, value == nil {
                items.remove(at: index)
            } else {
                items[index] = items[index].changing(rest, to: value)
            }
            return .list(items)
        default: return self
        }
    }
}
