"""Walks with a job server: an owner, two annotators in napari, a reviewer, and a cut.

    scripts/walk_server [DIR]            on SQLite and a folder
    scripts/walk_server --cloud [DIR]    two servers on PostgreSQL and S3

Pictures, the server's folder and what came out go to DIR, a new or empty folder; a
temporary one by default. The exit code is 0 if every stroke is read back as drawn.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from napari_annotate_jobs.demo import run_headless_server
from napari_annotate_jobs.testing._backends import Unavailable, object_store, postgres


def main() -> int:
    """Run from the command line."""
    text = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(prog="scripts/walk_server", description=text[0])
    parser.add_argument("folder", nargs="?", metavar="DIR")
    parser.add_argument("--cloud", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.folder
        if folder is None:
            made = tempfile.TemporaryDirectory(prefix="annotate-jobs-walk-")
            folder = Path(stack.enter_context(made)) / "walk"
        if not options.cloud:
            return run_headless_server(folder)
        try:
            database = stack.enter_context(postgres())
            blobs, environment = stack.enter_context(object_store())
        except Unavailable as error:
            print(error, file=sys.stderr)
            return 2
        os.environ.update(environment)
        return run_headless_server(folder, database=database, blobs=blobs, servers=2)


if __name__ == "__main__":
    sys.exit(main())
