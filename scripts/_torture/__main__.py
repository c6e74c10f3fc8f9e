"""Tries to make job folders and servers lose work, and says what was lost.

    python scripts/_torture [WAY...] [--seed N] [--rounds N]

Each way prints one line of JSON; what is wrong goes to the error output as it is
found. The exit code is 0 if nothing is. The same seed tries the same again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from _report import Enough, Report

WAYS = {
    "kill": 200,
    "power": 3000,
    "errors": 3000,
    "pairs": 400,
    "fuzz": 1500,
    "server": 25,
    "line": 1000,
}
"""The ways there are, and how many rounds each does by itself."""


def main() -> int:
    """Run from the command line."""
    text = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(prog="scripts/torture", description=text[0])
    parser.add_argument("way", nargs="*", help=f"of {', '.join(WAYS)}; all by default")
    parser.add_argument("--seed", type=int, default=date.today().toordinal())
    parser.add_argument("--rounds", type=int, help="of each way")
    parser.add_argument("--minutes", type=float, default=20, help="of each way at most")
    parser.add_argument("--skip", type=int, help="errors: so many were tried before")
    options = parser.parse_args()
    if options.skip is not None and options.way != ["errors"]:
        parser.error("only errors can go on where they ended: errors --skip N")
    if unknown := set(options.way) - set(WAYS):
        parser.error(
            f"there is no {', '.join(sorted(unknown))}; only {', '.join(WAYS)}"
        )
    wrong = 0
    # Nothing here needs a real disk; in memory it goes several times as far.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="torture-", dir=memory) as place:
        # Nothing of the user's is touched; read when the package is imported.
        for name in ("CACHE", "CONFIG", "DATA", "STATE"):
            os.environ[f"XDG_{name}_HOME"] = os.path.join(place, name.lower())
        for way in options.way or WAYS:
            scratch = Path(place) / way
            scratch.mkdir()
            start = time.monotonic()
            rounds = WAYS[way] if options.rounds is None else options.rounds
            Report.deadline = start + 60 * options.minutes
            more = {} if options.skip is None else {"skip": options.skip}
            try:
                report = _run(way)(scratch, seed=options.seed, rounds=rounds, **more)
            except Enough as enough:
                (report,) = enough.args
            document = report.document()
            seconds = round(time.monotonic() - start)
            line = {**document, "seed": options.seed, "seconds": seconds}
            print(json.dumps(line), flush=True)
            wrong += sum(report.bad.values())
    return 1 if wrong else 0


def _run(way: str):  # type: ignore[no-untyped-def]
    import _errors
    import _fuzz
    import _kill
    import _line
    import _pairs
    import _power
    import _server

    modules = {
        "kill": _kill,
        "power": _power,
        "errors": _errors,
        "pairs": _pairs,
        "fuzz": _fuzz,
        "server": _server,
        "line": _line,
    }
    return modules[way].run


if __name__ == "__main__":
    sys.exit(main())
