"""The services that are measured."""

import os
import time
from pathlib import Path

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


class DtadSSH(Dtad):
    """dtad by ssh.sock. A client's 32 bytes have the form of an exchange hash, which a host's key signs."""

    protocol, hashes = "ssh", True

    def __init__(self, state):
        super().__init__(state)
        self.socket = state / "ssh.sock"

    def up(self, keys=KEYS):
        terms = f"[{{ keys: [{agent.SIGN_KEY}], host_key: true }}]"
        agent.initialize(self.state, keys, f"ssh: {{ socket: {self.socket}, keys: {terms} }}\n")

    @property
    def key(self):
        return (self.state / "public.der").read_bytes()[-65:].hex()


class SSHAgent(adapter.Adapter):
    """OpenSSH's ssh-agent, which signs with SoftHSM through its ssh-pkcs11-helper."""

    name, protocol, hashes = "ssh-agent", "ssh", True

    def up(self):
        configuration = softhsm(self.state)
        module, environment = str(Path(build.pkcs11_module()).resolve()), {"SOFTHSM2_CONF": str(configuration)}
        point = build.output("env", f"SOFTHSM2_CONF={configuration}", build.program("skeleton"), "create", module, PIN,
                             str(KEYS))
        (self.state / "public.der").write_bytes(P256_PUBLIC_KEY + bytes.fromhex(point))
        child = process.start(self.state, self.name, ["ssh-agent", "-D", "-P", module, "-a", str(self.socket)],
                              environment)
        wait_for_socket(self, child)
        askpass = self.state / "askpass"
        askpass.write_text(f"#!/bin/sh\necho {PIN}\n")
        askpass.chmod(0o700)
        build.output("ssh-add", "-q", "-s", module, env={
            **os.environ, **environment, "SSH_AUTH_SOCK": str(self.socket), "SSH_ASKPASS": str(askpass),
            "SSH_ASKPASS_REQUIRE": "force"})

    @property
    def key(self):
        return (self.state / "public.der").read_bytes()[-65:].hex()


def softhsm(state):
    """A configuration of SoftHSM with a folder for tokens."""
    (state / "tokens").mkdir()
    configuration = state / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {state}/tokens\nlog.level = ERROR\n")
    return configuration


def wait_for_socket(service, child):
    while not service.socket.exists():
        if child.poll() is not None:
            raise build.Failure(f"{service.name} ended: {process.last_words(service.state, service.name)}")
        time.sleep(0.01)


class Skeleton(adapter.Adapter):
    """The yardstick: a front in C, two processes that hold the key, and nothing else."""

    name, protocol, key = "skeleton", "skeleton", "-"

    def up(self):
        configuration = softhsm(self.state)
        environment = {"SOFTHSM2_CONF": str(configuration)}
        program, module = build.program("skeleton"), build.pkcs11_module()
        point = build.output("env", f"SOFTHSM2_CONF={configuration}", program, "create", module, PIN, str(KEYS))
        (self.state / "public.der").write_bytes(P256_PUBLIC_KEY + bytes.fromhex(point))
        child = process.start(self.state, self.name, [program, "serve", module, PIN, str(self.socket)], environment)
        wait_for_socket(self, child)
