"""Orders: how many go through one fiduciary, and what a million of them cost those that are looked at."""

import base64
import hashlib
import json
import sqlite3
import statistics
import time

from . import agent, build, services

CLIENTS = (1, 4, 16)
FEW = 1000
LOOKED = 100  # orders that each round looks at and redeems
# What the agent may do by itself.
RULES = """orders:
  accept:
    - { commit: auto, release: auto }
  orders_per_user: 1000000000
"""


def measure(state, options, say):
    """Everything; prints tables, and returns the figures."""
    return {"through": _through(state, options, say), "many": _many(state, options, say)}


def _up(state, name):
    service = services.Dtad(state / name)
    service.state.mkdir()
    agent.initialize(service.state, 1, RULES)
    return service


# --- Through one fiduciary ---


def _through(state, options, say):
    service = None
    try:
        service = _up(state, "orders")
        rounds = []
        for number in range(options.rounds):
            say(f"round {number + 1}: orders")
            rounds.append({clients: _bench("orders", "through", str(service.socket), "--clients", str(clients),
                                           "--seconds", str(options.seconds)) for clients in CLIENTS})
    finally:
        if service:
            service.down()
    print("Orders of a secret a second, by one agent that is principal, fiduciary and recipient")
    print(f"{'':14}{'create → release':>18}{'from':>7}{'to':>7}{'create → commit':>18}")
    for clients in CLIENTS:
        ours = [one[clients]["through"] for one in rounds]
        name = f"{clients} client" + "s" * (clients > 1)
        print(f"  {name:12}{statistics.median(ours):18.1f}{min(ours):7.1f}{max(ours):7.1f}"
              f"{statistics.median(one[clients]['committed'] for one in rounds):18.1f}")
    print()
    return rounds


# --- Very many ---


def _many(state, options, say):
    service = None
    try:
        service = _up(state, "many")
        known = service.state / "orders"
        say(f"making {FEW} orders")
        _bench("orders", "keep", str(service.socket), "--count", str(FEW), "--out", str(known))
        rounds = max(1, min(options.rounds, FEW // LOOKED // 2))
        few = _look(service, known, 0, rounds)
        service.down()
        size = _size(service)
        say(f"filling the store up to {options.orders:,} orders")
        begin = time.monotonic()
        fill(service.state / "agent" / "state.sqlite", options.orders - FEW)
        say(f"{time.monotonic() - begin:.0f} s, {_size(service) - size:.0f} MB")
        start = agent.start(service.state)
        many = _look(service, known, rounds * LOOKED, rounds)
    finally:
        if service:
            service.down()
    print(f"Median µs by one client, with {FEW:,} stored orders and with {options.orders:,}")
    names = {"list": "a page of 100, the newest", "filtered": "the same, filtered and sorted", "show": "one shown",
             "redeem": "one redeemed and released"}
    for key, name in names.items():
        before, after = (statistics.median(one[key] for one in side) for side in (few, many))
        print(f"  {name:32}{before:10.0f}{after:10.0f}   ratio {after / before:.2f}")
    print(f"  from start to READY with {options.orders:,}: {start:.2f} s\n")
    return {"few": few, "many": many, "start": start}


def _look(service, known, skip, rounds):
    return [_bench("orders", "look", str(service.socket), "--orders", str(known), "--skip", str(skip + number * LOOKED),
                   "--count", str(LOOKED)) for number in range(rounds)]


def _size(service):
    return sum(file.stat().st_size for file in (service.state / "agent").glob("state.sqlite*")) / 1e6


def fill(path, count):
    """Adds rows to the database of an agent that does not run: copies of its last order with its parts, each with
    consistent names of its own and a row in every table in which the agent makes one. To save disk, their envelopes are
    64 bytes long instead of some 3 KB, and hold nothing; they are never opened.
    """
    base = sqlite3.connect(path, timeout=60, isolation_level=None)
    base.row_factory = sqlite3.Row
    for pragma in ("journal_mode = DELETE", "journal_mode = OFF", "synchronous = OFF", "cache_size = -500000"):
        base.execute(f"PRAGMA {pragma}").fetchall()

    def rows(sql, *arguments):
        return [dict(row) for row in base.execute(sql, arguments)]

    order = rows("SELECT * FROM orders WHERE state = 'committed' ORDER BY number DESC LIMIT 1")[0]
    number = order["number"]
    parts = rows("SELECT * FROM order_parts WHERE in_order = ? ORDER BY number", number)
    secret = rows("SELECT * FROM order_secrets WHERE in_order = ?", number)[0]
    views = rows("SELECT * FROM order_views WHERE in_order = ? ORDER BY identity", number)
    blocks = [rows("SELECT * FROM blocks WHERE cid = ?", part["cid"])[0] for part in parts]
    envelopes = [rows("SELECT * FROM envelopes WHERE cid = ?", part["cid"])[0] for part in parts]
    first = {table: base.execute(f"SELECT max(number) FROM {table}").fetchone()[0] + 1
             for table in ("orders", "order_parts", "blocks", "envelopes")}
    year = 365 * 86400

    def when(index):
        return order["created"] - year + year * index // count

    def cid(index, part):
        return order["cid"][:4] + spread(index * len(parts) + part, count * len(parts), b"cid", 32)

    def thread(index):
        return spread(index, count, b"thread", 16)

    def inner(index, part):
        return spread(index * len(parts) + part, count * len(parts), b"inner", 32)

    def an_order(index):
        name = base64.b32encode(thread(index)).decode().lower().rstrip("=")
        return {**order, "number": first["orders"] + index, "cid": cid(index, 0), "thread": thread(index),
                "reference": name, "commitment": cid(index, 1), "head": cid(index, 1), "created": when(index),
                "updated": when(index)}

    def a_part(index, part):
        return {**parts[part], "number": first["order_parts"] + index * len(parts) + part,
                "in_order": first["orders"] + index, "cid": cid(index, part), "inner_hash": inner(index, part),
                "previous": cid(index, part - 1) if part else None, "created": when(index), "received": when(index)}

    def a_block(index, part):
        return {**blocks[part], "number": first["blocks"] + index * len(parts) + part, "cid": cid(index, part),
                "bytes": bytes(64), "stored": when(index)}

    def an_envelope(index, part):
        return {**envelopes[part], "number": first["envelopes"] + index * len(parts) + part, "cid": cid(index, part),
                "inner_hash": inner(index, part), "thread": thread(index),
                "previous": cid(index, part - 1) if part else None, "created": when(index), "received": when(index)}

    def insert(table, made):
        made = iter(made)
        sample = next(made)
        base.execute("BEGIN")
        base.executemany(
            f"INSERT INTO {table} ({', '.join(sample)}) VALUES ({', '.join('?' * len(sample))})",
            (tuple(row.values()) for row in _chain(sample, made)))
        base.execute("COMMIT")

    def each(make):
        return (make(index, part) for index in range(count) for part in range(len(parts)))

    insert("blocks", each(a_block))
    insert("envelopes", each(an_envelope))
    insert("orders", (an_order(index) for index in range(count)))
    insert("order_parts", each(a_part))
    insert("order_secrets", ({**secret, "in_order": first["orders"] + index} for index in range(count)))
    for view in views:
        insert("order_views", ({**view, "in_order": first["orders"] + index, "created": when(index),
                                "updated": when(index)} for index in range(count)))
    base.execute("UPDATE order_usage SET count = count + ?", (count,))
    base.execute("UPDATE epochs SET count = count + ? WHERE number = ?", (count, secret["epoch"]))
    base.execute("PRAGMA journal_mode = WAL").fetchall()
    base.close()


def spread(index, count, salt, size):
    """A name that looks like any hash; those of consecutive numbers ascend over all that there can be, so that they are
    added where the last one was."""
    return ((2 * index + 1) * (1 << 63) // count).to_bytes(8, "big") + hashlib.sha256(
        salt + index.to_bytes(8, "big")).digest()[:size - 8]


def _chain(first, others):
    yield first
    yield from others


def _bench(*words):
    return json.loads(build.output(build.agent_program("dta-bench"), *words))
