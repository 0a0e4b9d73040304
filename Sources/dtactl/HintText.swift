import DTASystem

/// Hints as commands and options of dtactl.
enum HintText {
    static func of(_ hint: Hint) -> String {
        let subject = hint.subject
        switch hint.code {
        case .listIdentities: return "dtactl identity list shows which there are"
        case .makeIdentity: return "make a new one with dtactl identity create"
        case .makeRecoverableIdentity: return "make a new one with dtactl identity create NAME --recovery FILE"
        case .nameAlias: return "dtactl identity trust CID --as NAME"
        case .trustByAlias:
            return "identities from elsewhere are named by their CID, or by an alias: dtactl identity trust"
        case .trust: return "trust it with dtactl identity trust, if you know whose it is"
        case .trustAgain: return "if that is over, say so with dtactl identity trust"
        case .importIdentity:
            return "dtactl identity import FILE, with the file that identity export wrote there; or identity trust CID "
                + "--as NAME --at URL, which fetches it from its gateway"
        case .importAgain:
            return "an older dtad may have stored it unseen: store it again with dtactl identity import"
        case .recover: return "only its holder's recovery key can decide that: dtactl identity recover"
        case .beginRecovery: return "begin it again with dtactl identity recover"
        case .showHistory: return "dtactl identity history shows the line; recover the one at which it divides"
        case .changeURL: return "dtactl identity trust ALIAS --at URL changes where its gateway is"
        case .allowUntrusted: return "--allow-untrusted opens it all the same"
        case .storeBlock: return "if you have its bytes, store them with dtactl ledger put"
        case .bringBlock:
            return "they are fetched from there, unless only this host is asked; dtactl ledger import brings them back "
                + "from a file"
        case .carryLargeCAR:
            return "dtactl ledger export writes a CAR of any size, and dtactl ledger import reads it"
        case .importCAR: return "dtactl ledger import takes all blocks of a CAR"
        case .nameFiduciary: return "--fiduciary ALIAS"
        case .nameRedeemers: return "--redeem ALIAS"
        case .namePrincipal: return "say as which one: --as NAME"
        case .nameActor: return "say as which one: --as NAME"
        case .giveField: return "--field \(subject)=…"
        case .showOrder: return "dtactl order show \(subject) tells what it asks for"
        case .receivePart: return "if a part came as a file, take it in with dtactl order receive"
        case .receiveDeposit: return "dtactl order receive \(subject) asks the principal's gateway for it"
        case .compareOrder:
            return "dtactl order receive \(subject) asks for what they have; then --commit, --release, --refuse, or "
                + "--resume if it is complete"
        case .publishShares: return "ask its holder to run dtactl wallet shares publish, and import the result"
        case .listEpochs:
            return "dtactl order epochs shows which ones dtad did not make; an administrator can destroy those"
        case .sendAgain: return "dtactl order send carries again what was not delivered"
        case .useTLS: return "use https://, or insist with --insecure-http"
        case .carryByHand:
            return "on Debian, apt-get install libcurl4; or carry it by hand: --out FILE, and order receive FILE there"
        case .giveCredential: return "does it want a token (--token-file) or a certificate (--client-cert)?"
        case .listKeys: return "dtactl key list shows those that this user may see"
        case .listUnnamedKeys: return "dtactl key unnamed lists them"
        case .listOwnRecords: return "an administrator can; each user sees their own records with dtactl audit list"
        case .acceptAudit:
            return
                "an administrator should put the file back as it was; if it is lost, dtactl audit accept records "
                + "that"
        case .testPlugin: return "dtactl plugin test PATH shows what it does"
        case .nameSocket: return "is dtad running? Name another socket with --socket or in $DTA_SOCKET"
        case .waitLonger:
            return hint.code.sentence(subject) + ". A longer --timeout waits longer"
        // The same for all programs, or about dtad's own commands.
        case .askSender, .makeState, .replaceFile: return hint.code.sentence(subject)
        }
    }
}
