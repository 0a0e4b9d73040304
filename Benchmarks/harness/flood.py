"""The effect of a flood of refusals from many users on another user's signatures, and on the audit log."""

import json
import os
import selectors
import signal
import socket
import statistics
import struct
import time

from . import agent, services

USERS, FIRST_UID, FLOODERS = 64, 70_000, 4
KEY_SHOW = 12
DEPTH = 16  # requests in flight on each connection
KINDS = ("equal", "varied", "connects")


def measure(state, options, say):
    if os.geteuid():
        say("flood: several users need root; it is left out")
        return None
    directory = state / "flood"
    directory.mkdir()
    service = services.Dtad(directory)
    service.up(1)
    # Others may connect, and see nothing else.
    for path, mode in ((state, 0o711), (directory, 0o711), (service.socket, 0o666)):
        path.chmod(mode)
    results = {}
    try:
        for kind in KINDS:
            say(f"flood: {kind}")
            results[kind] = [once(service, kind, options.seconds) for _ in range(options.rounds)]
    finally:
        service.down()
    show(results)
    return results


def once(service, kind, seconds):
    """Signatures of one client, quiet and then during a flood."""
    quiet = json.loads(service.load(1, seconds))
    flooders = [flooder(service.socket, kind, number) for number in range(FLOODERS)]
    try:
        time.sleep(1)
        before, begin = log_size(service), time.monotonic()
        flooded = json.loads(service.load(1, seconds))
        grown, took = log_size(service) - before, time.monotonic() - begin
    finally:
        answered = sum(end(child) for child in flooders)
    # Each signature has its own record, which is no refusal's.
    ours = flooded["ops"] * record_size(service)
    return {"quiet": quiet, "flooded": flooded, "ratio": flooded["p99_us"] / quiet["p99_us"], "kind": kind,
            "refused_per_s": answered / (took + 1), "log_per_s": grown / took, "refusals_log_per_s": (grown - ours) / took}


def log_size(service):
    return sum(file.stat().st_size for file in (service.state / "agent" / "audit").iterdir())


def record_size(service):
    """The size of a signature's record."""
    last = sorted((service.state / "agent" / "audit").iterdir())[-1]
    with open(last, "rb") as file:
        file.seek(max(0, last.stat().st_size - (1 << 20)))
        sizes = [len(line) for line in file.read().splitlines(keepends=True) if b'"op":"sign"' in line]
    return statistics.median(sizes) if sizes else 0


# --- The flood ---


def flooder(path, kind, number):
    """A process that floods as its part of the users until it is told to end; it then prints how many were answered."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    answered = 0
    try:
        answered = flood(str(path), kind, range(FIRST_UID + number, FIRST_UID + USERS, FLOODERS), stopping)
    finally:
        os.write(writing, struct.pack("Q", answered))
        os._exit(0)


def end(child):
    pid, reading = child
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
    data = os.read(reading, 8)
    os.close(reading)
    return struct.unpack("Q", data)[0] if len(data) == 8 else 0


def flood(path, kind, uids, stopping):
    count, answered = 0, 0
    chooser = selectors.DefaultSelector()

    def connect(uid):
        os.seteuid(uid)
        try:
            made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            made.connect(path)
        finally:
            os.seteuid(0)
        made.setblocking(False)
        chooser.register(made, selectors.EVENT_READ, [uid, b""])
        for _ in range(1 if kind == "connects" else DEPTH):
            ask(made)

    def ask(made):
        nonlocal count
        count += 1
        subject = "\x01" * 250 + (str(count) if kind == "varied" else "")
        body = (agent.number(1, count) + agent.number(2, 1) + agent.number(3, KEY_SHOW)
                + agent.text(4, subject.encode()))
        made.send(struct.pack(">I", len(body)) + body)

    for uid in uids:
        connect(uid)
    while not stopping:
        for key, _ in chooser.select(0.2):
            uid, data = key.data
            try:
                data += key.fileobj.recv(65536)
                while len(data) >= 4 and len(data) >= 4 + (size := struct.unpack(">I", data[:4])[0]):
                    data = data[4 + size:]
                    answered += 1
                    if kind != "connects":
                        ask(key.fileobj)
                key.data[1] = data
                again = kind == "connects"
            except OSError:
                again = True
            if again:
                chooser.unregister(key.fileobj)
                key.fileobj.close()
                connect(uid)
    return answered


def show(results):
    print(f"A flood of refusals from {USERS} users: what another user's signatures take, by one client")
    print(f"{'':12}{'quiet p99 µs':>14}{'p99 µs':>9}{'ratio':>8}{'ops/s':>8}{'refused/s':>11}{'log KiB/s':>11}"
          f"{'of refusals':>13}")
    for kind, runs in results.items():
        def middle(value):
            return statistics.median(value(run) for run in runs)

        print(f"{kind:12}{middle(lambda run: run['quiet']['p99_us']):14.0f}"
              f"{middle(lambda run: run['flooded']['p99_us']):9.0f}{middle(lambda run: run['ratio']):8.2f}"
              f"{middle(lambda run: run['flooded']['ops'] / run['flooded']['seconds']):8.0f}"
              f"{middle(lambda run: run['refused_per_s']):11.0f}{middle(lambda run: run['log_per_s']) / 1024:11.0f}"
              f"{middle(lambda run: run['refusals_log_per_s']) / 1024:13.0f}")
    print("Goal: a ratio of 5 at most, and 1,024 KiB a second of refusals at most.\n")
