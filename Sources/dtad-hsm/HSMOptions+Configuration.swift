import CustodyProtocol
import DTAConfiguration
import DTACustody
import DTASystem
import Glibc

extension HSMOptions {
    /// Reads `dtad.yaml`, and tells SoftHSM where its own configuration is, before it is loaded.
    /// - Throws: `CustodyStartError` with `.configuration`.
    init(configuration file: String) throws {
        let hsm: Configuration.HSM
        do {
            hsm = try Configuration.load(file).hsm
        } catch {
            throw CustodyStartError(DTAError(error), .configuration)
        }
        if let path = hsm.softhsmConf { setenv("SOFTHSM2_CONF", path, 1) }
        self.init(
            module: hsm.module, tokenLabel: hsm.tokenLabel, tokenSerial: hsm.tokenSerial, pinFile: hsm.pinFile,
            lockFile: hsm.lockFile, cacheSessionObjects: hsm.cacheSessionObjects,
            deadlineMilliseconds: hsm.deadlineMilliseconds)
        pendingPINFiles = hsm.pinFiles(configuration: file).map(Configuration.HSM.pendingPINFile)
    }
}
