import Testing

@testable import DTAFormats

/// The `FormatError` with which something is refused; a failure of the test where it is not.
func refusal(
    _ comment: @autoclosure () -> String = "", at location: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
) -> FormatError {
    do {
        try body()
        Issue.record("accepted: \(comment())", sourceLocation: location)
    } catch let error as FormatError {
        return error
    } catch {
        Issue.record("not a FormatError: \(error) \(comment())", sourceLocation: location)
    }
    return FormatError(.invalidArgument, "")
}
