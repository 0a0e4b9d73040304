"""Identities that replace and revoke each other, and how they stand."""

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from formats import (MLDSA65PrivateKey, MLDSA65PublicKey, MLKEM768PrivateKey, check, cid_text, decode, encode, link)


def raw(key):
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def ed25519(seed):
    return raw(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed)).public_key())


def check_signature(what, key, message, signature):
    Ed25519PublicKey.from_public_bytes(key).verify(signature, message)  # raises
    check(f"{what}: signature", True)


def check_post_quantum(what, key, message, signature):
    check(f"{what}: length of the ML-DSA-65 signature", len(signature) == 3309)
    if MLDSA65PublicKey:
        MLDSA65PublicKey.from_public_bytes(key).verify(signature, message)  # raises; empty context
        check(f"{what}: ML-DSA-65 signature", True)


def check_consent(what, entry, old, message):
    """One who agrees to be replaced or revoked: the old identity itself, or its recovery key."""
    if entry["by"] == "previous":
        check_signature(f"{what} by previous", old["signing"][2:], message, entry["sig"])
        check(f"{what}: the post-quantum key agrees where there is one", ("pq" in entry) == ("pq" in old))
        if "pq" in old:
            check_post_quantum(f"{what} by previous", old["pq"], message, entry["pq"])
    else:
        check(f"{what}: the recovery key is the one that was named",
              hashlib.sha256(entry["key"]).digest() == old["recovery"])
        check_signature(f"{what} by recovery", entry["key"], message, entry["sig"])


def check_keys(name, keys, identity):
    """The document's keys are those that follow from the private ones."""
    check(f"{name}: signing", identity["signing"] == b"\xed\x01" + ed25519(keys["signingSeed"]))
    x25519 = X25519PrivateKey.from_private_bytes(bytes.fromhex(keys["x25519Private"])).public_key()
    check(f"{name}: X25519 half", identity["kem"][1184:] == raw(x25519))
    if MLKEM768PrivateKey:
        mlkem = MLKEM768PrivateKey.from_seed_bytes(bytes.fromhex(keys["mlkemSeed"])).public_key()
        check(f"{name}: ML-KEM half", identity["kem"][:1184] == mlkem.public_bytes_raw())
    check(f"{name}: a post-quantum key or none", ("pqSeed" in keys) == ("pq" in identity))
    if "pqSeed" in keys and MLDSA65PrivateKey:
        mldsa = MLDSA65PrivateKey.from_seed_bytes(bytes.fromhex(keys["pqSeed"])).public_key()
        check(f"{name}: ML-DSA-65 key", identity["pq"] == mldsa.public_bytes_raw())
    fingerprint = hashlib.sha256(ed25519(keys["recoverySeed"])).digest() if "recoverySeed" in keys else None
    check(f"{name}: recovery", identity.get("recovery") == fingerprint)


def check_identity(document, keys, old):
    """`old`: the inner document and the CID of the one that is replaced, or None."""
    name = document["name"]
    value = decode(name, bytes.fromhex(document["block"]))
    identity, signatures = value["identity"], value["signatures"]
    check(f"{name}: its fields", set(identity) == {"type", "name", "created", "signing", "kem"}
          | {field for field in ("pq", "recovery", "previous") if field in identity})
    check(f"{name}: type and name", (identity["type"], identity["name"]) == ("dta/identity/1", name))
    check_keys(name, keys, identity)
    check(f"{name}: previous", identity.get("previous") == (link(old[1]) if old else None))
    expected = ["self"] + document.get("by", []) + (["pq"] if "pq" in identity else [])
    check(f"{name}: who signs, in this order", [entry["by"] for entry in signatures] == expected)
    message = b"dta/identity/1\0" + hashlib.sha256(encode(identity)).digest()
    for entry in signatures:
        if entry["by"] == "self":
            check_signature(name, identity["signing"][2:], message, entry["sig"])
        elif entry["by"] == "pq":
            check_post_quantum(name, identity["pq"], message, entry["sig"])
        else:
            check_consent(name, entry, old[0], message)
    return identity


def check_revocation(document, old):
    name = document["name"]
    value = decode(name, bytes.fromhex(document["block"]))
    revocation, (entry,) = value["revocation"], value["signatures"]
    check(f"{name}: its fields", set(revocation) == {"type", "revokes", "at"})
    check(f"{name}: type", revocation["type"] == "dta/revocation/1")
    check(f"{name}: whom it revokes", revocation["revokes"] == link(old[1]))
    check(f"{name}: who signs", [entry["by"]] == document["by"])
    check_consent(name, entry, old[0], b"dta/revocation/1\0" + hashlib.sha256(encode(revocation)).digest())


def judge(documents):
    """How each identity stands, by the rules of docs/formats.md."""
    revoked = {one["of"] for one in documents if one["kind"] == "revocation"}
    identities = {one["name"]: one for one in documents if one["kind"] == "identity"}

    def outcome(name):
        if name in revoked:
            return "revoked"
        claims = [one for one in identities.values() if one.get("of") == name]
        strongest = [one for one in claims if "recovery" in one["by"]] or claims
        if not strongest:
            return "current"
        return f"rotated {strongest[0]['name']}" if len(strongest) == 1 else "conflict"

    def standing(name):
        if name in revoked:
            return "revoked"
        child, parent = name, identities[name].get("of")
        while parent in identities:
            fate = outcome(parent)
            if fate == "conflict" or (fate.startswith("rotated") and fate != f"rotated {child}"):
                return fate
            if not fate.startswith("rotated"):
                break
            child, parent = parent, identities[parent].get("of")
        return outcome(name)

    return {name: standing(name) for name in identities}


def check_line(vector):
    known = {}
    for document in vector["documents"]:
        name, old = document["name"], known.get(document.get("of"))
        check(f"{name}: CID", cid_text(bytes.fromhex(document["block"])) == document["cid"])
        if document["kind"] == "revocation":
            check_revocation(document, old)
        else:
            known[name] = (check_identity(document, vector["keys"][name], old), document["cid"])
    for judgement in vector["judgements"]:
        documents = [one for one in vector["documents"] if one["name"] in judgement["known"]]
        check("how they stand", judge(documents) == judgement["standings"])
