import DTASystem

/// What one request did, for the audit log. It has no field for a secret, a message or a PIN.
package struct AuditRecord: Sendable {
    package var caller: Caller
    /// As docs/audit.md names it: sign, key.create, …
    package var operation: String
    /// The key, identity, envelope or block; cut to 256 bytes, since clients write it.
    package var subject: String
    /// What else matters for the decision; empty for most operations.
    package var detail: AuditDetail
    /// `OK`, or the name of the error code.
    package var result: String
    /// From parsing to the answer.
    package var microseconds: UInt64
    /// How many refusals it stands for; each permitted request has its own record.
    package var count: UInt64 = 1

    package init(
        caller: Caller, operation: String, subject: String, detail: AuditDetail = AuditDetail(), result: String,
        microseconds: UInt64
    ) {
        self.caller = caller
        self.operation = operation
        self.subject = subject
        self.detail = detail
        self.result = result
        self.microseconds = microseconds
    }
}
