"""Envelopes, blocks and DAG-CBOR: each beside its least cost, in the same run."""

import json
import os
import re
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from . import build, process, services

RECIPIENTS = (1, 10, 100, 1000)
CLIENTS = (1, 4)
# Bytes of a small envelope's body.
BODY = 1024


def measure(state, options, say):
    """Everything; prints tables, and returns the figures."""
    service, skeleton = services.Dtad(_fresh(state, "documents")), services.Skeleton(_fresh(state, "calls"))
    results = {}
    try:
        say("making an agent for envelopes")
        service.up(1)
        skeleton.up()
        say("envelopes beside the bare crypto")
        results["envelopes"] = _envelopes(service, skeleton, options)
        _print_envelopes(results["envelopes"])
        say(f"a body of {options.mebibytes} MiB")
        results["bulk"] = [_bulk(service, options) for _ in range(options.bulk_rounds)]
        _print_bulk(results["bulk"], options)
        say("blocks and DAG-CBOR")
        results["store"] = _bench("store", str(_fresh(state, "store")), "--seconds", str(options.seconds))
        results["codec"] = _bench("dag-cbor", "--seconds", str(options.seconds))
        _print_store(results["store"], results["codec"])
    finally:
        service.down()
        skeleton.down()
    return results


# --- Small envelopes ---


def _envelopes(service, skeleton, options):
    """In each round: the bare crypto and the bare HSM calls, then the agent."""
    rounds = []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory(dir=service.state) as directory:
            bare = _bench("crypto", "--seconds", str(options.seconds / 2), "--body", str(BODY), "--directory", directory)
        calls = json.loads(build.output(
            "env", f"SOFTHSM2_CONF={skeleton.state}/softhsm2.conf", build.program("calls"), build.pkcs11_module(),
            services.PIN, str(options.seconds / 2)))
        agent = {}
        for recipients in RECIPIENTS:
            for clients in CLIENTS:
                agent[f"{recipients}/{clients}"] = _bench(
                    "envelopes", str(service.socket), "--recipients", str(recipients), "--clients", str(clients),
                    "--seconds", str(options.seconds), "--body", str(BODY))
        rounds.append({"bare": bare, "calls": calls, "agent": agent})
    return rounds


def _print_envelopes(rounds):
    print(f"Envelopes of {BODY} bytes a second, beside the same cryptography by the bare library on one thread")
    print(f"{'':16}{'bare':>10}" + "".join(f"{f'{count} client' + 's' * (count > 1):>12}{'ratio':>7}" for count in CLIENTS))
    for recipients in RECIPIENTS:
        marks = {
            f"seal to {recipients}": [one["bare"][f"seal_{recipients}"] for one in rounds],
            "  token signs": [_signed_by_token(one, recipients) for one in rounds],
            "  and a commit": [_floor(one, recipients) for one in rounds],
        }
        for name, bare in marks.items():
            line = f"  {name:14}{_middle(bare):10.1f}"
            for clients in CLIENTS:
                ours = [one["agent"][f"{recipients}/{clients}"]["seal"] for one in rounds]
                ratio = _middle(mine / mark for mine, mark in zip(ours, bare))
                line += (f"{_middle(ours):12.1f}" if name.startswith("seal") else " " * 12) + f"{ratio:7.2f}"
            print(line)
    # Opening: X-Wing by the library and the token's two calls, one after the other.
    marks = {"open": [_least_of_opening(one) for one in rounds], "  verified": [_verified_opening(one) for one in rounds]}
    for name, bare in marks.items():
        line = f"  {name:14}{_middle(bare):10.1f}"
        for clients in CLIENTS:
            ours = [one["agent"][f"1/{clients}"]["open"] for one in rounds]
            ratio = _middle(mine / mark for mine, mark in zip(ours, bare))
            line += (f"{_middle(ours):12.1f}" if name == "open" else " " * 12) + f"{ratio:7.2f}"
        print(line)
    print("  (open's yardstick: bare X-Wing, then one unsealing and one X25519 by the token, "
          f"{_middle(1e6 / one['calls']['unseal'] for one in rounds):.0f} and "
          f"{_middle(1e6 / one['calls']['x25519'] for one in rounds):.0f} µs; and with the sender's signature verified "
          "before, and the body decrypted)")
    print("  (seal's lines: all of it by the bare library; the signature by the token instead, "
          f"{_middle(1e6 / one['calls']['ed25519'] for one in rounds):.0f} µs; and one durable row of plain SQLite as large "
          f"as the envelope, {_middle(1e6 / one['bare']['commit_1'] for one in rounds):.0f} µs for 1 recipient)")
    print("  (to ask another process anything takes "
          f"{_middle(1e6 / one['calls']['round_trip'] for one in rounds):.0f} µs; each seal and each open does that twice: "
          "its client asks dtad, dtad asks dtad-hsm)")
    costs = [
        (1 / one["agent"]["1000/1"]["seal"] - 1 / one["agent"]["1/1"]["seal"]) / 999 * 1e6 for one in rounds
    ]
    print(f"  each recipient more costs {_middle(costs):.0f} µs "
          f"(bare: {_middle((1 / one['bare']['seal_1000'] - 1 / one['bare']['seal_1']) / 999 * 1e6 for one in rounds):.0f})\n")


def _least_of_opening(one):
    """Opens a second: the unwrapping, one unsealing, one X25519."""
    return 1 / (1 / one["bare"]["unwrap"] + 1 / one["calls"]["unseal"] + 1 / one["calls"]["x25519"])


def _verified_opening(one):
    """The same with the library's other work: it verifies the signature and decrypts the body."""
    return 1 / (1 / _least_of_opening(one) + 1 / one["bare"]["open"] - 1 / one["bare"]["unwrap"])


def _signed_by_token(one, recipients):
    """Seals a second if the token signs, in this process, instead of the library."""
    return 1 / (1 / one["bare"][f"unsigned_{recipients}"] + 1 / one["calls"]["ed25519"])


def _floor(one, recipients):
    """The same with the envelope's bytes on the disk, in one transaction of plain SQLite, at the end of each."""
    return 1 / (1 / _signed_by_token(one, recipients) + 1 / one["bare"][f"commit_{recipients}"])


# --- A large body ---


def _bulk(service, options):
    """A seal and an open between two measurements of the disk."""
    directory = service.state / "bulk"
    directory.mkdir(exist_ok=True)
    plain, opened = directory / "plain", directory / "opened"
    piece = os.urandom(1 << 20)
    with open(plain, "wb") as file:
        for _ in range(options.mebibytes):
            file.write(piece)
        os.fsync(file.fileno())
    disk = [_bench("disk", str(directory), "--size", str(options.mebibytes))["write_mb_s"]]
    cipher = _bench("crypto", "--seconds", "0.5", "--recipients", "1")["aes_then_sha256_mb_s"]
    front = process.pid_of(service.state, service.name)
    before = _status(front, "VmRSS")
    megabytes = options.mebibytes * (1 << 20) / 1e6
    seal, cid, sealer = _dtactl(service, "envelope", "seal", "--from", "bench-sender", "--to", "bench-reader", str(plain))
    disk.append(_bench("disk", str(directory), "--size", str(options.mebibytes))["write_mb_s"])
    open_, _, opener = _dtactl(service, "envelope", "open", cid, "--out", str(opened))
    after = _status(front, "VmHWM")
    build.output("cmp", str(plain), str(opened))
    plain.unlink()
    opened.unlink()
    return {
        "disk": disk, "cipher": cipher, "seal": megabytes / seal, "open": megabytes / open_, "dtactl_seal_rss": sealer,
        "dtactl_open_rss": opener, "dtad_before": before, "dtad_most": after,
    }


def _dtactl(service, *words):
    """Runs dtactl; returns its seconds, its output and the most memory that it had (MB)."""
    begin = time.monotonic()
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as complained:
        child = subprocess.Popen([build.agent_program("dtactl"), *words, "--socket", str(service.socket)],
                                 stdin=subprocess.DEVNULL, stdout=said, stderr=complained)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - begin
        said.seek(0)
        complained.seek(0)
        if child.returncode:
            raise build.Failure(f"dtactl {words[0]} {words[1]}: {complained.read().strip() or child.returncode}")
        return seconds, said.read().strip(), usage.ru_maxrss * 1024 / 1e6


def _status(pid, field):
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE).group(1)) * 1024 / 1e6


def _print_bulk(rounds, options):
    print(f"A body of {options.mebibytes} MiB through dtactl and dtad, in MB/s of 1,000,000 bytes")
    disk = [statistics.mean(one["disk"]) for one in rounds]
    slower = [min(mark, one["cipher"]) for mark, one in zip(disk, rounds)]
    print(f"  durable sequential write      {_middle(disk):8.0f}")
    print(f"  AES-256-GCM, then SHA-256     {_middle(one['cipher'] for one in rounds):8.0f}")
    for name in ("seal", "open"):
        print(f"  {name}                          {_middle(one[name] for one in rounds):8.0f}   ratio to the slower "
              f"{_middle(one[name] / mark for one, mark in zip(rounds, slower)):.2f}")
    print(f"  most memory: dtactl {max(max(one['dtactl_seal_rss'], one['dtactl_open_rss']) for one in rounds):.1f} MB; "
          f"dtad grew by {max(one['dtad_most'] - one['dtad_before'] for one in rounds):.1f} MB\n")


# --- Blocks and DAG-CBOR ---


def _print_store(store, codec):
    print("Durable blocks of 1 KiB a second, one after the other")
    print(f"  the agent's store {store['puts']:8.0f}   plain SQLite {store['sqlite']:8.0f}   ratio {store['ratio']:.2f}")
    print("\nDAG-CBOR, in MB/s                   encode  decode")
    for name in ("envelope", "small_maps"):
        label = {"envelope": "an envelope to 256", "small_maps": "a list of small maps"}[name]
        print(f"  {label:30}{codec[f'{name}_encode_mb_s']:10.0f}{codec[f'{name}_decode_mb_s']:8.0f}")
    print()


# --- Small things ---


def _bench(*words):
    return json.loads(build.output(build.agent_program("dta-bench"), *words))


def _fresh(state, name):
    directory = state / name
    directory.mkdir()
    return directory


def _middle(values):
    return statistics.median(values)
