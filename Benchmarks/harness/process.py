"""Processes that outlive the command that started them, and what the kernel knows of them."""

import os
import signal
import subprocess
import time
from pathlib import Path

from .build import Failure


def start(state, name, command, environment=None):
    """Starts a service in the background; its log and its pid are files of the directory `state`."""
    with open(state / f"{name}.log", "ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                   env={**os.environ, **(environment or {})})
    # With the time of its start, which tells it from a later process of the same number.
    (state / f"{name}.pid").write_text(f"{process.pid}\n")
    (state / f"{name}.started").write_text(str(started(process.pid)))
    return process


def pid_of(state, name):
    try:
        return int((state / f"{name}.pid").read_text())
    except (OSError, ValueError):
        raise Failure(f"{name} was not started in {state}") from None


def started(pid):
    """When a process began, in ticks since boot; None for one that is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def stop(state, name, patience=10.0):
    """Ends a service that `start` started, with SIGKILL if it is slow; does nothing if there is none."""
    try:
        pid, then = pid_of(state, name), (state / f"{name}.started").read_text()
    except (Failure, OSError):
        return

    def runs():
        return started(pid) == then

    def send(signum):
        try:
            os.kill(pid, signum)
        except ProcessLookupError:
            pass

    if runs():
        send(signal.SIGTERM)
        until = time.monotonic() + patience
        while runs() and time.monotonic() < until:
            reap(pid)
            time.sleep(0.02)
        if runs():
            send(signal.SIGKILL)
            reap(pid)
    for suffix in ("pid", "started"):
        (state / f"{name}.{suffix}").unlink(missing_ok=True)


def reap(pid):
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass  # another process's child


def last_words(state, name):
    lines = (state / f"{name}.log").read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def children(pid):
    """The pids of a process's children."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


def memory(pid, field):
    """`Rss` or `Pss` of a process in MB (10^6 bytes), or None if we may not know (others' Pss needs root)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024 / 1e6
    return None
