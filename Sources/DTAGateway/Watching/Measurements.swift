import DTASystem

/// Counts and durations of requests, for Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/).
final class Measurements: Sendable {
    /// Upper bounds of the histogram, in seconds: from a cached status to an identity made by a slow token.
    static let bounds: [Double] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

    private struct Key: Hashable {
        let method: String
        let route: String
        let status: Int
    }

    private struct Histogram {
        var counts = [UInt64](repeating: 0, count: Measurements.bounds.count + 1)
        var sum: UInt64 = 0
    }

    private struct State {
        var requests: [Key: UInt64] = [:]
        var latencies: [String: Histogram] = [:]
    }

    private let state = Locked(State())

    /// - Parameter route: an endpoint's path, as in the interface's description.
    func count(method: String, route: String, status: Int, nanoseconds: UInt64) {
        state.withLock { state in
            state.requests[Key(method: method, route: route, status: status), default: 0] += 1
            let seconds = Double(nanoseconds) / 1e9
            let bucket = Measurements.bounds.firstIndex { seconds <= $0 } ?? Measurements.bounds.count
            state.latencies[route, default: Histogram()].counts[bucket] += 1
            state.latencies[route, default: Histogram()].sum += nanoseconds
        }
    }

    /// The lines of requests and latencies.
    func lines() -> [String] {
        let state = state.withLock { $0 }
        var lines = [
            "# HELP dtagw_requests_total Requests that were answered.", "# TYPE dtagw_requests_total counter",
        ]
        lines += state.requests.map { key, count in
            "dtagw_requests_total{method=\"\(key.method)\",route=\"\(key.route)\",status=\"\(key.status)\"} \(count)"
        }.sorted()
        lines += [
            "# HELP dtagw_request_seconds How long answers took, from the head of the request on.",
            "# TYPE dtagw_request_seconds histogram",
        ]
        for (route, histogram) in state.latencies.sorted(by: { $0.key < $1.key }) {
            var total: UInt64 = 0
            for (count, bound) in zip(histogram.counts, Measurements.bounds.map { "\($0)" } + ["+Inf"]) {
                total += count
                lines.append("dtagw_request_seconds_bucket{route=\"\(route)\",le=\"\(bound)\"} \(total)")
            }
            lines.append("dtagw_request_seconds_sum{route=\"\(route)\"} \(Double(histogram.sum) / 1e9)")
            lines.append("dtagw_request_seconds_count{route=\"\(route)\"} \(total)")
        }
        return lines
    }
}
