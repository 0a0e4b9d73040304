"""A private dtad: its state, its start, and enough of its protocol (docs/protocol.md) to make keys."""

import shutil
import socket
import struct
import time

from . import process
from .build import Failure, agent_program, output, pkcs11_module

KEY_CREATE, SIGN_KEY, RSA_KEY = 10, "bench-signs", "bench-rsa"
P256, RSA3072 = 2, 8
START_LIMIT = 60.0  # seconds


def initialize(state, keys, configuration="", programs=None):
    """Makes a token and state with that many P-256 keys; `bench-signs` signs. Leaves dtad running.

    `configuration` are further lines of dtad.yaml; `programs` is the directory of another dtad than the one of this build.
    """
    output(agent_program("dtad", programs), "init", "--state", str(state / "agent"), "--module", pkcs11_module())
    with open(state / "agent" / "dtad.yaml", "a", encoding="utf-8") as file:
        file.write(configuration)
    start(state, programs)
    with Client(state / "agent.sock") as client:
        for number in range(1, keys):
            client.create_key(f"bench-{number}")
        (state / "public.der").write_bytes(client.create_key(SIGN_KEY))


def start(state, programs=None):
    """Starts dtad in `state`; returns the seconds from its start until it says that it is ready."""
    begin = time.monotonic()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        path = state / "notify"
        path.unlink(missing_ok=True)
        notify.bind(str(path))
        notify.settimeout(0.2)
        begin = time.monotonic()
        child = process.start(
            state, "dtad",
            [agent_program("dtad", programs), "run", "--config", str(state / "agent" / "dtad.yaml"),
             "--socket", str(state / "agent.sock")],
            {"NOTIFY_SOCKET": str(path)})
        while time.monotonic() < begin + START_LIMIT:
            try:
                if b"READY=1" in notify.recv(4096).split(b"\n"):
                    return time.monotonic() - begin
            except TimeoutError:
                if child.poll() is not None:
                    raise Failure(f"dtad ended: {process.last_words(state, 'dtad')}") from None
    raise Failure(f"dtad was not ready within {START_LIMIT:.0f} s: {process.last_words(state, 'dtad')}")


def stop(state):
    process.stop(state, "dtad")


def clear(state):
    shutil.rmtree(state / "agent", ignore_errors=True)


class Client:
    """One connection; a request at a time."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(str(path))
        self.number = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def create_key(self, name, kind=P256):
        """Makes a key; returns its SubjectPublicKeyInfo (DER)."""
        answer = self.ask(number(3, KEY_CREATE) + text(4, name.encode()) + number(7, kind))
        key = dict(fields(answer[8]))
        return key[6]

    def ask(self, body):
        self.number += 1
        message = number(1, self.number) + number(2, 1) + body
        self.socket.sendall(struct.pack(">I", len(message)) + message)
        answer = dict(fields(self.read(struct.unpack(">I", self.read(4))[0])))
        if answer.get(2, 0):
            raise Failure(answer.get(3, b"refused").decode())
        return answer

    def read(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise Failure("dtad closed the connection")
            data += more
        return data


def varint(value):
    data = bytearray()
    while value > 127:
        data.append(value & 127 | 128)
        value >>= 7
    return bytes(data) + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, value):
    return varint(field << 3 | 2) + varint(len(value)) + value


def fields(data):
    """The numbers and values of a protobuf message's fields."""
    at = 0

    def take():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        tag = take()
        value = take()
        if tag & 7 == 2:
            size, at = value, at + value
            value = data[at - size:at]
        yield tag >> 3, value
