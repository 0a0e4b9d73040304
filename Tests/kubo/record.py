"""What was asked of the node, in a file that outlives a killed node: a line when a call begins, one when it is answered."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import threading
from pathlib import Path

from ipld import SHA2_256, Cid


class CallRecord:
    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def begin(self, command: str, arguments: list[str], codec: int, uploads: list[bytes]) -> str:
        """Returns the name of the call, which `end` takes. An upload is named by the CID that its bytes have."""
        cids = [str(Cid.of_digest(codec, SHA2_256, hashlib.sha256(upload).digest())) for upload in uploads]
        with self._lock:
            call = f"{os.getpid()}-{next(self._numbers)}"
        self._write({"call": call, "command": command, "of": cids or arguments})
        return call

    def end(self, call: str, status: int) -> None:
        self._write({"call": call, "status": status})

    def _write(self, line: dict[str, object]) -> None:
        os.write(self._file, (json.dumps(line) + "\n").encode())
