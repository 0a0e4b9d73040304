import CustodyProtocol
import DTAConfiguration
import DTACustody
import DTASystem
import Glibc

extension HSMOptions {
    /// Reads the options of `dtad.yaml`, and sets the environment of the module before it is loaded: SoftHSM's own
    /// configuration, and `hsm.environment`.
    /// - Parameter file: the path of the configuration.
    init(_ hsm: Configuration.HSM, file: String) {
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
