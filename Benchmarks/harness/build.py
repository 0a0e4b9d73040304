"""The C programs, made on demand in .build/bench."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "Benchmarks" / "C"
OUTPUT = ROOT / ".build" / "bench"
PROGRAMS = {
    "load": ["load.c", "protocol.c", "common.c"],
    "skeleton": ["skeleton.c", "token.c", "common.c"],
    "calls": ["calls.c", "token.c", "common.c"],
    "processes": ["processes.c", "common.c"],
}
MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
)


class Failure(Exception):
    """A command failed; the text is for people."""


def program(name):
    """The path of a C program, compiled anew if one of its sources is newer."""
    target = OUTPUT / name
    newest = max(file.stat().st_mtime for file in SOURCES.iterdir())
    if target.exists() and target.stat().st_mtime > newest:
        return str(target)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    fresh = OUTPUT / f"{name}.{os.getpid()}"
    headers = shlex.split(output("pkg-config", "--cflags", "p11-kit-1")) if name != "load" else []
    output("gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", *headers, "-o", str(fresh),
           *(str(SOURCES / source) for source in PROGRAMS[name]), "-ldl", "-lpthread")
    fresh.replace(target)
    return str(target)


def agent_program(name, directory=None):
    """A program of the project itself: of the directory, else of $DTA_BIN, else of the release build."""
    directory = Path(directory or os.environ.get("DTA_BIN", ROOT / ".build" / "release"))
    if not (directory / name).exists():
        raise Failure(f"no {directory / name}: run `make build`")
    return str(directory / name)


def pkcs11_module():
    """SoftHSM's module, or that of $SOFTHSM2_MODULE."""
    named = os.environ.get("SOFTHSM2_MODULE")
    for path in [named] if named else MODULES:
        if os.path.exists(path):
            return path
    raise Failure("no SoftHSM: install libsofthsm2, or name the module in $SOFTHSM2_MODULE")


def output(*command, **options):
    """Runs a command; returns its standard output, without the newline at the end."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, **options)
    except OSError as error:
        raise Failure(f"{command[0]}: {error.strerror}") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}").splitlines()
        raise Failure(f"{os.path.basename(command[0])}: {said[-1]}")
    if done.stderr:
        sys.stderr.write(done.stderr)
    return done.stdout.rstrip("\n")
