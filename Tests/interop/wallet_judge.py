#!/usr/bin/env python3
"""Judges wallets and safeguarded secrets by nothing of this project and nothing of libsecp256k1: PyPI's embit with its
curve in Python for Bitcoin, cryptography (OpenSSL) for HPKE, whose key schedule is written here from RFC 9180.

Each mode reads lines of hexadecimal words and writes a line for each.

    keys             SECRET: public key, WIF and the addresses p2pkh, p2wpkh, p2tr; main, then test
    scripts          an address in plain: its script, or `refused`
    sign             SECRET MESSAGE: a BIP-340 signature
    verify           X MESSAGE SIGNATURE: valid, invalid
    wallet           F-SECRET B-SECRET ORDER: F, B, sum, its secret, the message that F's proof signs
    commitment       PUBLIC ORDER: the message that a commitment's proof signs
    seal             PUBLIC COMMITMENT PLAINTEXT: enc and ciphertext; a plaintext that is `-` is empty
    open             SECRET COMMITMENT SEALED: the plaintext, `-` if empty, or `refused`
"""

import sys

import embit.util
from embit.util import py_secp256k1

# Before anything else of embit: its C library is the one that is judged.
sys.modules["embit.util.secp256k1"] = embit.util.secp256k1 = py_secp256k1

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes as digests
from cryptography.hazmat.primitives import hmac
from cryptography.hazmat.primitives.asymmetric import ec as openssl
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from embit import ec, script
from embit.hashes import tagged_hash
from embit.networks import NETWORKS

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
KEM, HPKE = b"KEM\x00\x16", b"HPKE\x00\x16\x00\x01\x00\x02"

assert ec.secp256k1 is py_secp256k1, "embit uses a C library"


def keys(secret):
    key = ec.PrivateKey(secret)
    public = key.get_public_key()
    words = [public.sec().hex()]
    for name in ("main", "test"):
        network = NETWORKS[name]
        words.append(key.wif(network))
        words += [kind(public).address(network) for kind in (script.p2pkh, script.p2wpkh, script.p2tr)]
    return " ".join(words)


def scripts(address):
    try:
        return script.address_to_scriptpubkey(address).data.hex()
    except Exception:  # embit has many ways to say no.
        return "refused"


def sign(secret, message):
    return ec.PrivateKey(secret).schnorr_sign(message).serialize().hex()


def verify(x, message, signature):
    key = ec.PublicKey.from_xonly(x)
    return "valid" if key.schnorr_verify(ec.SchnorrSig(signature), message) else "invalid"


def wallet(f, b, order):
    # By numbers, not by adding points: the sum's point must be that of the sum of the secrets.
    total = ((int.from_bytes(f, "big") + int.from_bytes(b, "big")) % ORDER).to_bytes(32, "big")
    points = [ec.PrivateKey(secret).sec() for secret in (f, b, total)]
    message = tagged_hash("dta/wallet/1", b"".join(points) + order)
    return " ".join(part.hex() for part in [*points, total, message])


def commitment(public, order):
    return tagged_hash("dta/commitment/1", public + order).hex()


def extract(suite, salt, label, material):
    code = hmac.HMAC(salt or bytes(32), digests.SHA256())
    code.update(b"HPKE-v1" + suite + label + material)
    return code.finalize()


def expand(suite, key, label, info, length):
    labelled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return HKDFExpand(digests.SHA256(), length, labelled).derive(key)


def schedule(dh, enc, recipient, cid):
    """RFC 9180 §4.1 (ExtractAndExpand) and §5.1 in base mode."""
    shared = expand(KEM, extract(KEM, b"", b"eae_prk", dh), b"shared_secret", enc + recipient, 32)
    info = b"dta/safeguard/1\x00" + cid
    context = b"\x00" + extract(HPKE, b"", b"psk_id_hash", b"") + extract(HPKE, b"", b"info_hash", info)
    secret = extract(HPKE, shared, b"secret", b"")
    return AESGCM(expand(HPKE, secret, b"key", context, 32)), expand(HPKE, secret, b"base_nonce", context, 12)


def uncompressed(public):
    return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def seal(public, cid, plaintext):
    recipient = openssl.EllipticCurvePublicKey.from_encoded_point(openssl.SECP256K1(), public)
    ephemeral = openssl.generate_private_key(openssl.SECP256K1())
    enc = uncompressed(ephemeral.public_key())
    key, nonce = schedule(ephemeral.exchange(openssl.ECDH(), recipient), enc, uncompressed(recipient), cid)
    return (enc + key.encrypt(nonce, plaintext, b"")).hex()


def open_sealed(secret, cid, sealed):
    private = openssl.derive_private_key(int.from_bytes(secret, "big"), openssl.SECP256K1())
    enc = sealed[:65]
    sender = openssl.EllipticCurvePublicKey.from_encoded_point(openssl.SECP256K1(), enc)
    key, nonce = schedule(private.exchange(openssl.ECDH(), sender), enc, uncompressed(private.public_key()), cid)
    try:
        return key.decrypt(nonce, sealed[65:], b"").hex() or "-"
    except InvalidTag:
        return "refused"


MODES = {
    "keys": keys, "sign": sign, "verify": verify, "wallet": wallet, "commitment": commitment, "seal": seal,
    "open": open_sealed,
}


def main(mode="help"):
    if mode == "scripts":
        for line in sys.stdin:
            print(scripts(line.strip()))
    elif mode in MODES:
        for line in sys.stdin:
            words = [b"" if word == "-" else bytes.fromhex(word) for word in line.split()]
            print(MODES[mode](*words))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
