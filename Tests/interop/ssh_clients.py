"""Logs in with the keys of an agent, by another implementation of SSH, and prints what a command says there.

ssh_clients.py asyncssh|paramiko AGENT_SOCKET PORT USER
"""

import os
import sys


def with_asyncssh(agent, port, user):
    import asyncio

    import asyncssh

    async def run():
        async with asyncssh.connect("127.0.0.1", port, username=user, agent_path=agent, known_hosts=None,
                                    config=None) as connection:
            return (await connection.run("echo here", check=True)).stdout

    return asyncio.run(run())


def with_paramiko(agent, port, user):
    os.environ["SSH_AUTH_SOCK"] = agent
    import paramiko

    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    try:
        client.connect("127.0.0.1", port, username=user, allow_agent=True, look_for_keys=False)
        return client.exec_command("echo here")[1].read().decode()
    finally:
        client.close()


if __name__ == "__main__":
    name, socket, number, login = sys.argv[1:]
    print({"asyncssh": with_asyncssh, "paramiko": with_paramiko}[name](socket, int(number), login), end="")
