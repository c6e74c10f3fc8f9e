"""Runs the command line with ``python -m napari_annotate_jobs.cli``."""

from __future__ import annotations

import sys

from ._main import main

if __name__ == "__main__":
    sys.exit(main())
