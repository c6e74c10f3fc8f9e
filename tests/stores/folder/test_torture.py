"""A short part of scripts/torture: nothing acknowledged is lost, nothing half done."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "_torture"

# How many rounds, and what must have come of them, lest nothing was tried.
SHORT = {
    "kill": (20, {"kills": 20, "saves": 60, "submissions": 8, "returns": 8}),
    "power": (60, {"states": 60, "calls": 200}),
    "errors": (40, {"errors": 40, "places": 80}),
    "pairs": (40, {"meetings": 40, "places": 150}),
    "fuzz": (40, {"files": 40}),
    # How far a round gets before it is killed is up to the machine.
    "server": (3, {"kills": 3, "saves": 1}),
    "line": (4, {"schedules": 4, "pass": 40}),
}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no forks, nor SIGKILL")
@pytest.mark.parametrize("way", SHORT)
def test_nothing_is_lost(way):
    rounds, least = SHORT[way]
    command = [sys.executable, SCRIPT, way, "--seed", "1", "--rounds", str(rounds)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    found = json.loads(run.stdout)
    assert found["wrong"] == 0
    for name, number in least.items():
        assert found[name] >= number
