"""What goes on meanwhile: envelopes at a steady rate, and signatures as fast as they come."""

from __future__ import annotations

import hashlib
import os
import random
import socket
import struct
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from agents import Agent, AgentError, Host
from dta_client import OPERATIONS, REQUEST, encode

LARGE = 700 << 10  # bytes: three blocks beside the envelope
LARGE_EVERY = 100
SMALL = 4 << 10  # bytes at most: for each pin that is listed, the test's node reads and hashes all that it has
IN_FLIGHT = 16


@dataclass
class Sealed:
    """What was acknowledged, and so must be on the node in the end."""

    cid: str
    digest: bytes
    size: int


@dataclass
class Sealing:
    """Seals from `alice` to the recipients, `rate` a second, on a thread of its own. What fails is not tried again, but counted."""

    host: Host
    recipients: list[str]
    rate: float
    sealed: list[Sealed] = field(default_factory=list)
    #: (time, reason)
    failures: list[tuple[float, str]] = field(default_factory=list)
    #: Seconds that each took.
    times: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._agent: Agent | None = None
        self._count = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def burst(self, count: int) -> None:
        for _ in range(count):
            self._seal_one()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            due += 1 / self.rate
            self._seal_one()

    def _seal_one(self) -> None:
        with self._lock:
            self._count += 1
            size = LARGE if self._count % LARGE_EVERY == 0 else random.randrange(1, SMALL)
            body = os.urandom(size)
            begin = time.monotonic()
            try:
                cid = self._with_dtactl(body) if size == LARGE else self._directly(body)
            except (OSError, AgentError, ValueError, subprocess.SubprocessError) as error:
                self._agent = None
                reason = getattr(error, "stderr", None) or str(error) or repr(error)
                self.failures.append((time.time(), str(reason).strip()))
                return
            self.times.append(time.monotonic() - begin)
            self.sealed.append(Sealed(cid, hashlib.sha256(body).digest(), size))

    def _directly(self, body: bytes) -> str:
        self._agent = self._agent or Agent(self.host.socket)
        return self._agent.seal("alice", self.recipients, body)

    def _with_dtactl(self, body: bytes) -> str:
        path = Path(self.host.directory / "body")
        path.write_bytes(body)
        to = [word for recipient in self.recipients for word in ("--to", recipient)]
        return self.host.dtactl("envelope", "seal", "--from", "alice", *to, str(path))


def signatures(path: str, seconds: float) -> float:
    """P-256 signatures a second with the key `k`, 16 in flight on one connection."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(path)
        reader = connection.makefile("rb", 1 << 16)
        frames = []
        for number in range(1, IN_FLIGHT + 1):
            body = encode(REQUEST, {"id": number, "version": 1, "operation": OPERATIONS["sign"], "subject": "k",
                                    "data": b"what is signed", "format": 1})
            frames.append(struct.pack(">I", len(body)) + body)
        connection.sendall(b"".join(frames))
        begin = now = time.monotonic()
        done = 0
        while now < begin + seconds:
            length, = struct.unpack(">I", reader.read(4))
            answer = reader.read(length)
            # id, then data of 64 bytes; an error has a code there.
            if answer[0] != 0x08 or answer[2:4] != b"\x2a\x40":
                raise RuntimeError(f"no signature: {answer!r}")
            connection.sendall(frames[answer[1] - 1])
            done += 1
            now = time.monotonic()
        return done / (now - begin)


@dataclass
class Speed:
    """The agent that publishes, beside one that has no node: measured in turns, so that a busy machine slows both."""

    subject: str
    twin: str
    #: (phase, the subject's signatures a second, the twin's)
    pairs: list[tuple[str, float, float]] = field(default_factory=list)

    def measure(self, phase: str, seconds: float = 1.0) -> None:
        first = len(self.pairs) % 2 == 0
        rates = {path: signatures(path, seconds) for path in ([self.subject, self.twin] if first else [self.twin, self.subject])}
        self.pairs.append((phase, rates[self.subject], rates[self.twin]))

    def of(self, phase: str) -> tuple[float, float, int]:
        """Medians: the subject's rate, its ratio to the twin's; and how many pairs."""
        pairs = [(subject, subject / twin) for name, subject, twin in self.pairs if name == phase]
        middle = len(pairs) // 2
        return sorted(rate for rate, _ in pairs)[middle], sorted(ratio for _, ratio in pairs)[middle], len(pairs)
