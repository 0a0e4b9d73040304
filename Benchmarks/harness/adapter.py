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

    def __init__(self, state):
        self.state = state
        self.socket = state / "agent.sock"

    def up(self):
        raise NotImplementedError

    def load(self, clients, seconds, depth=1):
        """One measurement: a line of JSON."""
        return build.output(build.program("load"), self.protocol, "run", str(self.socket), self.key, str(clients),
                            str(seconds), str(depth), str(process.pid_of(self.state, self.name)))

    def check(self):
        """Signs a random digest, and has openssl verify the signature with the key's public half."""
        digest = secrets.token_bytes(32)
        signed = digest if not self.hashes else hashlib.sha256(digest).digest()
        raw = bytes.fromhex(build.output(build.program("load"), self.protocol, "sign", str(self.socket), self.key,
                                         digest.hex()))
        (self.state / "digest").write_bytes(signed)
        (self.state / "signature").write_bytes(der_signature(raw))
        build.output("openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "public.der",
                     "-in", "digest", "-sigfile", "signature", cwd=self.state)

    def down(self):
        process.stop(self.state, self.name)


def der_signature(raw):
    """ECDSA-Sig-Value of r and s (RFC 3279)."""
    def integer(value):
        data = value.lstrip(b"\0") or b"\0"
        data = b"\0" + data if data[0] > 127 else data
        return bytes([2, len(data)]) + data

    body = integer(raw[:32]) + integer(raw[32:])
    return bytes([0x30, len(body)]) + body


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
