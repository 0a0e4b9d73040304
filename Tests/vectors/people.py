"""Somebody's document from his private keys, and his side of a wrap."""

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from formats import MLKEM768PrivateKey, check, cid_bytes, cid_text, decode, encode, hpke_open, verify_signature


def check_person(person):
    """A document from its private keys: its fields, its signature, its name."""
    name, block = person["name"], bytes.fromhex(person["block"])
    value = decode(f"{name}'s identity", block)
    check(f"{name}: the fields of a signed identity", set(value) == {"identity", "signatures"})
    identity, (signature,) = value["identity"], value["signatures"]
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(person["signingSeed"])).public_key()
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    x25519 = X25519PrivateKey.from_private_bytes(bytes.fromhex(person["x25519Private"])).public_key()
    expected = {
        "type": "dta/identity/1", "name": name, "created": person["created"], "signing": b"\xed\x01" + raw,
        "kem": bytes.fromhex(person["kem"]),
    }
    check(f"{name}: the fields of an identity", identity == expected)
    check(f"{name}: X25519 half", identity["kem"][1184:] == x25519.public_bytes(Encoding.Raw, PublicFormat.Raw))
    if MLKEM768PrivateKey:
        mlkem = MLKEM768PrivateKey.from_seed_bytes(bytes.fromhex(person["mlkemSeed"])).public_key()
        check(f"{name}: ML-KEM half", identity["kem"][:1184] == mlkem.public_bytes_raw())
    check(f"{name}: signed by self", signature["by"] == "self" and set(signature) == {"by", "sig"})
    document = encode(identity)
    message = b"dta/identity/1\0" + hashlib.sha256(document).digest()
    verify_signature(name, raw, b"dta/identity/1", document, signature["sig"], message)
    check(f"{name}: CID", cid_text(block) == person["cid"])
    return identity, signature["sig"]


def check_identity(vector):
    identity, signature = check_person(vector["person"])
    document = encode(identity)
    check("identity", document.hex() == vector["identity"])
    check("hash", hashlib.sha256(document).hexdigest() == vector["hash"])
    check("signing", identity["signing"].hex() == vector["signing"])
    check("signature", signature.hex() == vector["signature"])
    verify_signature(
        "identity", identity["signing"][2:], b"dta/identity/1", document, signature,
        bytes.fromhex(vector["signedBytes"]))


def unwrap(wrap, person, core_hash):
    """The recipient's side: X-Wing by its halves, then HPKE."""
    enc, ct_x = bytes.fromhex(wrap["enc"]), bytes.fromhex(wrap["enc"])[1088:]
    ss_m = bytes.fromhex(wrap["ssM"])
    if MLKEM768PrivateKey:
        seed = bytes.fromhex(person["mlkemSeed"])
        check("ss_M", MLKEM768PrivateKey.from_seed_bytes(seed).decapsulate(enc[:1088]) == ss_m)
    private = X25519PrivateKey.from_private_bytes(bytes.fromhex(person["x25519Private"]))
    ss_x = private.exchange(X25519PublicKey.from_public_bytes(ct_x))
    check("ss_X", ss_x.hex() == wrap["ssX"])
    pk_x = bytes.fromhex(person["kem"])[1184:]
    shared = hashlib.sha3_256(ss_m + ss_x + ct_x + pk_x + bytes.fromhex("5c2e2f2f5e5c")).digest()
    check("X-Wing shared secret", shared.hex() == wrap["sharedSecret"])
    info = b"dta/envelope/1\0" + core_hash + cid_bytes(person["cid"])
    check("HPKE info", info.hex() == wrap["info"])
    return hpke_open(shared, info, bytes.fromhex(wrap["key"]))
