"""Values of the IPLD data model in a plain text, the same on both sides, so that they can be compared.

    n t f            null, true, false
    i-5              an integer
    d3ff0000000000000  a float, its 64 bits
    b00ff  s6162     bytes; text, its UTF-8
    [x,y]  {6b:x}    a list; a map, its keys' UTF-8
    @bafy…           a link
"""

import struct

from multiformats import CID


def plain(value):
    if value is None:
        return "n"
    if value is True:
        return "t"
    if value is False:
        return "f"
    if isinstance(value, int):
        return f"i{value}"
    if isinstance(value, float):
        return "d" + struct.pack(">d", value).hex()
    if isinstance(value, bytes):
        return "b" + value.hex()
    if isinstance(value, str):
        return "s" + value.encode().hex()
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(plain, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key.encode().hex()}:{plain(item)}" for key, item in value.items()) + "}"
    if isinstance(value, CID):
        # Those of version 0 have one spelling only.
        return "@" + (value.encode("base32") if value.version else str(value))
    raise TypeError(f"no value of the data model: {type(value)}")


def depth(value):
    """How deep lists and maps nest."""
    if isinstance(value, (list, tuple)):
        return 1 + max(map(depth, value), default=0)
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 0


def links(value):
    if isinstance(value, CID):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from links(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from links(item)


def is_ours(cid):
    """Whether a CID is of the kinds that the project has: version 1, SHA-256 whole, raw and DAG-CBOR."""
    return (
        cid.version == 1 and cid.codec.name in ("raw", "dag-cbor") and cid.hashfun.name == "sha2-256"
        and len(cid.raw_digest) == 32
    )
