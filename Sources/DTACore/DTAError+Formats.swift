import DTAFormats
import DTASystem

extension DTAError {
    /// Translates an error of the formats.
    /// - Parameter what: the beginning of a sentence, up to the colon.
    init(_ error: FormatError, _ what: String) {
        let code: ErrorCode =
            switch error.kind {
            case .malformed, .notCanonical, .unsupported, .invalidArgument: .invalidArgument
            case .badSignature, .mismatch, .dataLoss: .dataLoss
            case .notRecipient: .permissionDenied
            }
        self.init(code, "\(what): \(error.reason)")
    }
}

/// Runs `body`; if a format refuses, adds what was refused.
package func explaining<Result>(_ what: @autoclosure () -> String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as FormatError { throw DTAError(error, what()) }
}
