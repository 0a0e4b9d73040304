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


class DtadRSA(Dtad):
    """dtad with an RSA-3072 key beside the others."""

    protocol, key, is_rsa = "rsa", agent.RSA_KEY, True

    def up(self, keys=KEYS):
        agent.initialize(self.state, keys)
        with agent.Client(self.socket) as client:
            (self.state / "public.der").write_bytes(client.create_key(agent.RSA_KEY, agent.RSA3072))


class Processes(adapter.Adapter):
    """What is asked by PKCS#11, from a process for each client."""

    where = "token"  # or a "copy" of the key in the session

    def command(self):
        """What comes before the program, the module, and the PIN."""
        raise NotImplementedError

    def _run(self, verb, *words):
        prefix, module, pin = self.command()
        kind = "rsa" if self.is_rsa else "ec"
        return build.output(*prefix, build.program("processes"), verb, module, pin, kind, self.where, *words)

    def load(self, clients, seconds, depth=1):
        return self._run("run", str(clients), str(seconds))

    def sign(self, digest):
        return bytes.fromhex(self._run("sign", digest.hex()))


class RawRSA(Processes):
    """PKCS#11 in the clients' own processes, with an RSA-3072 key."""

    name, is_rsa, where = "raw", True, "copy"

    def up(self):
        softhsm(self.state)
        prefix, module, pin = self.command()
        modulus = bytes.fromhex(build.output(*prefix, build.program("processes"), "create", module, pin))
        (self.state / "public.der").write_bytes(adapter.der_rsa_key(modulus))

    def command(self):
        return ["env", f"SOFTHSM2_CONF={self.state}/softhsm2.conf"], build.pkcs11_module(), PIN

    def down(self):
        pass


class DtadPKCS11(Dtad, Processes):
    """dtad through p11-kit's proxy and a dta-p11 for each client."""

    def up(self, keys=KEYS):
        agent.initialize(self.state, keys)
        modules(self.state, self.socket)

    def command(self):
        return in_modules(self.state), p11_kit("proxy_module"), "-"

    load, sign = Processes.load, Processes.sign


class P11KitServer(Processes):
    """`p11-kit server` over SoftHSM, and its client module: a connection, and a process at its end, for each client."""

    name = "p11-kit"

    def up(self):
        configuration = softhsm(self.state)
        environment = {"SOFTHSM2_CONF": str(configuration)}
        module = str(Path(build.pkcs11_module()).resolve())
        point = build.output("env", f"SOFTHSM2_CONF={configuration}", build.program("skeleton"), "create", module, PIN,
                             str(KEYS))
        (self.state / "public.der").write_bytes(P256_PUBLIC_KEY + bytes.fromhex(point))
        child = process.start(
            self.state, self.name,
            ["p11-kit", "server", "-f", "-n", str(self.socket), "--provider", module, "pkcs11:token=bench"], environment)
        wait_for_socket(self, child)

    def command(self):
        return (["env", f"P11_KIT_SERVER_ADDRESS=unix:path={self.socket}"],
                f"{p11_kit('p11_module_path')}/p11-kit-client.so", PIN)


def p11_kit(variable):
    return build.output("pkg-config", f"--variable={variable}", "p11-kit-1")


def modules(state, socket):
    """A folder of p11-kit's modules with D-TA's alone."""
    folder = state / "modules"
    folder.mkdir(mode=0o755)
    text = (build.ROOT / "p11-kit" / "dtad.module.in").read_text()
    program = f"{build.agent_program('dta-p11')} --socket {socket}"
    (folder / "dtad.module").write_text(text.replace("@libexecdir@/dtad/dta-p11", program))


def in_modules(state):
    """What comes before a command that is to see that folder: a mount namespace."""
    script = 'mount --bind "$0" /usr/share/p11-kit/modules && exec "$@"'
    return ["unshare", "-m" if os.geteuid() == 0 else "-rm", "sh", "-c", script, str(state / "modules")]


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
