#!/usr/bin/env python3
"""Checks docs/vectors with nothing of the project's own code: what another implementation would have to do.

    python3 Tests/vectors/verify.py docs/vectors

Needs Python 3.9 and the packages `cryptography` and `cbor2` (Debian: python3-cryptography, python3-cbor2). Where
`dag-cbor` is installed (PyPI), its strict decoder reads every block too. Where `cryptography` has no ML-KEM (48 has it),
ss_M is taken from the vector, and the last line says so.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import sys

try:
    import cbor2
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
except ImportError as missing:
    sys.exit(f"verify.py needs the Python packages cryptography and cbor2: {missing}")

try:
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey

    MLKEM768PrivateKey.from_seed_bytes(bytes(64))
except Exception:  # absent, or there and refused by the library beneath
    MLKEM768PrivateKey = None

try:
    import dag_cbor
except ImportError:
    dag_cbor = None

checks = 0


def check(what, holds):
    global checks
    checks += 1
    if not holds:
        sys.exit(f"{what}: does not hold")


def hkdf(key, salt, info, size=32):
    """HKDF-SHA256 (RFC 5869)."""
    return expand(hmac.new(salt or bytes(32), key, hashlib.sha256).digest(), info, size)


def expand(prk, info, size):
    out, block, counter = b"", b"", 1
    while len(out) < size:
        block = hmac.new(prk, block + info + bytes([counter]), hashlib.sha256).digest()
        out, counter = out + block, counter + 1
    return out[:size]


SUITE = b"HPKE" + bytes.fromhex("647a" "0001" "0002")  # X-Wing, HKDF-SHA256, AES-256-GCM


def hpke_open(shared_secret, info, ciphertext):
    """RFC 9180 §5.1 in base mode, from the shared secret on; the first message."""

    def extract(salt, label, secret):
        return hmac.new(salt or bytes(32), b"HPKE-v1" + SUITE + label + secret, hashlib.sha256).digest()

    def labelled_expand(prk, label, context, size):
        return expand(prk, size.to_bytes(2, "big") + b"HPKE-v1" + SUITE + label + context, size)

    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(shared_secret, b"secret", b"")
    key, nonce = labelled_expand(secret, b"key", context, 32), labelled_expand(secret, b"base_nonce", context, 12)
    return AESGCM(key).decrypt(nonce, ciphertext, b"")


def cid_text(block):
    raw = b"\x01\x71\x12\x20" + hashlib.sha256(block).digest()
    return "b" + base64.b32encode(raw).decode().rstrip("=").lower()


def cid_bytes(text):
    letters = text[1:].upper()
    return base64.b32decode(letters + "=" * (-len(letters) % 8))


def encode(value):
    """DAG-CBOR has the map order of cbor2's canonical mode (RFC 7049 §3.9) and no floats here."""
    return cbor2.dumps(value, canonical=True)


def decode(what, block):
    value = cbor2.loads(block)
    check(f"{what}: the one canonical encoding, and nothing after it", encode(value) == block)
    if dag_cbor:
        check(f"{what}: dag-cbor reads and writes it", dag_cbor.encode(dag_cbor.decode(block)) == block)
    return value


def link(text):
    return cbor2.CBORTag(42, b"\0" + cid_bytes(text))


def verify_signature(what, key, context, document, signature, signed_bytes):
    message = context + b"\0" + hashlib.sha256(document).digest()
    check(f"{what}: signed bytes", message == signed_bytes)
    Ed25519PublicKey.from_public_bytes(key).verify(signature, message)  # raises
    check(f"{what}: signature", True)


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


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: verify.py docs/vectors")
    files = sorted(pathlib.Path(sys.argv[1]).glob("*.json"))
    kinds = {"identity": check_identity, "envelope": check_envelope}
    seen = set()
    for file in files:
        kind = file.stem.split("-")[0]
        if kind not in kinds:
            sys.exit(f"{file}: a vector of a kind that verify.py does not know")
        before = checks
        try:
            kinds[kind](json.loads(file.read_text()))
        except Exception as error:  # a signature, a tag, a missing field: the vector is wrong
            sys.exit(f"{file}: {type(error).__name__} {error}")
        seen.add(kind)
        print(f"{file}: {checks - before} checks hold")
    if seen != set(kinds):
        sys.exit(f"{sys.argv[1]}: vectors of an identity and of an envelope were to be found there")
    mlkem = "by itself" if MLKEM768PrivateKey else "NOT CHECKED, ss_M taken from the vectors (cryptography has no ML-KEM)"
    codec = "cbor2 and dag-cbor" if dag_cbor else "cbor2"
    print(f"{checks} checks hold; ML-KEM: {mlkem}; DAG-CBOR: {codec}")


if __name__ == "__main__":
    main()
