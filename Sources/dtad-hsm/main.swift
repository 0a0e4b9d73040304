// dtad-hsm: one process, one thread, one session with the HSM; it serves one connection, the front's, on descriptor 3.

import CustodyProtocol
import DTASystem
import Glibc

// Before a secret is in memory; exec has reset it.
Hardening.closeMemory()

let command: Command
do {
    command = try Command(NativeText.readableArguments())
} catch {
    complain(DTAError(error))
    exit(Int32(CustodyExit.usage.rawValue))
}
exit(command.run().status)
