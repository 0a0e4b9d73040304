#!/usr/bin/env python3
"""Judges DAG-CBOR by other people's implementations: PyPI's dag-cbor, cbor2, multiformats and aleph-cid.

    read                 lines of blocks in hexadecimal; for each a line: what dag-cbor and cbor2 make of it
    write SEED COUNT     lines of documents made here: block, CID, the value in plain
    write-cbor SEED COUNT  lines of CBOR, written by cbor2, that is not DAG-CBOR: block, the rule that it breaks
    raw                  lines of raw blocks in hexadecimal; for each its CID as aleph-cid computes it
    car FILE             reads a CAR: a line of roots, a line for each block: CID, size; by nothing of this project

A line of `read` is `refused`, or `accepted FLAGS CID PLAIN AGAIN`: FLAGS tell why somebody may rightly refuse it still
(`foreign`: a CID of another kind; `deep`: lists in lists beyond 32), or are `-`; AGAIN is the block written anew.
"""

import datetime
import decimal
import hashlib
import math
import random
import sys

import aleph_cid
import cbor2
import dag_cbor
from multiformats import CID

from plain import depth, is_ours, links, plain


def cid_of(block, codec="dag-cbor"):
    return CID("base32", 1, codec, ("sha2-256", hashlib.sha256(block).digest())).encode("base32")


def by_cbor2(value):
    """What cbor2 read, as dag-cbor would have it."""
    if isinstance(value, cbor2.CBORTag):
        if value.tag != 42 or not isinstance(value.value, bytes) or value.value[:1] != b"\0":
            raise ValueError("a tag that is no link")
        return CID.decode(value.value[1:])
    if isinstance(value, (list, tuple)):
        return [by_cbor2(item) for item in value]
    if isinstance(value, dict):
        return {key: by_cbor2(item) for key, item in value.items()}
    return value


def has_float(value):
    if isinstance(value, (list, tuple)):
        return any(map(has_float, value))
    if isinstance(value, dict):
        return any(map(has_float, value.values()))
    return isinstance(value, float)


def read(block):
    try:
        value = dag_cbor.decode(block)
        again = dag_cbor.encode(value)
    except Exception:  # The library has many ways to say no; some are plain IndexErrors.
        return "refused"
    flags = []
    if not all(map(is_ours, links(value))):
        flags.append("foreign")
    if depth(value) > 32:
        flags.append("deep")
    if not flags:
        # The second witness: it is generous in what it reads, so what it refuses nobody may accept.
        other = cbor2.loads(block)
        assert plain(by_cbor2(other)) == plain(value), "cbor2 reads another value"
        # It writes floats as short as they go, which DAG-CBOR does not.
        if not has_float(value):
            assert cbor2.dumps(other, canonical=True) == block, "cbor2 writes another canonical form"
    return f"accepted {','.join(flags) or '-'} {cid_of(block)} {plain(value)} {again.hex()}"


def random_text(dice):
    letters = "abcdefgh/-\u00e9\u6c34\U0001f701\u0301\x00\n\uffff"
    return "".join(dice.choice(letters) for _ in range(dice.choice([0, 1, 2, 5, 23, 24, 40])))


def random_cid(dice):
    return CID("base32", 1, dice.choice(["raw", "dag-cbor"]), ("sha2-256", dice.randbytes(32)))


def random_integer(dice):
    edge = 1 << dice.choice([0, 3, 5, 8, 16, 31, 32, 53, 63, 64])
    number = max(0, min(edge + dice.randint(-2, 2), (1 << 64) - 1))
    return dice.choice([number, -1 - number])


def random_float(dice):
    return dice.choice([0.0, -0.0, 1.0, 0.1, 5e-324, 1.7976931348623157e308, dice.uniform(-1e9, 1e9), dice.gauss(0, 1e-9)])


def random_value(dice, level=0):
    # Mostly documents; some bare values.
    kind = dice.choice([8, 9, 9]) if level == 0 and dice.random() < 0.8 else dice.randrange(10 if level < 5 else 8)
    if kind < 3:
        return [None, dice.random() < 0.5, random_float(dice)][kind]
    if kind < 5:
        return random_integer(dice)
    if kind == 5:
        return dice.randbytes(dice.choice([0, 1, 23, 24, 32, 255, 256, 300]))
    if kind == 6:
        return random_text(dice)
    if kind == 7:
        return random_cid(dice)
    if kind == 8:
        return [random_value(dice, level + 1) for _ in range(dice.choice([0, 1, 3, 30]) if level < 3 else 1)]
    return {random_text(dice): random_value(dice, level + 1) for _ in range(dice.choice([0, 1, 3, 9]))}


def write(seed, count):
    dice = random.Random(seed)
    for _ in range(count):
        value = random_value(dice)
        block = dag_cbor.encode(value)
        # Read back: its maps then stand in their order.
        print(block.hex(), cid_of(block), plain(dag_cbor.decode(block)))


def write_cbor(seed, count):
    """Each is good CBOR, and says something that DAG-CBOR cannot, or in another way."""
    dice = random.Random(seed)

    def put(value, **options):
        return cbor2.dumps(value, **options)

    makers = {
        "no tags but 42": [
            lambda: put(datetime.datetime(2026, 1, 1, 0, 0, dice.randrange(60), tzinfo=datetime.timezone.utc)),
            lambda: put(decimal.Decimal(dice.randrange(10**6)) / 100),
            lambda: put({dice.randrange(99)}),
            lambda: put(cbor2.CBORTag(dice.choice([41, 43, 99, 1000, 55799]), random_text(dice))),
        ],
        "no big numbers": [lambda: put(dice.choice([1, -1]) * ((1 << 64) + 1 + dice.getrandbits(70)))],
        "finite floats": [lambda: put(dice.choice([math.nan, math.inf, -math.inf]))],
        "floats of 64 bits": [lambda: put(dice.choice([0.5, 1.5, -2.0, 65504.0]), canonical=True)],
        "no undefined, no simple values": [
            lambda: put(cbor2.undefined),
            lambda: put(cbor2.CBORSimpleValue(dice.choice([0, 19, 32, 255]))),
        ],
        "map keys are text": [
            lambda: put({dice.randrange(99): None}),
            lambda: put({dice.randbytes(3): None}),
            lambda: put({None: None}),
        ],
        "map keys in order": [
            # Written in the order of the dictionary.
            lambda: put({"b" * dice.randint(2, 5): None, "a": None}),
        ],
        "no indefinite lengths": [
            lambda: put([random_integer(dice)], indefinite_containers=True),
            lambda: put({"a": random_integer(dice)}, indefinite_containers=True),
        ],
    }
    rules = sorted(makers)
    for index in range(count):
        rule = rules[index % len(rules)]
        block = dice.choice(makers[rule])()
        # Alone, and inside of a document.
        if dice.random() < 0.5:
            block = b"\xa2\x61a" + block + b"\x61b\x01"
        cbor2.loads(block)
        print(block.hex(), rule)


def raw_cid(block):
    # One leaf: what IPFS names as a file of up to 256 KiB is the raw block itself.
    hasher = aleph_cid.CidHasher.for_ipfs_v1_raw_leaves()
    hasher.update(block)
    return hasher.finalize()


def varint(stream):
    number = shift = 0
    while True:
        byte = stream.read(1)[0]
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number


def car(path):
    with open(path, "rb") as stream:
        header = dag_cbor.decode(stream.read(varint(stream)))
        assert set(header) == {"version", "roots"} and header["version"] == 1
        roots = [root.encode("base32") for root in header["roots"]]
        if len(roots) == 1:
            assert aleph_cid.read_carv1_root(path) == roots[0], "aleph-cid reads another root"
        print("roots", *roots)
        while stream.peek(1):
            section = stream.read(varint(stream))
            cid, block = CID.decode(section[:36]), section[36:]
            codec = cid.codec.name
            if codec == "raw" and len(block) <= 256 << 10:
                assert raw_cid(block) == cid.encode("base32"), "aleph-cid names a block otherwise"
            assert cid_of(block, codec) == cid.encode("base32"), "multiformats names a block otherwise"
            if codec == "dag-cbor":
                assert dag_cbor.encode(dag_cbor.decode(block)) == block
            print(cid.encode("base32"), len(block))


def main(mode, *arguments):
    if mode == "read":
        for line in sys.stdin:
            print(read(bytes.fromhex(line)))
    elif mode == "raw":
        for line in sys.stdin:
            print(raw_cid(bytes.fromhex(line)))
    elif mode in ("write", "write-cbor"):
        seed, count = map(int, arguments)
        (write if mode == "write" else write_cbor)(seed, count)
    elif mode == "car":
        car(*arguments)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["help"]))
