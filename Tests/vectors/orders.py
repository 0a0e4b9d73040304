"""An order, part by part: who signed, what each answers, what it says, and whether the contents fit each other."""

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import secp256k1
from formats import check, cid_bytes, cid_text, decode, encode, hkdf, link
from people import check_person, unwrap

PREVIOUS = {"order": None, "commitment": "order", "deposit": "commitment", "redemption": "commitment",
            "approval": "redemption", "release": "redemption", "refusal": "redemption", "destruction": "commitment"}
PART = {"commitment": 2, "deposit": 2, "redemption": 3, "release": 4, "refusal": 4, "destruction": 4}
TERMS = {"fiduciary", "principal", "beneficiary", "redeemers", "recipient", "approvers", "approvals",
         "requester_may_approve", "not_before", "not_after", "max_uses"}
OWN = {"commitment": {"terms", "kind", "public", "proof", "fields"}, "deposit": {"commitment", "content", "sealed"},
       "redemption": {"nonce", "purpose", "request", "terms"},
       "release": {"redemption", "received", "released", "approvals", "result"},
       "refusal": {"refused", "code", "reason", "winner"}, "destruction": {"state", "epoch", "key", "at", "statement"}}


def check_envelope(part, people, places):
    """The envelope's signature and links, and its plaintext as one recipient opens it."""
    what, block = part["kind"], bytes.fromhex(part["block"])
    value = decode(what, block)
    envelope, (signature,) = value["envelope"], value["signatures"]
    check(f"{what}: CID", cid_text(block) == part["cid"])
    check(f"{what}: from", envelope["from"] == link(people[part["from"]]["cid"]))
    check(f"{what}: to", envelope["to"] == [link(people[name]["cid"]) for name in part["to"]])
    check(f"{what}: media type", envelope["content"] == "application/vnd.dta.order"
          + ("" if what == "order" else f".{what}"))
    previous = part.get("previous")
    check(f"{what}: previous", envelope.get("previous") == (link(previous) if previous else None))
    check(f"{what}: what it answers", (places[previous]["kind"] if previous else None) == PREVIOUS[what])
    message = b"dta/envelope/1\0" + hashlib.sha256(encode(envelope)).digest()
    Ed25519PublicKey.from_public_bytes(people[part["from"]]["key"]).verify(signature["sig"], message)  # raises
    core = encode({k: v for k, v in envelope.items() if k not in ("wraps", "commit", "body", "chunks")})
    core_hash = hashlib.sha256(b"dta/envelope/1 core\0" + core).digest()
    wrap = part["opens"]
    place = envelope["to"].index(link(wrap["to"]))
    check(f"{what}: the wrap", envelope["wraps"][place] == {k: bytes.fromhex(wrap[k]) for k in ("enc", "key")})
    recipient = next(person for person in people.values() if person["cid"] == wrap["to"])
    key = unwrap(wrap, recipient, core_hash)
    check(f"{what}: content key", key.hex() == part["contentKey"])
    commit = hkdf(key, envelope["salt"], b"dta/envelope/1 commit\0" + core_hash)
    check(f"{what}: commit", commit == envelope["commit"])
    body_key = hkdf(key, envelope["salt"], b"dta/envelope/1 body\0" + core_hash)
    plaintext = AESGCM(body_key).decrypt(bytes(12), envelope["body"], b"")
    check(f"{what}: plaintext", plaintext.hex() == part["plaintext"])
    return envelope, decode(what, plaintext)


def check_approval(signed, people):
    approval, (signature,) = signed["approval"], signed["signatures"]
    check("approval: its fields",
          set(approval) == {"type", "order", "redemption", "use", "decision", "expires", "by"})
    check("approval: type", approval["type"] == "dta/approval/1")
    by = next(person for person in people.values() if link(person["cid"]) == approval["by"])
    message = b"dta/approval/1\0" + hashlib.sha256(encode(approval)).digest()
    Ed25519PublicKey.from_public_bytes(by["key"]).verify(signature["sig"], message)  # raises
    check("approval: signature", signature["by"] == "self")
    return approval


def check_heading(what, contents, order, terms):
    check(f"{what}: type", contents["type"] == f"dta/{what}/1")
    check(f"{what}: what it repeats",
          [contents[name] for name in ("order", "fiduciary", "principal", "beneficiary", "part")]
          == [link(order), terms["fiduciary"], terms["principal"], terms["beneficiary"], PART[what]])
    common = {"type", "order", "part", "use", "fiduciary", "principal", "beneficiary"}
    optional = {"purpose", "winner"}
    check(f"{what}: its fields", (common | OWN[what]) - optional <= set(contents) <= common | OWN[what])
    check(f"{what}: use", contents["use"] == (1 if what in ("redemption", "release", "refusal") else 0))


def check_terms(terms):
    check("terms: their fields", set(terms) == TERMS)
    for name in ("redeemers", "approvers"):
        check(f"terms: {name} are sorted", terms[name] == sorted(terms[name], key=lambda tag: tag.value))
    check("terms: approvals", 0 < terms["approvals"] <= len(terms["approvers"]))


def check_release(release, terms, part, envelope, redemptions, people):
    check("release: its redemption", release["redemption"] == link(part["previous"]))
    check("release: times", terms["not_before"] <= release["received"] <= release["released"] <= terms["not_after"])
    approvals = [check_approval(decode("an approval of the release", one), people) for one in release["approvals"]]
    counted = {one["by"].value for one in approvals if one["redemption"] == release["redemption"]
               and one["use"] == release["use"] and one["decision"] == "approve"
               and one["expires"] >= release["released"] and one["by"] in terms["approvers"]}
    check("release: approvals", len(counted) >= terms["approvals"])
    check("release: sealed to the recipient alone", envelope["to"] == [terms["recipient"]])
    check("release: by a redeemer's wish", redemptions[part["previous"]]["from"] in terms["redeemers"])


def check_order(vector):
    people = {person["name"]: dict(person, key=check_person(person)[0]["signing"][2:]) for person in vector["people"]}
    places = {part["cid"]: part for part in vector["parts"]}
    seed = bytes.fromhex(vector["seed"])
    public = secp256k1.compressed(secp256k1.multiply(secp256k1.G, int.from_bytes(seed, "big")))
    order = vector["parts"][0]["cid"]
    threads, redemptions, terms, commitment = set(), {}, None, None
    for part in vector["parts"]:
        what = part["kind"]
        envelope, contents = check_envelope(part, people, places)
        threads.add(envelope["thread"])
        if what == "order":
            check("order: type", contents["type"] == "dta/order/1")
            terms = {name: value for name, value in contents.items() if name not in ("type", "kind", "fields")}
            check_terms(terms)
            check("order: by its principal", envelope["from"] == terms["principal"])
            continue
        if what == "approval":
            approval = check_approval(contents, people)
            check("approval: its links", (approval["order"], approval["redemption"], approval["by"])
                  == (link(order), link(part["previous"]), envelope["from"]))
            continue
        check_heading(what, contents, order, terms)
        if what in ("commitment", "release", "refusal", "destruction"):
            check(f"{what}: by the fiduciary", envelope["from"] == terms["fiduciary"])
        if what == "commitment":
            commitment = part["cid"]
            check("commitment: terms", contents["terms"] == terms)
            check("commitment: public key", contents["public"] == public)
            message = secp256k1.tagged_hash(b"dta/commitment/1", public + cid_bytes(order))
            check("commitment: proof", secp256k1.bip340_holds(contents["proof"], message, public[1:]))
        elif what == "deposit":
            check("deposit: its commitment", contents["commitment"] == link(commitment))
            info = b"dta/safeguard/1\0" + cid_bytes(commitment)
            opened = secp256k1.hpke_open(contents["sealed"], seed, info)
            check("deposit: opens with the secret", opened.hex() == vector["deposited"])
        elif what == "redemption":
            redemptions[part["cid"]] = envelope
            check("redemption: terms", contents["terms"] == terms)
        elif what == "release":
            check_release(contents, terms, part, envelope, redemptions, people)
            check("release: the secret", contents["result"] == {"secret": seed})
        elif what == "refusal":
            check("refusal: of what", contents["refused"] == link(part["previous"]))
    check("one thread", len(threads) == 1)
    check("a part of every kind", {part["kind"] for part in vector["parts"]} == set(PREVIOUS))
