"""The commands of an adapter: `up`, `check`, `load` and `down`, each with a directory of its own."""

import hashlib
import os
import secrets
import signal
import sys
from pathlib import Path

from . import build, process


class Adapter:
    """A service that signs. Subclasses start it; `name` is also the name of its process."""

    name = protocol = key = ""
    hashes = False  # whether it hashes what it signs
    is_rsa = False  # whether its key is an RSA-3072 key, which signs by PKCS#1 v1.5

    def __init__(self, state):
        self.state = state
        self.socket = state / "agent.sock"

    def up(self):
        raise NotImplementedError

    def load(self, clients, seconds, depth=1):
        """One measurement: a line of JSON."""
        return build.output(build.program("load"), self.protocol, "run", str(self.socket), self.key, str(clients),
                            str(seconds), str(depth), str(process.pid_of(self.state, self.name)))

    def sign(self, digest):
        """A signature of 32 bytes: r and s, or RSA's."""
        return bytes.fromhex(build.output(build.program("load"), self.protocol, "sign", str(self.socket), self.key,
                                          digest.hex()))

    def check(self):
        """Signs a random digest, and has openssl verify the signature with the key's public half."""
        digest = secrets.token_bytes(32)
        signed = digest if not self.hashes else hashlib.sha256(digest).digest()
        raw = self.sign(digest)
        (self.state / "digest").write_bytes(signed)
        (self.state / "signature").write_bytes(raw if self.is_rsa else der_signature(raw))
        build.output("openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "public.der",
                     "-in", "digest", "-sigfile", "signature", *(["-pkeyopt", "digest:sha256"] if self.is_rsa else []),
                     cwd=self.state)

    def down(self):
        process.stop(self.state, self.name)


def der_signature(raw):
    """ECDSA-Sig-Value of r and s (RFC 3279)."""
    return der(0x30, der_integer(raw[:32]) + der_integer(raw[32:]))


def der_rsa_key(modulus):
    """The SubjectPublicKeyInfo of an RSA key with the exponent 65537 (RFC 3279)."""
    key = der(0x30, der_integer(modulus) + der_integer(b"\1\0\1"))
    algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
    return der(0x30, algorithm + der(3, b"\0" + key))


def der(tag, body):
    size = len(body)
    length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
    return bytes([tag]) + length + body


def der_integer(value):
    data = value.lstrip(b"\0") or b"\0"
    return der(2, b"\0" + data if data[0] > 127 else data)


def main(kind):
    verb, *rest = sys.argv[1:] or [""]
    if verb not in ("up", "check", "load", "down") or len(rest) not in ((3, 4) if verb == "load" else (1,)):
        sys.exit(f"usage: {sys.argv[0]} up|check|down STATE_DIR\n"
                 f"       {sys.argv[0]} load STATE_DIR CLIENTS SECONDS [REQUESTS_IN_FLIGHT]")
    os.umask(0o077)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    state = Path(rest[0]).resolve()
    state.mkdir(exist_ok=True)
    try:
        said = getattr(kind(state), verb)(*rest[1:])
    except build.Failure as failure:
        sys.exit(str(failure))
    if said:
        print(said)
