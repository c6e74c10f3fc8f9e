"""Label Studio as a peer: started from an environment of its own, masks saved to it."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["LabelStudio", "label_studio", "label_studio_rate"]

_PATIENCE = 900.0
"""Seconds until it answers for the first time: it makes its tables."""
_TAG = "liver"
_CONFIG = (
    '<View><Image name="image" value="$image"/>'
    f'<BrushLabels name="tag" toName="image"><Label value="{_TAG}"/></BrushLabels>'
    "</View>"
)
# In its own environment: its run lengths are made by its own converter.
_ENCODE = """
import json, sys
import numpy as np
from label_studio_sdk.converter.brush import mask2rle
masks = np.load(sys.argv[1])
print(json.dumps([[int(n) for n in mask2rle(mask)] for mask in masks]))
"""


class LabelStudio:
    """One that runs.

    Parameters
    ----------
    program : Path
        ``label-studio`` of an environment of its own.
    address : str
        Where it listens.
    token : str
        Of its only person.
    process : psutil.Process
        Its process.
    """

    def __init__(
        self, program: Path, address: str, token: str, process: psutil.Process
    ) -> None:
        self.address, self.process = address, process
        self.headers = {"Authorization": f"Token {token}"}
        self._python = program.with_name("python")

    def processors(self) -> float:
        """Return the seconds of processors that it has taken."""
        every = (self.process, *self.process.children(recursive=True))
        return sum(sum(each.cpu_times()[:2]) for each in every)

    def run_lengths(self, masks: NDArray[np.integer], folder: Path) -> list[list[int]]:
        """Return masks as its editor sends them."""
        import numpy

        numpy.save(folder / "masks.npy", (masks > 0).astype(numpy.uint8) * 255)
        command = [self._python, "-c", _ENCODE, folder / "masks.npy"]
        told = subprocess.run(command, check=True, capture_output=True, text=True)
        found: list[list[int]] = json.loads(told.stdout.splitlines()[-1])
        return found


@contextmanager
def label_studio(program: Path, folder: Path) -> Iterator[LabelStudio]:
    """Run it as its documentation says: on SQLite, with a person and a token."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    token = secrets.token_hex(20)
    command = [program, "start", "--no-browser", "--internal-host", "127.0.0.1"]
    command += ["--port", str(port), "--username", "owner@example.org"]
    command += ["--password", secrets.token_hex(8), "--user-token", token]
    # Nothing is sent to its makers.
    own = {
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder),
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "LOG_LEVEL": "WARNING",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=os.environ | own, stdout=log, stderr=log
        )
    try:
        address, end = f"http://127.0.0.1:{port}", time.monotonic() + _PATIENCE
        while True:
            try:
                httpx.get(f"{address}/health", timeout=10).raise_for_status()
                break
            except httpx.HTTPError:
                if process.poll() is not None or time.monotonic() > end:
                    told = (folder / "log").read_text(errors="replace")[-2000:]
                    raise SystemExit(f"Label Studio did not start: {told}") from None
                time.sleep(0.5)
        yield LabelStudio(Path(program), address, token, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(30)


async def label_studio_rate(
    peer: LabelStudio, run_lengths: list[list[int]], side: int, n: int, seconds: float
) -> float:
    """Return how many masks a second `n` clients save there, without a pause.

    Each saves an annotation of a task of its own again and again, one request each.
    """
    async with httpx.AsyncClient(
        base_url=peer.address, headers=peer.headers, timeout=120
    ) as client:

        async def ask(method: str, path: str, body: Any) -> Any:
            answer = await client.request(method, path, json=body)
            answer.raise_for_status()
            return answer.json()

        form = {"title": "bench", "label_config": _CONFIG}
        project = (await ask("POST", "/api/projects", form))["id"]
        path = f"/api/projects/{project}/import?return_task_ids=true"
        tasks = [{"data": {"image": "/none.png"}}] * n
        ids = (await ask("POST", path, tasks))["task_ids"]
        begun = [
            await ask("POST", f"/api/tasks/{task}/annotations/", {"result": []})
            for task in ids
        ]
        done, start = 0, time.perf_counter()

        async def works(annotation: int) -> None:
            nonlocal done
            turn = 0
            while time.perf_counter() - start < seconds:
                turn += 1
                mask = {
                    "id": "mask",
                    "from_name": "tag",
                    "to_name": "image",
                    "type": "brushlabels",
                    "original_width": side,
                    "original_height": side,
                    "image_rotation": 0,
                    "value": {
                        "format": "rle",
                        "rle": run_lengths[turn % len(run_lengths)],
                        "brushlabels": [_TAG],
                    },
                }
                path = f"/api/annotations/{annotation}/"
                await ask("PATCH", path, {"result": [mask]})
                done += 1

        await asyncio.gather(*(works(each["id"]) for each in begun))
        return done / (time.perf_counter() - start)
