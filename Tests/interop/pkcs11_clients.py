"""Uses the keys of an agent by PKCS#11, with another binding of it, and prints what it found.

pkcs11_clients.py python-pkcs11|pykcs11 MODULE

Signatures are verified by the token itself and by the cryptography package; each prints "LABEL valid".
"""

import hashlib
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

CKA_PUBLIC_KEY_INFO = 0x129
MESSAGE = b"what is signed"
DIGEST = hashlib.sha256(MESSAGE).digest()


def judge(label, spki, signature, pss=False):
    """Verifies over MESSAGE by the cryptography package; an ECDSA signature is r and s in full length."""
    key = serialization.load_der_public_key(spki)
    if isinstance(key, ec.EllipticCurvePublicKey):
        half = len(signature) // 2
        r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
        key.verify(utils.encode_dss_signature(r, s), MESSAGE, ec.ECDSA(hashes.SHA256()))
    else:
        way = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if pss else padding.PKCS1v15()
        key.verify(signature, MESSAGE, way, hashes.SHA256())
    print(label, "valid")


def with_python_pkcs11(module):
    import pkcs11
    from pkcs11 import Attribute, KeyType, MGF, Mechanism, ObjectClass
    from pkcs11.util.ec import encode_ec_public_key
    from pkcs11.util.rsa import encode_rsa_public_key

    def spki_of(public):
        if public.key_type == KeyType.EC:
            return encode_ec_public_key(public)
        return serialization.load_der_public_key(encode_rsa_public_key(public)).public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    token = pkcs11.lib(module).get_token(token_label="D-TA")
    with token.open() as session:
        for key in sorted(session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY}), key=lambda key: key.label):
            public = session.get_key(object_class=ObjectClass.PUBLIC_KEY, id=key.id)
            spki = spki_of(public)
            if key.key_type == KeyType.EC:
                signature = key.sign(DIGEST, mechanism=Mechanism.ECDSA)
                assert public.verify(DIGEST, signature, mechanism=Mechanism.ECDSA)
                assert not public.verify(b"another" + DIGEST[7:], signature, mechanism=Mechanism.ECDSA)
                judge(key.label, spki, signature)
                continue
            signature = key.sign(MESSAGE, mechanism=Mechanism.SHA256_RSA_PKCS)
            assert public.verify(MESSAGE, signature, mechanism=Mechanism.SHA256_RSA_PKCS)
            judge(key.label, spki, signature)
            pss = (Mechanism.SHA256, MGF.SHA256, 32)
            signature = key.sign(DIGEST, mechanism=Mechanism.RSA_PKCS_PSS, mechanism_param=pss)
            assert public.verify(DIGEST, signature, mechanism=Mechanism.RSA_PKCS_PSS, mechanism_param=pss)
            judge(key.label, spki, signature, pss=True)
            oaep = (Mechanism.SHA256, MGF.SHA256, None)
            sealed = public.encrypt(MESSAGE, mechanism_param=oaep)
            assert key.decrypt(sealed, mechanism_param=oaep) == MESSAGE
            print(key.label, "decrypts")


def with_pykcs11(module):
    import PyKCS11

    library = PyKCS11.PyKCS11Lib()
    library.load(module)
    slot = next(slot for slot in library.getSlotList(tokenPresent=True)
                if library.getTokenInfo(slot).label.strip() == "D-TA")
    session = library.openSession(slot)
    templates = [PyKCS11.CKA_WRAP_TEMPLATE, PyKCS11.CKA_UNWRAP_TEMPLATE, PyKCS11.CKA_DERIVE_TEMPLATE]
    found = session.findObjects([(PyKCS11.CKA_CLASS, PyKCS11.CKO_PRIVATE_KEY)])
    for key in sorted(found, key=lambda key: session.getAttributeValue(key, [PyKCS11.CKA_LABEL])):
        # All that it knows, one by one, but those that p11-kit 0.24 cannot carry.
        for attribute in PyKCS11.CKA:
            if isinstance(attribute, int) and attribute not in templates:
                try:
                    session.getAttributeValue(key, [attribute])
                except PyKCS11.PyKCS11Error as error:
                    raise SystemExit(f"{PyKCS11.CKA[attribute]}: {error}")
        label, kind, identity = session.getAttributeValue(
            key, [PyKCS11.CKA_LABEL, PyKCS11.CKA_KEY_TYPE, PyKCS11.CKA_ID])
        public = session.findObjects([(PyKCS11.CKA_CLASS, PyKCS11.CKO_PUBLIC_KEY), (PyKCS11.CKA_ID, identity)])[0]
        spki = bytes(session.getAttributeValue(public, [CKA_PUBLIC_KEY_INFO])[0])
        if kind == PyKCS11.CKK_EC:
            ways = [(DIGEST, PyKCS11.Mechanism(PyKCS11.CKM_ECDSA), False)]
        else:
            ways = [
                (MESSAGE, PyKCS11.Mechanism(PyKCS11.CKM_SHA256_RSA_PKCS), False),
                (DIGEST, PyKCS11.RSA_PSS_Mechanism(PyKCS11.CKM_RSA_PKCS_PSS, PyKCS11.CKM_SHA256,
                                                   PyKCS11.CKG_MGF1_SHA256, 32), True),
            ]
        for data, mechanism, pss in ways:
            signature = bytes(session.sign(key, data, mechanism))
            assert session.verify(public, data, signature, mechanism)
            judge(label, spki, signature, pss)
        if kind == PyKCS11.CKK_RSA:
            oaep = PyKCS11.RSAOAEPMechanism(PyKCS11.CKM_SHA256, PyKCS11.CKG_MGF1_SHA256)
            sealed = session.encrypt(public, MESSAGE, oaep)
            assert bytes(session.decrypt(key, sealed, oaep)) == MESSAGE
            print(label, "decrypts")


if __name__ == "__main__":
    name, path = sys.argv[1:]
    {"python-pkcs11": with_python_pkcs11, "pykcs11": with_pykcs11}[name](path)
