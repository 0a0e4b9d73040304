"""A client of D-TA's agent in plain Python: no package is needed. docs/protocol.md is all that it is made from.

    with Agent("/run/dtad/agent.sock") as agent:
        agent.create_key("release", "p256")
        signature = agent.sign("release", b"hello", der=True)
"""
import os
import socket
import struct

FRAME_LIMIT = (1 << 20) + (1 << 16)
OPERATIONS = {
    "status": 1, "key_create": 10, "key_list": 11, "key_show": 12, "key_delete": 13, "key_unnamed": 14, "sign": 20, "verify": 21,
    "mac": 22, "encrypt": 23, "decrypt": 24, "random": 25, "policy_explain": 30, "audit_list": 31, "audit_verify": 32,
    "audit_archive": 33, "audit_accept": 34, "identity_create": 40, "identity_list": 41, "identity_show": 42,
    "identity_rotate": 43, "identity_revoke": 44, "identity_recover": 45, "identity_recover_finish": 46,
    "identity_trust": 47, "identity_distrust": 48, "identity_history": 49, "envelope_seal": 50, "envelope_open": 51,
    "envelope_draft": 52, "envelope_chunk": 53, "envelope_finish": 54, "envelope_abandon": 55, "envelope_thread": 56,
    "ledger_put": 60, "ledger_get": 61, "ledger_list": 62, "ledger_status": 63, "ledger_gc": 64}
KEY_TYPES = {"ed25519": 1, "p256": 2, "secp256k1": 3, "hmac-sha256": 4, "aes256": 5, "p384": 6}
CODES = ("OK", "INVALID_ARGUMENT", "NOT_FOUND", "PERMISSION_DENIED", "UNAVAILABLE", "RESOURCE_EXHAUSTED",
         "FAILED_PRECONDITION", "DATA_LOSS", "INTERNAL")

# Field number and kind of each field; a list in brackets.
CHUNKS, FIELD = {"size": (1, int), "key": (2, bytes)}, {"name": (1, str), "value": (2, str)}
DETAILS = {
    "permission": (1, str), "uid": (2, int), "reply_to": (3, str), "recovery": (4, bytes), "alias": (5, str),
    "url": (6, str), "public": (7, bool), "allow_untrusted": (8, bool), "post_quantum": (9, bool),
    "dry_run": (10, bool), "local_only": (11, bool)}
REQUEST = {
    "id": (1, int), "version": (2, int), "operation": (3, int), "subject": (4, str), "data": (5, bytes),
    "prehashed": (6, bool), "key_type": (7, int), "format": (8, int), "aad": (9, bytes), "signature": (10, bytes),
    "count": (11, int), "cursor": (12, str), "identities": (13, [str]), "content_type": (14, str),
    "details": (15, DETAILS)}
KEY = {"name": (1, str), "type": (2, int), "owner_uid": (3, int), "owner": (4, str), "created": (5, int),
       "public_key": (6, bytes)}
IDENTITY = {"cid": (1, str), "name": (2, str), "own": (3, bool), "owner_uid": (4, int), "owner": (5, str),
            "created": (6, int), "standing": (7, str), "successor": (8, str), "trust": (9, str), "alias": (10, str),
            "url": (11, str), "previous": (12, str)}
BLOCK = {"cid": (1, str), "size": (2, int), "stored": (3, int), "kind": (4, str), "place": (5, str)}
ENVELOPE = {"cid": (1, str), "thread": (2, str), "from": (3, str), "previous": (4, str), "created": (5, int),
            "received": (6, int), "content_type": (7, str), "standing": (8, str), "trust": (9, str), "public": (10, bool)}
PUBLICATION = {"cid": (1, str), "state": (2, str), "attempts": (3, int), "next": (4, int), "since": (5, int),
               "error": (6, str)}
RESPONSE = {
    "id": (1, int), "code": (2, int), "message": (3, str), "hint": (4, str), "data": (5, bytes), "cid": (6, str),
    "valid": (7, bool), "keys": (8, [KEY]), "identities": (9, [IDENTITY]), "blocks": (10, [BLOCK]), "lines": (11, [str]),
    "fields": (12, [FIELD]), "cursor": (13, str), "chunks": (14, [CHUNKS]), "envelopes": (15, [ENVELOPE]),
    "lists": (17, [{"publications": (1, [PUBLICATION])}])}


class AgentError(Exception):
    """What the agent refused: code is a name of CODES."""

    def __init__(self, code, message, hint=""):
        super().__init__(f"{code}: {message}" + (f" ({hint})" if hint else ""))
        self.code, self.message, self.hint = code, message, hint


def write_varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data, at):
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("a number that is cut short or too long")
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value & (1 << 64) - 1, at


def encode(shape, values):
    """A protobuf message: fields that are 0, False or empty are left out; uid, which is optional, only where None."""
    out = b""
    for name, value in values.items():
        number, kind = shape[name]
        of_one = kind[0] if isinstance(kind, list) else kind
        for item in value if isinstance(kind, list) else [value]:
            if item is None or (not item and name != "uid" and of_one is kind):
                continue
            if isinstance(of_one, dict):
                item = encode(of_one, item)
            if of_one in (int, bool):
                out += write_varint(number << 3) + write_varint(int(item))
            else:
                item = item.encode() if isinstance(item, str) else bytes(item)
                out += write_varint(number << 3 | 2) + write_varint(len(item)) + item
    return out


def decode(shape, data):
    """The message's fields as a dictionary, all of them; what this client does not know is passed over."""
    names = {number: (name, kind) for name, (number, kind) in shape.items()}
    result = {name: [] if isinstance(kind, list) else {} if isinstance(kind, dict) else kind()
              for name, (_, kind) in shape.items()}
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        if tag & 7 == 0:
            value, at = read_varint(data, at)
        else:
            length, at = {1: lambda: (8, at), 5: lambda: (4, at), 2: lambda: read_varint(data, at)}[tag & 7]()
            if at + length > len(data):
                raise ValueError("a field that is cut short")
            value, at = data[at:at + length], at + length
        if tag >> 3 not in names:
            continue
        name, kind = names[tag >> 3]
        item = kind[0] if isinstance(kind, list) else kind
        value = decode(item, value) if isinstance(item, dict) else value.decode() if item is str else item(value)
        if isinstance(kind, list):
            result[name].append(value)
        else:
            result[name] = value
    return result


class Agent:
    def __init__(self, path=None, timeout=30):
        path = path or os.environ.get("DTA_SOCKET") or "/run/dtad/agent.sock"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.socket.settimeout(timeout)  # only now: with one, a connection that has to queue fails at once (EAGAIN)
        self.last_id, self.answers = 0, {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, operation, **fields):
        """Sends a request and answers its id; up to 64 may be in flight."""
        self.last_id += 1
        details = {name: fields.pop(name) for name in DETAILS.keys() & fields.keys()} or None
        body = encode(REQUEST, {"id": self.last_id, "version": 1, "operation": OPERATIONS[operation], **fields,
                                "details": details})
        self.socket.sendall(struct.pack(">I", len(body)) + body)
        return self.last_id

    def receive(self, request_id):
        """Waits for the answer to a request; answers to others that come before it are kept."""
        while request_id not in self.answers:
            length, = struct.unpack(">I", self.read(4))
            if not 0 < length <= FRAME_LIMIT:
                raise ValueError(f"a frame of {length} bytes: this is not the agent")
            answer = decode(RESPONSE, self.read(length))
            self.answers[answer["id"] or request_id] = answer  # id 0: the agent's last word
        answer = self.answers.pop(request_id)
        if answer["code"]:
            name = CODES[answer["code"]] if answer["code"] < len(CODES) else "INTERNAL"
            raise AgentError(name, answer["message"], answer["hint"])
        return answer

    def call(self, operation, **fields):
        return self.receive(self.send(operation, **fields))

    def read(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise ConnectionError("the agent closed the connection")
            data += piece
        return data

    def status(self):
        return {field["name"]: field["value"] for field in self.call("status")["fields"]}

    def create_key(self, name, key_type):
        return self.call("key_create", subject=name, key_type=KEY_TYPES[key_type])["keys"][0]

    def key(self, name):
        return self.call("key_show", subject=name)["keys"][0]

    def sign(self, name, data, prehashed=False, der=False):
        return self.call("sign", subject=name, data=data, prehashed=prehashed, format=2 if der else 1)["data"]

    def verify(self, name, data, signature, prehashed=False, der=False):
        return self.call("verify", subject=name, data=data, signature=signature, prehashed=prehashed,
                         format=2 if der else 1)["valid"]

    def create_identity(self, name):
        return self.call("identity_create", subject=name)["cid"]

    def seal(self, sender, recipients, data, content_type=""):
        return self.call("envelope_seal", subject=sender, identities=recipients, data=data,
                         content_type=content_type)["cid"]

    def open(self, cid):
        return self.call("envelope_open", subject=cid)["data"]
