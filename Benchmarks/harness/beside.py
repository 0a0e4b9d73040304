"""dtad beside something else, in turns: for each number of clients the other, dtad, the other again."""

import json
import statistics


def measure(options, say, title, ours, mark):
    """In each round, for each number of clients. The other is measured for half as long, twice."""
    runs = []
    for number in range(options.rounds):
        for clients in options.clients:
            say(f"round {number + 1}: {title(clients)}")
            before = _load(mark, clients, options.seconds / 2)
            mine = _load(ours, clients, options.seconds)
            after = _load(mark, clients, options.seconds / 2)
            ratio = 2 * mine["rate"] / (before["rate"] + after["rate"])
            runs.append({"clients": clients, "ratio": ratio, "dtad": mine, mark.name: [before, after]})
    return runs


def _load(service, clients, seconds):
    run = json.loads(service.load(clients, seconds))
    run["rate"] = run["ops"] / run["seconds"]
    return run


def show(title, unit, name, runs, options, row):
    print(title)
    print(f"{'':24}{unit:>8}{'p50 µs':>8}{'p99 µs':>8}{'errors':>8}{name:>11}{'ratio':>8}{'from':>7}{'to':>7}")
    for clients in options.clients:
        mine = [run for run in runs if run["clients"] == clients]
        ours, marks = [run["dtad"] for run in mine], [mark for run in mine for mark in run[name]]
        ratios = [run["ratio"] for run in mine]
        print(f"{row(clients):24}{_middle(ours, 'rate'):>8}{_middle(ours, 'p50_us'):>8}{_middle(ours, 'p99_us'):>8}"
              f"{sum(run['errors'] for run in ours):8}{_middle(marks, 'rate'):>11}"
              f"{statistics.median(ratios):8.2f}{min(ratios):7.2f}{max(ratios):7.2f}")
    print()


def _middle(runs, field):
    values = [run[field] for run in runs if run[field] is not None]
    return f"{statistics.median(values):.0f}" if values else "-"
