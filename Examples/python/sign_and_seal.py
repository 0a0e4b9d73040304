#!/usr/bin/env python3
"""Makes a key and two identities, signs, pipelines, seals and opens. Usage: sign_and_seal.py [SOCKET]"""
import secrets
import sys

from dta_client import Agent, AgentError

with Agent(sys.argv[1] if len(sys.argv) > 1 else None) as agent:
    print("agent:", agent.status())
    suffix = secrets.token_hex(4)
    key, alice, bob = f"example-{suffix}", f"alice-{suffix}", f"bob-{suffix}"

    agent.create_key(key, "p256")
    signature = agent.sign(key, b"hello", der=True)
    print("signature:", signature.hex())
    print("valid:", agent.verify(key, b"hello", signature, der=True))
    print("valid for another message:", agent.verify(key, b"hallo", signature, der=True))

    # 32 requests in flight on one connection: the answers may come in any order.
    requests = [agent.send("sign", subject=key, data=b"message %d" % number) for number in range(32)]
    print("pipelined:", len({agent.receive(request)["data"] for request in requests}), "signatures")

    agent.create_identity(alice)
    cid = agent.seal(alice, [agent.create_identity(bob)], b"for bob alone", "text/plain")
    print("envelope:", cid)
    print("opened:", agent.open(cid).decode())

    try:
        agent.sign("no-such-key-" + suffix, b"hello")
    except AgentError as error:
        print("refused:", error)
    agent.call("key_delete", subject=key)
