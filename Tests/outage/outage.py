"""An hour without the node, or as long as is wanted. Scripts/outage says what for; exit status 1 where a claim is false."""

from __future__ import annotations

import argparse
import base64
import hashlib
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from agents import Host
from ipfs import IPFSNode, StandIn
from load import LARGE, LARGE_EVERY, Sealing, Speed

PROMPT = 60.0  # seconds in which what must come soon has to come, on a busy machine too
#: Shares of the absence.
GONE, STAND_IN = 0.52, 0.16
REASONS = {"503": "answers 503", "garbage": r"not Kubo's|cannot be reached|answers 200|did not answer", "silence": "did not answer in time"}
DISK = 1 << 30  # bytes, when it is not meant to be full


class Outage:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self.work: Path = arguments.work
        self.seconds = arguments.minutes * 60
        # The longest pause before a node that is away is asked again; the default is a minute.
        self.retry_max_ms = int(min(60_000, max(1000, self.seconds * STAND_IN / 6 * 1000)))
        self.false: list[str] = []
        self.began = time.monotonic()
        self.node = IPFSNode(arguments.node, self._directory("ipfs"), DISK >> 20)
        self.host = Host(arguments.programs, self.work / "host")
        self.twin = Host(arguments.programs, self.work / "twin")
        self.reader = Host(arguments.programs, self.work / "reader")
        self.rate = arguments.rate
        self.speed = Speed(self.host.socket, self.twin.socket)
        self.dtad_down = (0.0, 0.0)

    def _directory(self, name: str) -> Path:
        path = self.work / name
        path.mkdir()
        return path

    # MARK: Words

    def say(self, text: str) -> None:
        passed = int(time.monotonic() - self.began)
        print(f"{passed // 60:3}:{passed % 60:02}  {text}", flush=True)

    def claim(self, holds: bool, text: str) -> None:
        self.say(f"{'ok  ' if holds else 'FAIL'}  {text}")
        if not holds:
            self.false.append(text)

    def show_status(self, status: dict | None = None) -> dict:
        status = status or self.host.ledger_status()
        self.say(f"      node {status['state']}, waiting {status['waiting']}, stored {status['stored']}, "
                 f"published {status['published']}; sealed {len(self.sealing.sealed)}; dtad {self.host.memory() >> 10} MiB")
        if status.get("reason"):
            self.say(f"      reason: {status['reason']}")
        for error, count in Counter(row["error"] for row in status["publications"] if row["error"]).most_common(3):
            self.say(f"      {count} blocks: {re.sub(r'temp-[0-9]+', 'temp-…', error)}")
        return status

    def until(self, what: str, seconds: float, condition) -> bool:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                self.claim(False, f"{what} within {seconds:.0f} s")
                return False
            time.sleep(0.2)
        return True

    def linger(self, phase: str, seconds: float, pairs: int = 20) -> None:
        """Lets the time pass, and measures in it."""
        end = time.monotonic() + seconds
        shown = time.monotonic()
        pause = max(seconds / pairs, 3.0)
        while time.monotonic() < end - 2.5:
            self.speed.measure(phase)
            if time.monotonic() > shown + 300:
                shown = time.monotonic()
                self.show_status()
            time.sleep(max(0.0, min(pause - 2, end - time.monotonic())))
        time.sleep(max(0.0, end - time.monotonic()))

    # MARK: The phases

    def run(self) -> int:
        self.prepare()
        self.node_is_up()
        self.node_is_killed()
        self.node_is_gone()
        for kind in StandIn.KINDS:
            self.something_else_answers(kind)
        self.disk_is_full()
        self.space_is_made()
        self.everything_is_there()
        self.another_host_reads()
        self.report_speed()
        for text in self.false:
            print(f"FALSE: {text}")
        return 1 if self.false else 0

    def prepare(self) -> None:
        self.reader.start()
        self.reader.dtactl("identity", "create", "bob")
        document = str(self.work / "bob.car")
        self.reader.dtactl("identity", "export", "bob", "--out", document)
        self.bob = self.reader.dtactl("identity", "show", "bob", "--json").split('"cid":"')[1].split('"')[0]
        self.reader.stop()
        self.node.start()
        self.host.publish_to(self.node.api, self.retry_max_ms)
        for host in (self.host, self.twin):
            host.start()
            host.dtactl("key", "create", "k", "--type", "p256")
        self.alice = self.host.dtactl("identity", "create", "alice")
        self.host.dtactl("identity", "import", document)
        self.host.dtactl("identity", "trust", self.bob, "--as", "bob")
        self.sealing = Sealing(self.host, ["alice", "bob"], self.rate)
        self.say(f"{self.seconds / 60:g} minutes without the node, {self.rate:g} envelopes a second, every {LARGE_EVERY}th of {LARGE >> 10} KiB; "
                 f"retry_max_ms {self.retry_max_ms}")

    def node_is_up(self) -> None:
        self.say("the node is up")
        self.sealing.start()
        self.linger("up", 30, pairs=10)
        self.until("what was sealed so far is published", PROMPT, lambda: self.is_published(self.sealing.sealed[-1].cid))
        early = [envelope.cid for envelope in self.sealing.sealed[:20]]
        pins = self.node.pins("recursive")
        self.claim(all(cid in pins for cid in early), f"the node has pinned the first {len(early)} envelopes: it was asked")
        self.show_status()

    def is_published(self, cid: str) -> bool:
        return '"state":"published"' in self.host.dtactl("ledger", "status", cid, "--json")

    def node_is_killed(self) -> None:
        before = sum(self.node.calls("block/put")[1].values())
        self.sealing.burst(150)
        self.until("the node is given some of 150 more", PROMPT,
                   lambda: sum(self.node.calls("block/put")[1].values()) > before + 20)
        self.node.end(signal.SIGKILL)
        self.absent_since = time.monotonic()
        self.say("the node is killed with SIGKILL while it is given blocks")
        self.until("the agent notices", PROMPT, lambda: self.host.ledger_status()["state"] == "away")
        status = self.show_status()
        self.claim(int(status["waiting"]) + int(status["stored"]) > 0, "it was in the middle: some blocks wait")

    def node_is_gone(self) -> None:
        self.linger("gone", self.seconds * GONE / 2)
        before = self.show_status()
        started = time.time()
        self.host.stop(signal.SIGKILL)
        self.host.start()
        self.dtad_down = (started - 1, time.time() + 1)
        self.say(f"dtad is killed with SIGKILL and started again: {time.time() - started:.1f} s")
        after = self.host.ledger_status()
        waited = [int(status["waiting"]) + int(status["stored"]) for status in (before, after)]
        self.claim(waited[1] >= waited[0], f"what waited still does: {waited[0]} blocks before, {waited[1]} after")
        self.linger("gone", self.seconds * GONE / 2)
        status = self.show_status()
        self.claim(status["state"] == "away" and "cannot be reached" in status["reason"], "the status says that it cannot be reached")

    def something_else_answers(self, kind: str) -> None:
        self.say(f"at the node's socket: {kind}")
        other = StandIn(self.node.api, kind)
        self.linger(kind, self.seconds * STAND_IN)
        # In a short run it may not have been asked yet, or not given up: a node that says nothing has twelve seconds.
        self.until(f"the status says what is wrong: {kind}", PROMPT, lambda: re.search(REASONS[kind], self.reason()))
        status = self.show_status()
        other.close()
        self.claim(other.connections > 0, f"it was asked: {other.connections} connections")
        self.claim(status["state"] == "away", f"it is away for the agent, for a reason that fits: {kind}")

    def disk_is_full(self) -> None:
        waiting = self.host.unfinished()
        blocks = [block for block in self.host.blocks().values()]
        backlog = sum(block["size"] for block in blocks[:waiting])  # the newest are what waits
        used, _ = self.node.room()
        self.node.resize(used + max(min(backlog // 3, 6 << 20), 1 << 20))
        self.node.start()
        self.say(f"the node is back after {(time.monotonic() - self.absent_since) / 60:.1f} minutes, on a disk with room for "
                 f"{self.node.room()[1] >> 10} KiB; {waiting} blocks of {backlog >> 10} KiB wait")
        self.until("the node's disk is full, and the status says so", 600, self.status_says_full)
        self.linger("full", max(20.0, self.seconds * 0.05))
        status = self.show_status()
        self.say(f"      the disk: {self.node.room()[0] >> 10} KiB used, {self.node.room()[1] >> 10} KiB free")
        self.claim(status["state"] == "up", "the node is up for the agent: the disk is the blocks' trouble")
        self.claim(int(status["waiting"]) > 0, f"{status['waiting']} blocks wait for room")

    def reason(self) -> str:
        return self.host.ledger_status().get("reason", "")

    def status_says_full(self) -> bool:
        return any("no space left on device" in row["error"] for row in self.host.ledger_status()["publications"])

    def space_is_made(self) -> None:
        self.node.resize(DISK)
        # Kubo's datastore goes on refusing after a write that failed, until the node is started again.
        self.node.end(signal.SIGTERM)
        self.node.start()
        self.say("space is made, and the node started again")
        began, waiting = time.monotonic(), self.host.unfinished()
        self.linger("catching up", 20)
        self.sealing.stop()
        limit = 120 + 10 * self.retry_max_ms / 1000 + waiting
        shown = time.monotonic()
        while (left := self.host.unfinished()) and time.monotonic() < began + limit:
            if time.monotonic() > shown + 30:
                shown = time.monotonic()
                self.say(f"      {left} blocks left")
            time.sleep(1)
        self.say(f"{waiting} blocks were caught up with in {time.monotonic() - began:.0f} s")
        status = self.show_status()
        self.claim(left == 0, "the outbox is empty")
        self.claim(int(status["published"]) == len(self.host.blocks()), f"all {status['published']} blocks are published, says the agent")

    # MARK: The end

    def everything_is_there(self) -> None:
        failures = [reason for moment, reason in self.sealing.failures if not self.dtad_down[0] <= moment <= self.dtad_down[1]]
        self.claim(not failures, f"{len(self.sealing.sealed)} envelopes were sealed; of {len(self.sealing.failures)} attempts that failed, "
                   f"{len(failures)} did while dtad ran {failures[:1] or ''}")
        blocks = self.host.blocks()
        self.host.stop()
        away = self.host.log.read_text().count("the IPFS node is away")
        self.say(f"      dtad's journal: {len(self.host.log.read_text().splitlines())} lines, {away} of them that the node is away")
        self.count_calls()
        # What is asked now is the node alone, with nothing but what is on its disk.
        self.node.end(signal.SIGTERM)
        self.node.forget_feeder()
        self.node.start()
        recursive, pins = self.node.pins("recursive"), self.node.pins()
        roots = [envelope.cid for envelope in self.sealing.sealed]
        self.claim(all(root in recursive for root in roots), f"each of the {len(roots)} envelopes has a pin of its own on the node")
        self.claim(pins == set(blocks), f"the node pins the agent's {len(blocks)} blocks, and nothing else: {len(pins)}, "
                   f"{len(set(blocks) - pins)} missing, {len(pins - set(blocks))} more")
        bad = [cid for cid, block in blocks.items() if not self.is_intact(cid, block["size"])]
        total = sum(block["size"] for block in blocks.values())
        self.claim(not bad, f"each block came back from the node with the hash of its CID: {len(blocks)} blocks, {total >> 10} KiB; bad: {len(bad)}")

    def is_intact(self, cid: str, size: int) -> bool:
        try:
            data = self.node.ask(f"block/get?arg={cid}&timeout=10s")
        except RuntimeError as error:
            self.say(f"      {error}")
            return False
        text = cid[1:].upper()
        return base64.b32decode(text + "=" * (-len(text) % 8))[-32:] == hashlib.sha256(data).digest() and len(data) == size

    def count_calls(self) -> None:
        for command in ("block/put", "pin/add"):
            begun, done = self.node.calls(command)
            times = Counter(done.values())
            spread = ", ".join(f"{count} {number} times" if number > 1 else f"{count} once" for number, count in sorted(times.items()))
            self.say(f"      {command}: done for {len(done)} CIDs, {spread}; asked {sum(begun.values())} times, most for one: {max(begun.values())}")
        self.say("      (asked more than done: the disk was full, or the node was killed; the blocks of a body have their envelope's pin)")
        again = [cid for cid, count in self.node.calls("pin/add")[1].items() if count > 1]
        if again:
            # In effect once: one pin is there, and goes with one call.
            self.node.ask(f"pin/rm?arg={again[0]}")
            self.claim(again[0] not in self.node.pins("recursive"), "a block that was pinned twice is pinned once: one pin/rm takes it away")
            self.node.ask(f"pin/add?arg={again[0]}")

    def another_host_reads(self) -> None:
        self.reader.publish_to(self.node.api, self.retry_max_ms)
        self.reader.start()
        before = len(self.reader.blocks())
        chosen = random.sample(self.sealing.sealed, min(20, len(self.sealing.sealed)))
        chosen += [envelope for envelope in self.sealing.sealed if envelope.size > 256 << 10][:5]
        self.reader.dtactl("identity", "import", self.alice)
        self.reader.dtactl("identity", "trust", self.alice, "--as", "alice")
        out = self.work / "opened"
        good = 0
        for envelope in chosen:
            try:
                self.reader.dtactl("envelope", "open", envelope.cid, "--as", "bob", "--out", str(out))
                good += hashlib.sha256(out.read_bytes()).digest() == envelope.digest
            except subprocess.CalledProcessError as error:
                self.say(f"      {envelope.cid}: {error.stderr.strip()}")
            out.unlink(missing_ok=True)
        self.claim(good == len(chosen), f"another host, whose ledger had {before} blocks, opened {good} of {len(chosen)} envelopes "
                   "from the node, with the content that was sealed")
        self.reader.stop()

    def report_speed(self) -> None:
        _, base, _ = self.speed.of("up")
        first = self.speed.of("up")[0]
        self.say("signatures a second (P-256, 16 in flight), beside an agent without a node, measured in turns; medians")
        for phase in dict.fromkeys(name for name, _, _ in self.speed.pairs):
            rate, ratio, pairs = self.speed.of(phase)
            self.say(f"      {phase:12} {rate:7.0f}/s   {rate / first:.2f} of the speed before   "
                     f"{ratio:.2f} of the twin's, {ratio / base:.2f} of what that was before   ({pairs} pairs)")
        times = sorted(self.sealing.times)
        self.say(f"      sealing: median {times[len(times) // 2] * 1000:.0f} ms, 99th percentile {times[len(times) * 99 // 100] * 1000:.0f} ms, "
                 f"longest {times[-1] * 1000:.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--rate", type=float, required=True)
    for name in ("work", "programs", "node"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    arguments = parser.parse_args()
    if not (0.5 <= arguments.minutes <= 24 * 60 and 0.1 <= arguments.rate <= 50):
        parser.error("--minutes is 0.5 to 1440, --rate 0.1 to 50")
    sys.exit(Outage(arguments).run())


if __name__ == "__main__":
    main()
