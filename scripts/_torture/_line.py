"""Two windows save and submit over a line that drops, delays, repeats and cuts off."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from _report import Report
from _server import JOB, set_up

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from napari_annotate_jobs.stores.http import HttpStore


def run(scratch: Path, *, seed: int, rounds: int) -> Report:
    """Go through one schedule a round; each has a seed of its own."""
    from napari_annotate_jobs.server import ServerSettings, create_app, open_service
    from napari_annotate_jobs.stores.http import HttpStore, ImageCache
    from napari_annotate_jobs.testing._schedules import run_schedule
    from napari_annotate_jobs.testing._serving import InProcess

    report = Report("line", "schedules")
    settings = ServerSettings(scratch / "line-server")
    token = set_up(settings, rounds)
    with open_service(settings) as service:
        transport = InProcess(create_app(service, chores=False))

        def open_store(carry: Callable[[], httpx.BaseTransport]) -> HttpStore:
            cache = ImageCache(scratch / "line-cache" / "images")
            address = "http://in.process"
            return HttpStore(address, token=token, cache=cache, transport=carry)

        for number in range(rounds):
            bad = []
            try:
                met = run_schedule(
                    seed * 100_000 + number,
                    service=service,
                    transport=transport,
                    open_store=open_store,
                    folder=scratch / "line-unsaved" / str(number),
                    job=JOB,
                    case=f"case-{number}",
                )
                for way, count in met.items():
                    report.facts[way] = report.facts.get(way, 0) + count
            except Exception as error:
                last = traceback.extract_tb(error.__traceback__)[-1]
                bad.append(f"{type(error).__name__}: {error} ({last.lineno})")
            report.tried(bad, f"schedule {seed * 100_000 + number}")
        transport.stop()
    return report
