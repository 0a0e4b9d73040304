"""The gateway beside bare Hummingbird: the same bytes over the same kind of socket, asked for by the same load."""

import json
import statistics
import time

from . import agent, build, orders, process, services

PATHS = {"status": "/v1/status", "order list": "/v1/order?perPage=20"}
CLIENTS = (1, 16, 64)
ORDERS = 100


def measure(state, options, say):
    """In each round, for each path and number of clients: the yardstick, the gateway, the yardstick again; and a
    yardstick that asks dtad, too, before it answers."""
    services_ = []
    try:
        say("making an agent for the gateway")
        dtad = services.Dtad(state / "gateway")
        dtad.state.mkdir()
        services_.append(dtad)
        agent.initialize(dtad.state, 1, orders.RULES)
        build.output(build.agent_program("dta-bench"), "orders", "keep", str(dtad.socket), "--count", str(ORDERS),
                     "--out", str(dtad.state / "orders"))
        gateway = Gateway(dtad.state, dtad.socket)
        services_.append(gateway)
        gateway.up()
        bodies = [gateway.body(path) for path in PATHS.values()]
        bare, asking = Bare(dtad.state, "bare", bodies), Bare(dtad.state, "asking", bodies, dtad.socket)
        for server in (bare, asking):
            services_.append(server)
            server.up()
        runs = []
        for number in range(options.rounds):
            for name, path in PATHS.items():
                for clients in CLIENTS:
                    say(f"round {number + 1}: {name}, {clients} clients")
                    runs.append(_measure_once(bare, asking, gateway, name, path, clients, options.seconds))
    finally:
        for service in reversed(services_):
            service.down()
    _print(runs, bodies)
    return runs


def _measure_once(bare, asking, gateway, name, path, clients, seconds):
    before = bare.load(path, clients, seconds / 2)
    ours = gateway.load(path, clients, seconds)
    after = bare.load(path, clients, seconds / 2)
    asked = asking.load(path, clients, seconds / 2)
    return {"name": name, "clients": clients, "gateway": ours, "bare": [before, after], "asking": asked,
            "ratio": 2 * ours["rate"] / (before["rate"] + after["rate"]), "ratio_asking": ours["rate"] / asked["rate"]}


def _print(runs, bodies):
    print("Requests a second by the gateway, beside bare Hummingbird with the same bytes ("
          + ", ".join(f"{name}: {len(body)} bytes" for name, body in zip(PATHS, bodies)) + ")")
    print(f"{'':24}{'req/s':>8}{'p50 µs':>8}{'p99 µs':>8}{'CPU µs':>8}{'errors':>8}"
          f"{'bare':>9}{'p99 µs':>8}{'CPU µs':>8}{'ratio':>8}{'asking':>9}{'ratio':>8}")
    for name in PATHS:
        for clients in CLIENTS:
            mine = [run for run in runs if (run["name"], run["clients"]) == (name, clients)]
            ours = [run["gateway"] for run in mine]
            marks = [mark for run in mine for mark in run["bare"]]

            def middle(loads, field):
                values = [load[field] for load in loads if load[field] is not None]
                return statistics.median(values) if values else float("nan")

            title = f"{name}, {clients} client" + "s" * (clients > 1)
            print(f"{title:24}{middle(ours, 'rate'):8.0f}{middle(ours, 'p50_us'):8.0f}{middle(ours, 'p99_us'):8.0f}"
                  f"{middle(ours, 'server_cpu_us_per_op'):8.0f}{sum(load['errors'] for load in ours):8}"
                  f"{middle(marks, 'rate'):9.0f}{middle(marks, 'p99_us'):8.0f}{middle(marks, 'server_cpu_us_per_op'):8.0f}"
                  f"{statistics.median(run['ratio'] for run in mine):8.2f}"
                  f"{middle([run['asking'] for run in mine], 'rate'):9.0f}"
                  f"{statistics.median(run['ratio_asking'] for run in mine):8.2f}")
    print("(asking: bare Hummingbird that asks dtad one question before it answers with the same bytes)\n")


class Server:
    """A program that serves HTTP on a Unix socket."""

    name = ""

    def __init__(self, state):
        self.state = state
        self.socket = state / f"{self.name}.sock"

    def command(self):
        raise NotImplementedError

    def up(self):
        child = process.start(self.state, self.name, self.command())
        end = time.monotonic() + 60
        while not self._answers():
            if child.poll() is not None or time.monotonic() > end:
                raise build.Failure(f"{self.name} does not serve: {process.last_words(self.state, self.name)}")
            time.sleep(0.05)

    def _answers(self):
        try:
            return bool(self.body("/v1/status"))
        except build.Failure:
            return False

    def body(self, path):
        return build.output("curl", "-sSf", "--unix-socket", str(self.socket), f"http://localhost{path}")

    def load(self, path, clients, seconds):
        run = json.loads(build.output(build.program("load"), "http", "run", str(self.socket), path, str(clients),
                                      str(seconds), "1", str(process.pid_of(self.state, self.name))))
        run["rate"] = run["ops"] / run["seconds"]
        return run

    def down(self):
        process.stop(self.state, self.name)


class Gateway(Server):
    """dtagw without authentication: tokens cost only their verification."""

    name = "dtagw"

    def __init__(self, state, agent_socket):
        super().__init__(state)
        (state / "dtagw.yaml").write_text(f"""agent: {agent_socket}
listen: ["unix:{self.socket}"]
authentication: {{ none: true }}
limits: {{ requests_per_minute: 10000000, burst: 1000000 }}
""")

    def command(self):
        return [build.agent_program("dtagw"), "run", "--config", str(self.state / "dtagw.yaml")]


class Bare(Server):
    """The yardstick: Benchmarks/HTTP."""

    def __init__(self, state, name, bodies, agent_socket=None):
        self.name = name
        super().__init__(state)
        self.agent_socket = agent_socket
        self.files = [state / f"{name}.status", state / f"{name}.orders"]
        for file, body in zip(self.files, bodies):
            file.write_text(body)

    def command(self):
        asking = ["--agent", str(self.agent_socket)] if self.agent_socket else []
        return [build.agent_program("dta-bench-http"), str(self.socket), "--status", str(self.files[0]), "--orders",
                str(self.files[1]), *asking]
