"""The real node on a disk of its own, and what stands at its socket while it is away."""

from __future__ import annotations

import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_LIMIT = 60.0  # seconds


class IPFSNode:
    """Tests/kubo's node. The repository of the node itself is a file system that can be full."""

    def __init__(self, library: Path, directory: Path, mebibytes: int) -> None:
        self._library = library
        self._state = directory / "state"
        self._record = directory / "calls"
        self._log = directory / "log"
        self.api = str(directory / "api.sock")
        self.disk = self._state / "main"
        self.disk.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", self.disk], check=True)
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-B", ROOT / "Tests/kubo/kubo_node.py", "--lib", self._library, "--state", self._state,
                 "--api", f"unix:{self.api}", "--record", self._record],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        if not self._process.stdout.readline():
            raise SystemExit(f"the IPFS node does not start: {self._log.read_text()[-2000:]}")

    def end(self, number: int) -> None:
        if self._process:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None

    def forget_feeder(self) -> None:
        """While it is ended: removes what block/put gave it by, which could answer in its place."""
        shutil.rmtree(self._state / "feeder")

    # MARK: The disk

    def room(self) -> tuple[int, int]:
        """(used, free) bytes."""
        disk = os.statvfs(self.disk)
        return (disk.f_blocks - disk.f_bfree) * disk.f_bsize, disk.f_bavail * disk.f_bsize

    def resize(self, size: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", self.disk], check=True)

    # MARK: Asking it, with another client than the one under test

    def ask(self, command: str, timeout: float = 120) -> bytes:
        connection = _UnixConnection(self.api, timeout)
        try:
            connection.request("POST", "/api/v0/" + command)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{command}: {answer.status} {body[:300].decode(errors='replace')}")
            return body
        finally:
            connection.close()

    def pins(self, kind: str = "all") -> set[str]:
        return set(json.loads(self.ask(f"pin/ls?type={kind}"))["Keys"])

    # MARK: What it was asked

    def calls(self, command: str) -> tuple[Counter, Counter]:
        """By CID: how often it was asked to do this, and how often it said that it did."""
        begun, done, of = Counter(), Counter(), {}
        for line in self._record.read_text().splitlines():
            entry = json.loads(line)
            if entry.get("command") == command:
                of[entry["call"]] = entry["of"]
                begun.update(entry["of"])
            elif entry.get("status") == 200 and entry["call"] in of:
                done.update(of[entry["call"]])
        return begun, done


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("node", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class StandIn:
    """Something at the node's socket that is no node: it answers 503, or garbage, or takes connections and says nothing."""

    KINDS = ("503", "garbage", "silence")

    def __init__(self, api: str, kind: str) -> None:
        self._kind = kind
        self._open: list[socket.socket] = []
        self.connections = 0
        Path(api).unlink(missing_ok=True)  # what a killed node left
        self._path = api
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(api)
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        Path(self._path).unlink()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            if self._kind != "silence":
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        try:
            connection.recv(65536)
            connection.sendall(self._words())
            connection.close()
        except OSError:
            pass

    def _words(self) -> bytes:
        if self._kind == "503":
            return b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\nConnection: close\r\n\r\nbusy\n"
        noise = random.randbytes(random.randrange(1, 4096))
        body = random.choice([noise, b"<html>", b"{}", b'{"Version": 7, "ID": [], "Key": null}', b'{"ID":"Qm'])
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        return random.choice([noise, head + body, head + body[:-1]])
