import DTASystem

extension DTAError {
    /// What helps, as dtad's own commands and options say it.
    var hintText: String {
        hint { hint in
            switch hint.code {
            case .makeState: "dtad init --state DIR makes one"
            case .replaceFile: "choose another name, or say --force"
            case .acceptAudit:
                "an administrator should put the file back as it was; if it is lost, dtactl audit accept records that"
            default: hint.code.sentence(hint.subject)
            }
        }
    }
}
