"""Envelopes that are public, answer others, or have blocks beside their own."""

import hashlib

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from formats import check, cid_bytes, cid_text, decode, encode, hkdf, link, link_to, stream, verify_signature
from people import check_person, unwrap

CHUNK, PER_BLOCK, PER_PAGE = 65536, 15, 256


def seal_chunks(key, body):
    """The blocks of a body; with no key those of a public one."""
    if key is None:
        return [body[at:at + CHUNK * PER_BLOCK] for at in range(0, len(body), CHUNK * PER_BLOCK)] or [b""]
    chunks = [body[at:at + CHUNK] for at in range(0, len(body), CHUNK)] or [b""]
    sealed = [AESGCM(key).encrypt(bytes(3) + i.to_bytes(8, "big") + bytes([i == len(chunks) - 1]), chunk, b"")
              for i, chunk in enumerate(chunks)]
    return [b"".join(sealed[at:at + PER_BLOCK]) for at in range(0, len(sealed), PER_BLOCK)]


def pages(items):
    return [encode(items[at:at + PER_PAGE]) for at in range(0, len(items), PER_PAGE)]


def check_recipients(vector, envelope):
    """`to` and `wraps`, in the envelope or in pages."""
    wraps = {cid_bytes(wrap["to"]): {"enc": bytes.fromhex(wrap["enc"]), "key": bytes.fromhex(wrap["key"])}
             for wrap in vector["wraps"]}
    for i in range(vector["others"]):
        stranger = cid_bytes(cid_text(stream(f"recipient {i}", 64)))
        wraps[stranger] = {"enc": stream(f"enc {i}", 1120), "key": stream(f"key {i}", 48)}
    to = sorted(wraps)
    links, ordered = [link_to(cid) for cid in to], [wraps[cid] for cid in to]
    if len(to) <= PER_PAGE:
        check("to", envelope["to"] == links)
        check("wraps", envelope["wraps"] == ordered)
        return
    for field, items, names in (("to", links, vector["recipientPages"]), ("wraps", ordered, vector["wrapPages"])):
        blocks = pages(items)
        for block in blocks:
            decode(f"a page of {field}", block)
        check(f"the pages of {field}", [cid_text(block) for block in blocks] == names)
        check(f"{field} links to its pages", envelope[field] == [link(name) for name in names])


def check_parts(vector):
    block = bytes.fromhex(vector["block"])
    value = decode("envelope", block)
    envelope, (signature,) = value["envelope"], value["signatures"]
    sender, _ = check_person(vector["sender"])
    public = "contentKey" not in vector
    expected = {"type", "from", "created", "thread", "content"}
    expected |= set() if public else {"to", "salt", "wraps", "commit"}
    expected |= {"previous"} if "answers" in vector else set()
    expected |= {"chunks"} if vector["blocks"] else {"body"}
    check("the fields of an envelope", set(envelope) == expected)
    check("from", envelope["from"] == link(vector["sender"]["cid"]))
    check("signed by self", signature["by"] == "self")
    inner = encode(envelope)
    check("inner hash", hashlib.sha256(inner).hexdigest() == vector["innerHash"])
    verify_signature("envelope", sender["signing"][2:], b"dta/envelope/1", inner, signature["sig"],
                     b"dta/envelope/1\0" + hashlib.sha256(inner).digest())
    check("CID", cid_text(block) == vector["cid"])
    core = encode({k: v for k, v in envelope.items() if k not in ("wraps", "commit", "body", "chunks")})
    core_hash = hashlib.sha256(b"dta/envelope/1 core\0" + core).digest()
    check("core hash", core_hash.hex() == vector["coreHash"])
    if "answers" in vector:
        answered = bytes.fromhex(vector["answers"])
        check("previous", envelope["previous"] == link(cid_text(answered)))
        check("the thread goes on", decode("what is answered", answered)["envelope"]["thread"] == envelope["thread"])

    body = stream("body", vector["bodySize"])
    keys = {None} if public else open_wraps(vector, envelope, core_hash)
    check("one content key", len(keys) == 1)
    content_key = keys.pop()
    if vector["blocks"]:
        check_chunks(vector, envelope, core_hash, content_key, body)
    elif public:
        check("body", envelope["body"] == body)
    else:
        body_key = hkdf(content_key, envelope["salt"], b"dta/envelope/1 body\0" + core_hash)
        check("body", AESGCM(body_key).decrypt(bytes(12), envelope["body"], b"") == body)


def open_wraps(vector, envelope, core_hash):
    check_recipients(vector, envelope)
    keys = set()
    for wrap, person in zip(vector["wraps"], vector["recipients"]):
        check_person(person)
        key = unwrap(wrap, person, core_hash)
        check("commit", hkdf(key, envelope["salt"], b"dta/envelope/1 commit\0" + core_hash) == envelope["commit"])
        keys.add(key)
    check("content key", {key.hex() for key in keys} == {vector["contentKey"]})
    return keys


def check_chunks(vector, envelope, core_hash, content_key, body):
    key = content_key and hkdf(content_key, envelope["salt"], b"dta/envelope/1 chunks\0" + core_hash)
    check("chunk key", (key.hex() if key else None) == vector.get("chunkKey"))
    names = [cid_text(block, codec=0x55) for block in seal_chunks(key, body)]
    check("the blocks of the body", names == vector["blocks"])
    check("chunks", envelope["chunks"] == {"size": len(body), "blocks": [link(name) for name in names]})
