"""Two windows save and submit over a line that drops, delays, repeats and cuts off.

The server is a process of its own, that gets SIGKILL in the middle of a request, and is
started again.
"""

from __future__ import annotations

import random
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
from _report import Report
from _server import JOB, ended, free_port, kill_later, serve, set_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from napari_annotate_jobs.stores.http import HttpStore

KILLS = 2
"""So often the server is killed in one schedule at most: it takes long to start."""
STEPS = 10
"""What is done in one schedule; each step is several requests."""


class Mortal(httpx.BaseTransport):
    """Leads to a server that is killed, and started again.

    Parameters
    ----------
    settings : ServerSettings
        How it is set up.
    app : FastAPI
        The application; each process serves a copy of it.
    """

    def __init__(self, settings: Any, app: Any) -> None:
        self._settings, self._port, self._app = settings, free_port(), app
        self.address = f"http://127.0.0.1:{self._port}"
        self.kills = self.left = 0
        self.chance = random.Random()
        self._inner = httpx.HTTPTransport()
        self._process = serve(settings, self._port, app)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer, whole: lines do with it what they want."""
        answer = self._inner.handle_request(request)
        try:
            body = answer.read()
        finally:
            answer.close()
        return httpx.Response(answer.status_code, headers=answer.headers, content=body)

    def close(self) -> None:
        """Do nothing: clients come and go, see :meth:`stop`."""

    @contextmanager
    def dying(self) -> Iterator[None]:
        """Kill the server at some moment of what is asked meanwhile, or just after."""
        if not self.left:
            yield
            return
        self.left -= 1
        self.kills += 1
        killer = kill_later(self._process, self.chance.uniform(0, 0.02))
        try:
            yield
        finally:
            ended(killer)
            ended(self._process)
            self._inner.close()
            self._inner = httpx.HTTPTransport()
            self._process = serve(self._settings, self._port, self._app)

    def stop(self) -> None:
        """Kill it for good."""
        ended(kill_later(self._process, 0))
        ended(self._process)
        self._inner.close()


def run(scratch: Path, *, seed: int, rounds: int) -> Report:
    """Go through one schedule a round; each has a seed of its own."""
    from napari_annotate_jobs.server import (
        ServerSettings,
        broken_links,
        create_app,
        open_service,
    )
    from napari_annotate_jobs.stores.http import HttpStore, ImageCache
    from napari_annotate_jobs.testing._schedules import run_schedule

    report = Report("line", "schedules")
    settings = ServerSettings(scratch / "line-server")
    token = set_up(settings, rounds)
    with open_service(settings) as service:
        app = create_app(service, chores=False)
    mortal = Mortal(settings, app)

    def open_store(carry: Callable[[], httpx.BaseTransport]) -> HttpStore:
        cache = ImageCache(scratch / "line-cache" / "images")
        return HttpStore(mortal.address, token=token, cache=cache, transport=carry)

    try:
        with open_service(settings) as service:
            for number in range(rounds):
                # No process that is forked has a connection of this one.
                service.database.close()
                name = seed * 100_000 + number
                mortal.chance, mortal.left = random.Random(name), KILLS
                bad = []
                try:
                    met = run_schedule(
                        name,
                        service=service,
                        transport=mortal,
                        open_store=open_store,
                        folder=scratch / "line-unsaved" / str(number),
                        job=JOB,
                        case=f"case-{number}",
                        steps=STEPS,
                        dying=mortal.dying,
                    )
                    for way, count in met.items():
                        report.facts[way] = report.facts.get(way, 0) + count
                except Exception as error:
                    last = traceback.extract_tb(error.__traceback__)[-1]
                    bad.append(f"{type(error).__name__}: {error} ({last.lineno})")
                report.facts["kills"] = mortal.kills
                report.tried(bad, f"schedule {name}")
            with service.database.reading() as connection:
                if list(broken_links(connection)):
                    bad = ["the record of who did what is broken"]
                    report.tried(bad, "at the end")
    finally:
        mortal.stop()
    return report
