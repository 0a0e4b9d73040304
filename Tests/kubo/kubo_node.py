#!/usr/bin/env python3
"""A real Kubo node on loopback for tests, behind an HTTP front that speaks part of Kubo's RPC. README.md says what that proves."""

from __future__ import annotations

import argparse
import functools
import json
import os
import signal
import socket
import stat
import threading
from pathlib import Path

from libkubo import LibKubo
from node import FrontedNode
from record import CallRecord
from rpc import Commands, Faults, RpcHandler, TcpServer, UnixServer, parse_auth_secret


def main() -> None:
    arguments = parse_arguments()
    state_dir = arguments.state.resolve()
    state_dir.mkdir(parents=True, exist_ok=True)
    unix_path = Path(arguments.api.removeprefix("unix:")).absolute() if arguments.api.startswith("unix:") else None

    node = FrontedNode(LibKubo(arguments.lib, state_dir), state_dir, arguments.swarm_port)
    faults = Faults(arguments.fail_rate, arguments.delay_ms / 1000)
    record = CallRecord(arguments.record) if arguments.record else None
    handler = functools.partial(RpcHandler, Commands(node), faults, arguments.auth_secret, record)
    if unix_path:
        remove_stale_socket(unix_path)
        server, api = UnixServer(str(unix_path), handler), f"unix:{unix_path}"
    else:
        host, _, port = arguments.api.rpartition(":")
        server = TcpServer((host, int(port)), handler)
        api = "http://%s:%d" % server.server_address
    threading.Thread(target=server.serve_forever, daemon=True).start()

    signals = watch_signals()
    print(json.dumps({"api": api, "id": node.main.id, "swarm": node.main.address}), flush=True)
    obey(signals, faults)

    server.shutdown()
    if unix_path:
        unix_path.unlink(missing_ok=True)
    node.stop()
    os._exit(0)  # Go's threads would keep the process alive


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lib", type=Path, required=True, metavar="DIR", help="what setup filled")
    parser.add_argument("--state", type=Path, required=True, metavar="DIR", help="blocks, pins, identity; kept")
    parser.add_argument("--api", type=api_address, default="127.0.0.1:0", metavar="ADDRESS",
                        help="127.0.0.1:PORT (0: a free one) or unix:PATH")
    parser.add_argument("--swarm-port", type=int, metavar="PORT", help="default: as before, or a free one")
    parser.add_argument("--auth-secret", type=auth_secret, metavar="SECRET", help="bearer:TOKEN or basic:USER:PASS")
    parser.add_argument("--fail-rate", type=float, default=0.0, metavar="P", help="share of requests answered with 500")
    parser.add_argument("--delay-ms", type=float, default=0.0, metavar="N", help="wait before each answer")
    parser.add_argument("--record", type=Path, metavar="FILE", help="add a line of JSON for each call, and for its answer")
    return parser.parse_args()


def api_address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if text.startswith("unix:") and len(text) > len("unix:"):
        return text
    if host == "127.0.0.1" and port.isdecimal():
        return text
    raise argparse.ArgumentTypeError("expected 127.0.0.1:PORT or unix:PATH; other hosts are refused on purpose")


def auth_secret(text: str) -> str:
    try:
        return parse_auth_secret(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def remove_stale_socket(path: Path) -> None:
    """Removes what a killed process left, but neither a socket that is in use nor anything else of that name."""
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise SystemExit(f"{path} exists and is not a socket")
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(str(path)) == 0:
            raise SystemExit(f"another process listens on {path}")
    path.unlink()


def watch_signals() -> socket.socket:
    """A socket from which the numbers of arriving signals are read, one byte each.

    Kubo takes SIGINT and SIGTERM for itself when a node starts, so the handlers are set after that. And the kernel
    may deliver a signal to one of Go's threads, which does not wake Python's main thread: hence the socket.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.detach())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, lambda *_: None)
    return reader


def obey(signals: socket.socket, faults: Faults) -> None:
    """Returns on SIGTERM or SIGINT. SIGUSR1: answer 503 to everything. SIGUSR2: back to normal."""
    while True:
        number = signals.recv(1)[0]
        if number == signal.SIGUSR1:
            faults.unavailable.set()
        elif number == signal.SIGUSR2:
            faults.unavailable.clear()
        else:
            return


if __name__ == "__main__":
    main()
