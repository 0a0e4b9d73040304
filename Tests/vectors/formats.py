"""What every vector needs: hashes, names, DAG-CBOR, HPKE, signatures; and `check`, which counts."""

import base64
import hashlib
import hmac
import sys

try:
    import cbor2
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
except ImportError as missing:
    sys.exit(f"verify.py needs the Python packages cryptography and cbor2: {missing}")

try:
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey

    MLKEM768PrivateKey.from_seed_bytes(bytes(64))
except Exception:  # absent, or there and refused by the library beneath
    MLKEM768PrivateKey = None

try:
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey, MLDSA65PublicKey

    MLDSA65PrivateKey.from_seed_bytes(bytes(32))
except Exception:
    MLDSA65PrivateKey = MLDSA65PublicKey = None

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


def cid_text(block, codec=0x71):
    raw = b"\x01" + bytes([codec]) + b"\x12\x20" + hashlib.sha256(block).digest()
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
    return link_to(cid_bytes(text))


def link_to(cid):
    return cbor2.CBORTag(42, b"\0" + cid)


def verify_signature(what, key, context, document, signature, signed_bytes):
    message = context + b"\0" + hashlib.sha256(document).digest()
    check(f"{what}: signed bytes", message == signed_bytes)
    Ed25519PublicKey.from_public_bytes(key).verify(signature, message)  # raises
    check(f"{what}: signature", True)


def stream(label, size):
    """SHA-256("dta test vector: " || label || " " || n) for n = 0, 1, ..., cut at `size` bytes."""
    blocks = (hashlib.sha256(f"dta test vector: {label} {n}".encode()).digest() for n in range((size + 31) // 32))
    return b"".join(blocks)[:size]
