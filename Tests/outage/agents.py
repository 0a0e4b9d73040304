"""An agent of D-TA with a token of its own, that can be killed and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Examples" / "python"))
from dta_client import Agent, AgentError  # noqa: E402

START_LIMIT = 60.0  # seconds


class Host:
    """dtad, its token and its state below a directory."""

    def __init__(self, programs: Path, directory: Path) -> None:
        self._programs = programs
        self.directory = directory
        self.socket = str(directory / "agent.sock")
        self.log = directory / "log"
        self._process: subprocess.Popen | None = None
        directory.mkdir()
        subprocess.run([programs / "dtad", "init", "--state", directory / "state"], check=True, stdout=subprocess.DEVNULL)

    def publish_to(self, api: str, retry_max_ms: int) -> None:
        """From the next start on."""
        with (self.directory / "state" / "dtad.yaml").open("a") as file:
            file.write(f"ledger:\n  kubo:\n    api: unix:{api}\n    retry_max_ms: {retry_max_ms}\n")

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "dtad", "run", "--config", self.directory / "state" / "dtad.yaml", "--socket", self.socket],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + START_LIMIT
        while True:
            try:
                with Agent(self.socket) as agent:
                    agent.status()
                return
            except (OSError, AgentError):
                if self._process.poll() is not None or time.monotonic() > end:
                    raise SystemExit(f"dtad does not start: {self.log.read_text()[-2000:]}") from None
                time.sleep(0.05)

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self._process:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None

    def memory(self) -> int:
        """Of dtad, resident, in KiB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text() if self._process else ""
        return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")), 0)

    def dtactl(self, *arguments: str, check: bool = True) -> str:
        """What dtactl prints. Raises CalledProcessError where it refuses."""
        answer = subprocess.run(
            [self._programs / "dtactl", *arguments], env={**os.environ, "DTA_SOCKET": self.socket, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
        if check and answer.returncode:
            raise subprocess.CalledProcessError(answer.returncode, arguments, answer.stdout, answer.stderr)
        return answer.stdout.strip()

    def ledger_status(self) -> dict:
        """What `dtactl ledger status` says of the node, and the 1,000 oldest blocks that wait."""
        return json.loads(self.dtactl("ledger", "status", "--count", "1000", "--json"))

    def unfinished(self) -> int:
        status = self.ledger_status()
        return int(status["waiting"]) + int(status["stored"])

    def blocks(self) -> dict[str, dict]:
        """Every block of the ledger by its CID: kind, size, place."""
        found, cursor = {}, ""
        with Agent(self.socket) as agent:
            while True:
                answer = agent.call("ledger_list", count=1000, cursor=cursor)
                found.update((block["cid"], block) for block in answer["blocks"])
                cursor = answer["cursor"]
                if not cursor:
                    return found
