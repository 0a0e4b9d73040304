"""secp256k1 as SEC 2 defines it, BIP-340's verification, and HPKE with DHKEM(secp256k1): nobody's library, and slow."""

import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from formats import expand

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
     0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8)


def add(one, other):
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2:
        if (y1 + y2) % P == 0:
            return None
        slope = 3 * x1 * x1 * pow(2 * y1, -1, P)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, P)
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P


def multiply(point, number):
    result = None
    while number:
        if number & 1:
            result = add(result, point)
        point, number = add(point, point), number >> 1
    return result


def lift(x, odd=False):
    y = pow(x**3 + 7, (P + 1) // 4, P)
    if x >= P or y * y % P != (x**3 + 7) % P:
        raise ValueError("no point of secp256k1")
    return x, y if (y & 1) == odd else P - y


def compressed(point):
    return bytes([2 + (point[1] & 1)]) + point[0].to_bytes(32, "big")


def uncompressed(point):
    return b"\x04" + b"".join(number.to_bytes(32, "big") for number in point)


def tagged_hash(tag, message):
    tag = hashlib.sha256(tag).digest()
    return hashlib.sha256(tag + tag + message).digest()


def bip340_holds(signature, message, x):
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    challenge = int.from_bytes(tagged_hash(b"BIP0340/challenge", signature[:32] + x + message), "big") % N
    point = add(multiply(G, s), multiply(lift(int.from_bytes(x, "big")), N - challenge))
    return r < P and s < N and point is not None and point[1] % 2 == 0 and point[0] == r


def hpke_open(sealed, secret, info):
    """RFC 9180 in base mode, KEM 0x0016, HKDF-SHA256, AES-256-GCM, one message."""
    enc, ciphertext = sealed[:65], sealed[65:]
    number = int.from_bytes(secret, "big")
    point = int.from_bytes(enc[1:33], "big"), int.from_bytes(enc[33:], "big")
    shared = multiply(point, number)[0].to_bytes(32, "big")

    def extract(suite, salt, label, key):
        return hmac.new(salt or bytes(32), b"HPKE-v1" + suite + label + key, hashlib.sha256).digest()

    def labelled_expand(suite, prk, label, context, size):
        return expand(prk, size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + context, size)

    kem = b"KEM" + bytes.fromhex("0016")
    context = enc + uncompressed(multiply(G, number))
    shared = labelled_expand(kem, extract(kem, b"", b"eae_prk", shared), b"shared_secret", context, 32)
    suite = b"HPKE" + bytes.fromhex("0016" "0001" "0002")
    context = b"\0" + extract(suite, b"", b"psk_id_hash", b"") + extract(suite, b"", b"info_hash", info)
    prk = extract(suite, shared, b"secret", b"")
    key = labelled_expand(suite, prk, b"key", context, 32)
    return AESGCM(key).decrypt(labelled_expand(suite, prk, b"base_nonce", context, 12), ciphertext, b"")
