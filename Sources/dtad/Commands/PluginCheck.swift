import DTAConfiguration
import DTAPlugins
import DTASystem
import Glibc

/// The check of external plugins by `dtad check`. It runs none, because root may run the check.
enum PluginCheck {
    static func run(_ configuration: Configuration.Plugins, _ report: Report) {
        guard configuration.run != .off else { return report.good("plugins", "the built-in ones alone") }
        guard let found = report.attempt("plugins", { try PluginFiles(configuration.directory).list() }) else { return }
        for problem in found.problems {
            report.note("plugins", "\(problem.name) is not run: \(problem.1.message)")
        }
        let names = found.plugins.map(\.type.name)
        guard !names.isEmpty else { return report.note("plugins", "there are none in \(configuration.directory)") }
        report.good("plugins", names.joined(separator: ", "))
        switch configuration.run {
        case .off: break
        case .ownUser:
            if let shortfall = PluginFileRules.shortfall {
                report.note("plugins", "they run as dtad's own user, and a protection is missing: \(shortfall)")
            } else {
                report.note(
                    "plugins",
                    "they run as dtad's own user, confined by Landlock to the system's programs and their own directory"
                )
            }
        case .service:
            for name in names where access("\(configuration.sockets)/\(name).sock", F_OK) != 0 {
                report.note(
                    "plugins",
                    "no program listens for \(name): systemctl daemon-reload && "
                        + "systemctl start dta-plugin-\(name).socket")
            }
        }
    }
}
