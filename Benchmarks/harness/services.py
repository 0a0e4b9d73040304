"""The two services that are measured."""

import time

from . import adapter, agent, build, process

KEYS = 10  # one of them signs
PIN = "1234"  # of a token that lives as long as the benchmark
# The bytes before the point in a SubjectPublicKeyInfo of P-256 (RFC 5480).
P256_PUBLIC_KEY = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")


class Dtad(adapter.Adapter):
    """dtad with a SoftHSM token of its own."""

    name, protocol, key = "dtad", "agent", agent.SIGN_KEY

    def up(self, keys=KEYS):
        agent.initialize(self.state, keys)


class Skeleton(adapter.Adapter):
    """The yardstick: a front in C, two processes that hold the key, and nothing else."""

    name, protocol, key = "skeleton", "skeleton", "-"

    def up(self):
        (self.state / "tokens").mkdir()
        configuration = self.state / "softhsm2.conf"
        configuration.write_text(f"directories.tokendir = {self.state}/tokens\nlog.level = ERROR\n")
        environment = {"SOFTHSM2_CONF": str(configuration)}
        program, module = build.program("skeleton"), build.pkcs11_module()
        point = build.output("env", f"SOFTHSM2_CONF={configuration}", program, "create", module, PIN, str(KEYS))
        (self.state / "public.der").write_bytes(P256_PUBLIC_KEY + bytes.fromhex(point))
        child = process.start(self.state, self.name, [program, "serve", module, PIN, str(self.socket)], environment)
        while not self.socket.exists():
            if child.poll() is not None:
                raise build.Failure(f"skeleton ended: {process.last_words(self.state, self.name)}")
            time.sleep(0.01)

