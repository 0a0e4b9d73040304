import DTAFormats
import DTAJSON
import DTASystem
import FoundationEssentials
import Glibc

/// Tests a plugin for its author. Every call is made as dtad makes it.
public final class PluginExamination {
    /// One claim, and whether it holds.
    public struct Finding: Sendable {
        public enum Outcome: String, Sendable {
            case passed = "ok"
            case failed = "failed"
            case skipped = "skipped"
            case noted = "note"
        }

        public let claim: String
        public let outcome: Outcome
        /// The detail; "" if there is none.
        public let detail: String
        /// How long it took.
        public let milliseconds: Int
    }

    /// Why a claim does not hold.
    enum Ending: Error {
        case skipped(String)
        case noted(String)
    }

    let path: String
    let limits: PluginLimits
    let given: [String: String]
    let asked: [String: String]
    let report: (Finding) -> Void
    var plugin: ExternalPlugin?
    var hasFailed = false
    /// The plugin's words on standard error since the claim was begun.
    private let complaint = Locked("")

    /// - Parameters: `path`: the plugin's file; `fields`: those of an order that the plugin accepts, as clients write
    ///   them; `request`: those of a redemption that it accepts.
    public static func run(
        _ path: String, _ limits: PluginLimits, fields: [String: String] = [:], request: [String: String] = [:],
        report: @escaping (Finding) -> Void
    ) -> Bool {
        // It starts in /, so the path must be absolute.
        let directory = unsafe getcwd(nil, 0)
        defer { unsafe free(directory) }
        let here = unsafe directory.map { unsafe String(cString: $0) } ?? "/"
        let examination = PluginExamination(
            path: path.hasPrefix("/") ? path : "\(here)/\(path)", limits: limits, given: fields, asked: request,
            report: report)
        examination.examineFile()
        examination.examineHello()
        if examination.plugin != nil {
            examination.examineBadInput()
            examination.examineHooks()
            examination.examineStrangeOrders()
        }
        return !examination.hasFailed
    }

    private init(
        path: String, limits: PluginLimits, given: [String: String], asked: [String: String],
        report: @escaping (Finding) -> Void
    ) {
        self.path = path
        self.limits = limits
        self.given = given
        self.asked = asked
        self.report = report
    }

    /// Tries one claim. `body` answers the detail.
    func claim(_ claim: String, _ body: () throws -> String) {
        let start = monotonicNanoseconds()
        complaint.withLock { $0 = "" }
        var outcome = Finding.Outcome.passed
        var detail = ""
        do {
            detail = try body()
        } catch Ending.skipped(let reason) {
            (outcome, detail) = (.skipped, reason)
        } catch Ending.noted(let reason) {
            (outcome, detail) = (.noted, reason)
        } catch let failure as PluginFailure {
            (outcome, detail) = (.failed, words(failure.error(name)))
        } catch {
            (outcome, detail) = (.failed, words(DTAError(error)))
        }
        if outcome == .failed { hasFailed = true }
        let milliseconds = Int((monotonicNanoseconds() - start) / 1_000_000)
        report(Finding(claim: claim, outcome: outcome, detail: detail, milliseconds: milliseconds))
    }

    /// The error, its hint, and the plugin's last line on standard error, in which most languages report the cause.
    private func words(_ error: DTAError) -> String {
        var words = error.message
        if !error.hint.isEmpty, error.hints != [Hint(.testPlugin)] { words += "; \(error.hint)" }
        if let last = complaint.withLock({ $0 }).components(separatedBy: PluginLine.lineBreak).last, !last.isEmpty {
            words += "; it wrote: \(last)"
        }
        return words
    }

    /// The plugin's type, by its file's name.
    var name: String {
        let file = path.split(separator: "/").last.map(String.init) ?? path
        return file.hasPrefix(PluginFiles.prefix) ? String(file.dropFirst(PluginFiles.prefix.count)) : file
    }

    private func examineFile() {
        claim("the file is called dta-plugin-TYPE") {
            guard path.split(separator: "/").last?.hasPrefix(PluginFiles.prefix) == true, PluginType(name) != nil else {
                throw DTAError(.invalidArgument, "TYPE is 1 to 32 of a-z, 0-9 and -, the first a letter")
            }
            return "type \(name)"
        }
        claim("it may be installed as it is") {
            do { try PluginFiles.checkFile(path) } catch let error as DTAError {
                throw Ending.noted("\(error.message); in the plugins' directory it must be")
            }
            return ""
        }
    }

    private func examineHello() {
        var found: ExternalPlugin?
        claim("it says hello") {
            guard let type = PluginType(name) else { throw Ending.skipped("it has no type") }
            let hear = { @Sendable [complaint] (text: String) in
                complaint.withLock {
                    $0 = text.components(separatedBy: " says: ").dropFirst().joined(separator: " says: ")
                }
            }
            let first = try ExternalPlugin(type, .program(path), limits, log: hear)
            let second = try ExternalPlugin(type, .program(path), limits, log: hear)
            guard first.summary == second.summary, first.keeps == second.keeps, first.fields == second.fields else {
                throw PluginFailure.lies("it says hello differently each time")
            }
            found = first
            return "keeps: \(first.keeps.rawValue), \(first.fields.count) fields"
        }
        plugin = found
    }

    // MARK: Lines that are no proper request

    /// Sends one line unchanged.
    func exchange(_ line: [UInt8]) throws -> [UInt8] {
        try PluginTransport.program(path).exchange(line, limits) { complaints in
            complaint.withLock { $0 = PluginLine.harmless(complaints) }
        }
    }

    /// Sends one request, without `ExternalPlugin`'s checks of the answer.
    func ask(_ request: PluginRequest) throws -> PluginAnswer {
        try PluginAnswer(try exchange(request.line), to: request)
    }

    /// Fails unless a request is refused in the protocol's way.
    func refused(_ request: PluginRequest, _ line: [UInt8]) throws -> String {
        guard case .refused(let error) = try PluginAnswer(try exchange(line), to: request) else {
            throw PluginFailure.lies("it did not refuse")
        }
        return "\(error.code.name): \(error.message)"
    }

    /// Fails unless the plugin ends; it need not answer a line that it cannot read.
    private func ends(_ line: [UInt8]) throws -> String {
        do {
            let answer = try exchange(line)
            guard case .object? = try? JSONValue.answer(answer) else {
                throw PluginFailure.lies("it answers something that is not an object")
            }
            return "it answers"
        } catch PluginFailure.silent {
            return "it ends"
        } catch PluginFailure.ended(let status) {
            return "it ends with status \(status)"
        }
    }

    private func examineBadInput() {
        let hello = PluginRequest.hello
        func line(_ members: [String: JSONValue]) -> [UInt8] {
            Array((JSONValue(sorting: (hello.json.dictionary ?? [:]).merging(members) { $1 }).line + "\n").utf8)
        }
        claim("it refuses a hook that it does not know") {
            try refused(hello, line(["hook": .string("dance")]))
        }
        claim("it refuses another version of the protocol") {
            try refused(hello, line(["dta": .string("dta/plugin/999")]))
        }
        let lines: [(String, [UInt8])] = [
            ("it ends if nothing is asked", []), ("it ends on a line that is cut", Array(hello.line.dropLast(9))),
            ("it ends on an empty line", [0x0a]), ("it ends on what is not JSON", Array("hello\n".utf8)),
            ("it ends on what is not UTF-8", [0xff, 0xfe, 0x00, 0x0a]),
            ("it ends on deep JSON", Array(String(repeating: "[", count: 100_000).utf8) + [0x0a]),
        ]
        for (text, line) in lines { claim(text) { try ends(line) } }
    }
}
