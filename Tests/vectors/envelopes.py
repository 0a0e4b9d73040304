"""Envelopes of one block."""

import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from formats import check, cid_bytes, cid_text, decode, encode, hkdf, hpke_open, link, verify_signature
from people import check_person, unwrap


def check_envelope(vector):
    block = bytes.fromhex(vector["block"])
    value = decode("envelope", block)
    envelope, (signature,) = value["envelope"], value["signatures"]
    sender, _ = check_person(vector["sender"])
    check("from", envelope["from"] == link(vector["sender"]["cid"]))
    check("to", envelope["to"] == [link(person["cid"]) for person in vector["recipients"]])
    cids = [cid_bytes(person["cid"]) for person in vector["recipients"]]
    check("to is sorted and unique", cids == sorted(set(cids)))
    check("wraps", [(w["enc"].hex(), w["key"].hex()) for w in envelope["wraps"]]
          == [(w["enc"], w["key"]) for w in vector["wraps"]])
    for field in ("salt", "commit", "body"):
        check(field, envelope[field].hex() == vector[field])

    core = encode({k: v for k, v in envelope.items() if k not in ("wraps", "commit", "body", "chunks")})
    core_hash = hashlib.sha256(b"dta/envelope/1 core\0" + core).digest()
    check("core", core.hex() == vector["core"])
    check("core hash", core_hash.hex() == vector["coreHash"])
    document = encode(envelope)
    check("inner", document.hex() == vector["envelope"])
    check("inner hash", hashlib.sha256(document).hexdigest() == vector["innerHash"])
    check("signature in the block", signature == {"by": "self", "sig": bytes.fromhex(vector["signature"])})
    verify_signature(
        "envelope", sender["signing"][2:], b"dta/envelope/1", document, signature["sig"],
        bytes.fromhex(vector["signedBytes"]))
    check("CID", cid_text(block) == vector["cid"])

    refused = {}
    for wrap, person in zip(vector["wraps"], vector["recipients"]):
        check_person(person)
        check("wrap's recipient", wrap["to"] == person["cid"])
        key = unwrap(wrap, person, core_hash)
        check("content key", key.hex() == wrap["contentKey"])
        if hkdf(key, envelope["salt"], b"dta/envelope/1 commit\0" + core_hash) != envelope["commit"]:
            refused[person["cid"]] = "commit"
            continue
        check("committed key", key.hex() == vector["contentKey"])
        body_key = hkdf(key, envelope["salt"], b"dta/envelope/1 body\0" + core_hash)
        check("body key", body_key.hex() == vector["bodyKey"])
        check("plaintext", AESGCM(body_key).decrypt(bytes(12), envelope["body"], b"").hex() == vector["plaintext"])
        # What was made for this one opens for nobody else.
        others = [other for other in vector["recipients"] if other is not person]
        for other in others:
            try:
                shared = bytes.fromhex(wrap["sharedSecret"])
                hpke_open(shared, b"dta/envelope/1\0" + core_hash + cid_bytes(other["cid"]), bytes.fromhex(wrap["key"]))
                check("a wrap under another's name is refused", False)
            except InvalidTag:
                check("a wrap under another's name is refused", True)
    check("who refuses, and why", refused == vector["refused"])
