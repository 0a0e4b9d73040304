"""TLS handshakes of nginx with a key of the agent, beside the same type of key in a file."""

import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from . import agent, beside, build, process, services

ENGINE = "/usr/lib/*/engines-3/pkcs11.so"


def measure(state, options, say, row):
    """`row`: how a number of clients is called."""
    missing = [name for name in ("nginx", "p11-kit") if not shutil.which(name, path=SEARCHED)]
    if missing or not list(Path("/").glob(ENGINE.lstrip("/"))):
        say("skipped: nginx needs nginx, p11-kit and OpenSSL's engine (nginx-light, p11-kit, libengine-pkcs11-openssl)")
        return None
    dtad = services.DtadPKCS11(state / "nginx")
    dtad.state.mkdir()
    in_agent, in_file = AgentKey(dtad.state), FileKey(dtad.state)
    try:
        dtad.up(services.KEYS)
        for server in (in_agent, in_file):
            server.up()
            server.check()
        runs = beside.measure(options, say, lambda clients: f"{row(clients)} of nginx", in_agent, in_file)
    finally:
        for service in (in_agent, in_file, dtad):
            service.down()
    beside.show("TLS handshakes of nginx: with a P-256 key of the agent, and with one in a file", "a second",
                in_file.name, runs, options, row)
    return runs


SEARCHED = os.environ.get("PATH", "") + ":/usr/sbin"


class Server:
    """nginx with two workers, which resumes no session."""

    name = ""
    prefix = []
    engine = ""

    def __init__(self, state):
        self.state = state
        self.folder = state / self.name
        self.port = 0

    def key(self):
        """The words of `openssl req` for the key, and what nginx calls it."""
        raise NotImplementedError

    def up(self):
        self.folder.mkdir()
        words, key = self.key()
        certificate = self.folder / "cert.pem"
        quietly(*self.prefix, "openssl", "req", "-new", "-x509", "-days", "2", "-subj", "/CN=localhost",
                "-out", str(certificate), *words)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        configuration = self.folder / "nginx.conf"
        configuration.write_text(f"""daemon off;
{"user root;" if os.geteuid() == 0 else ""}
worker_processes 2;
pid {self.folder}/pid;
error_log {self.folder}/log;
{self.engine}
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {self.folder}/body;
    proxy_temp_path {self.folder}/proxy;
    fastcgi_temp_path {self.folder}/fastcgi;
    uwsgi_temp_path {self.folder}/uwsgi;
    scgi_temp_path {self.folder}/scgi;
    ssl_session_cache off;
    ssl_session_tickets off;
    server {{
        listen 127.0.0.1:{self.port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key "{key}";
        location / {{ return 200 "served\\n"; }}
    }}
}}
""")
        child = process.start(self.state, self.name,
                              [*self.prefix, shutil.which("nginx", path=SEARCHED), "-c", str(configuration)])
        until = time.monotonic() + 30
        while not self._answers():
            if child.poll() is not None or time.monotonic() > until:
                raise build.Failure(f"{self.name} does not serve: {process.last_words(self.state, self.name)}")
            time.sleep(0.05)

    def _answers(self):
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", self.port)) == 0

    def check(self):
        """A handshake in which openssl verifies the certificate, and so the signature."""
        quietly("openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-CAfile", str(self.folder / "cert.pem"),
                "-verify_return_error", "-verify_hostname", "localhost")

    def load(self, clients, seconds):
        """`openssl s_time` for each client: new sessions only, one after the other. It counts in whole seconds."""
        command = ["openssl", "s_time", "-connect", f"127.0.0.1:{self.port}", "-new", "-time", str(max(1, round(seconds)))]
        begin = time.monotonic()
        running = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    text=True) for _ in range(clients)]
        done, longest = 0, 0.0
        for client in running:
            said, complained = client.communicate()
            if client.returncode:
                raise build.Failure(f"openssl s_time: {(complained.strip() or said.strip()).splitlines()[-1]}")
            longest = max(longest, time.monotonic() - begin)
            done += int(said.split(" connections in ")[0].split()[-1])
        return json.dumps({"ops": done, "seconds": longest, "p50_us": None, "p99_us": None, "errors": 0})

    def down(self):
        process.stop(self.state, self.name)


def quietly(*command):
    """Runs a command that says much on stderr."""
    build.output("sh", "-c", 'said=$("$@" 2>&1) || { printf "%s\\n" "$said" >&2; exit 1; }', *command[:1], *command)


class AgentKey(Server):
    name, engine = "nginx-agent", "ssl_engine pkcs11;"

    @property
    def prefix(self):
        return services.in_modules(self.state)

    def key(self):
        uri = f"pkcs11:token=D-TA;object={agent.SIGN_KEY};type=private"
        return ["-engine", "pkcs11", "-keyform", "engine", "-key", uri], f"engine:pkcs11:{uri}"


class FileKey(Server):
    name = "nginx-file"

    def key(self):
        file = self.folder / "key.pem"
        build.output("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(file))
        return ["-key", str(file)], str(file)
