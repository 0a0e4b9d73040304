import CustodyProtocol
import DTAConfiguration
import DTACustody
import DTASystem
import Glibc

extension HSMOptions {
    /// Reads `dtad.yaml`, and sets the environment of the module, before it is loaded: SoftHSM's own configuration, and
    /// what `hsm.environment` says.
    /// - Throws: `CustodyStartError` with `.configuration`.
    init(configuration file: String) throws {
        let hsm: Configuration.HSM
        do {
            hsm = try Configuration.load(file).hsm
        } catch {
            throw CustodyStartError(DTAError(error), .configuration)
        }
        for variable in hsm.environment { setenv(variable.name, variable.value, 1) }
        if let path = hsm.softhsmConf { setenv("SOFTHSM2_CONF", path, 1) }
        self.init(
            module: hsm.module, tokenLabel: hsm.tokenLabel, tokenSerial: hsm.tokenSerial, landmark: hsm.landmark,
            pinFile: hsm.pinFile, softhsmConf: hsm.softhsmConf, lockFile: hsm.lockFile,
            cacheSessionObjects: hsm.cacheSessionObjects,
            deadlineMilliseconds: hsm.deadlineMilliseconds)
        pendingPINFiles = hsm.pinFiles(configuration: file).map(Configuration.HSM.pendingPINFile)
    }
}
