#!/usr/bin/env python3
"""Checks docs/vectors with nothing of the project's own code: what another implementation would have to do.

    python3 Tests/vectors/verify.py docs/vectors

Needs Python 3.9 and the packages `cryptography` and `cbor2`. Where `dag-cbor` is installed (PyPI), its strict decoder
reads every block too. Where `cryptography` has no ML-KEM or ML-DSA (48 has both), ss_M is taken from the vectors and
post-quantum signatures are not checked; the last line says so.
"""

import json
import pathlib
import sys

import formats
from envelopes import check_envelope
from lines import check_line
from orders import check_order
from parts import check_parts
from people import check_identity

# By the first word of the file's name. The refusals of DAG-CBOR have a judge of their own (Tests/interop).
KINDS = {"identity": check_identity, "envelope": check_envelope, "line": check_line, "order": check_order,
         "parts": check_parts}
ELSEWHERE = {"dag"}


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: verify.py docs/vectors")
    seen = set()
    for file in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
        kind = file.stem.split("-")[0]
        if kind in ELSEWHERE:
            continue
        if kind not in KINDS:
            sys.exit(f"{file}: a vector of a kind that verify.py does not know")
        before = formats.checks
        try:
            KINDS[kind](json.loads(file.read_text()))
        except Exception as error:  # a signature, a tag, a missing field: the vector is wrong
            sys.exit(f"{file}: {type(error).__name__} {error}")
        seen.add(kind)
        print(f"{file}: {formats.checks - before} checks hold")
    if seen != set(KINDS):
        sys.exit(f"{sys.argv[1]}: vectors of every kind were to be found there: {', '.join(KINDS)}")
    mlkem = "by itself" if formats.MLKEM768PrivateKey else "NOT CHECKED, ss_M taken from the vectors"
    mldsa = "by itself" if formats.MLDSA65PublicKey else "NOT CHECKED"
    codec = "cbor2 and dag-cbor" if formats.dag_cbor else "cbor2"
    print(f"{formats.checks} checks hold; ML-KEM: {mlkem}; ML-DSA: {mldsa}; DAG-CBOR: {codec}")


if __name__ == "__main__":
    main()
