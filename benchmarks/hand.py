"""What the hand feels: the next case, a slice step, the brush, the end of a stroke.

The peer is napari in a process of its own with one image and one Labels layer, both in
memory, and nothing of ours; the two take turns. The next case of ours is read from its
files, and all is done that goes with it; the peer takes its two layers out and puts two
others in. Both end when the new picture is on the screen. Of a stroke the moves of the
brush and its release are told apart. What ours does of a stroke when its end is on the
screen (encode it, list it, save it) has a row of its own, in seconds of processors: all
that is done in the fifth of a second from the release.

``processors`` is the ratio of the time of all processors, reading and saving included:
where others work on the machine, it says more than that of the clock.
"""

from __future__ import annotations

import gc
import itertools
import resource
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import napari
import numpy as np
from _bench import report
from _jobs import masks_job, write_nifti
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QEventLoop, QPoint, QPointF, QSize, Qt, QTimer
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from napari_annotate_jobs.app._canvas import canvas_of
from napari_annotate_jobs.app._docks import show_my_jobs
from napari_annotate_jobs.testing._drive import Driver

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

CASES, SLICES, REPEATS = 60, 16, 9
MOVES = 20


def go_on() -> None:
    """Let the interface do what there is to do, else sleep, as it does in use."""
    QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)


class Screen:
    """Waits for pictures of a canvas."""

    def __init__(self, canvas: QWidget) -> None:
        self.canvas = canvas
        self.pictures = 0
        self.latest = now()
        canvas.frameSwapped.connect(self._count)
        # Whoever sleeps is woken, whatever happens.
        self._pulse = QTimer()
        self._pulse.start(50)

    def _count(self) -> None:
        self.pictures += 1
        self.latest = now()

    def wait(self, before: int) -> None:
        """Go on until there is another picture."""
        end = time.monotonic() + 20
        while self.pictures == before:
            if time.monotonic() > end:
                raise TimeoutError("nothing was drawn")
            go_on()


class Ours:
    """The plugin with all its docks."""

    def __init__(self, folder: Path) -> None:
        self.viewer = napari.Viewer()
        self.viewer.window.resize(1280, 800)
        self.driver = Driver(show_my_jobs(self.viewer, str(folder)))
        self.driver.activate()
        self.driver.open_job(folder.name)
        self.driver.annotate()
        self.screen = Screen(self.driver.canvas)
        self.size = self.driver.canvas.size()
        self.strokes = itertools.count()
        self._way = itertools.cycle([1] * (CASES - 1) + [-1] * (CASES - 1))

    def close(self) -> None:
        """Close the window."""
        self.driver.station.close()
        self.viewer.close()

    def next_case(self) -> None:
        """Go to the case beside this one."""
        open_job, before = self.driver.current_job, self.screen.pictures
        open_job.actions.go_case(next(self._way))
        while open_job.session.is_moving or not open_job.on_screen.is_there:
            go_on()
        self.screen.wait(before)

    def rest(self) -> None:
        """Let all come to an end."""
        self.driver.settle()

    def take_brush(self) -> None:
        """Be about to paint."""
        if self.driver.session.label is None:
            self.driver.press_label("organ")
        self.rest()

    def to(self, index: int) -> None:
        """Show a slice."""
        self.viewer.dims.set_current_step(0, index)


class Peer:
    """napari alone, with two layers."""

    def __init__(self, size: QSize) -> None:
        self.viewer = napari.Viewer()
        self.viewer.window.resize(1280, 800)
        rng = np.random.default_rng(0)
        shape = (SLICES, 512, 512)
        arrays = [rng.integers(-200, 400, shape, dtype=np.int16) for _ in range(4)]
        self._arrays = itertools.cycle(arrays)
        self.size = size
        self.strokes = itertools.count()
        self.canvas = canvas_of(self.viewer.window._qt_window)
        self.canvas.setFixedSize(size)
        self.screen = Screen(self.canvas)
        self.viewer.window.activate()
        self.next_case()
        self.rest()

    def close(self) -> None:
        """Close the window."""
        self.viewer.close()

    def next_case(self) -> None:
        """Take the layers out, and put others in."""
        before, image = self.screen.pictures, next(self._arrays)
        self.viewer.layers.clear()
        scale = (2.0, 0.8, 0.8)
        self.viewer.add_image(image, scale=scale, contrast_limits=(-160, 240))
        self.viewer.add_labels(np.zeros(image.shape, np.uint16), scale=scale)
        self.screen.wait(before)

    def take_brush(self) -> None:
        """Be about to paint."""
        labels = self.viewer.layers[-1]
        labels.selected_label, labels.brush_size, labels.mode = 1, 10, "paint"

    def rest(self) -> None:
        """Let all come to an end."""
        QTest.qWait(100)

    def to(self, index: int) -> None:
        """Show a slice."""
        self.viewer.dims.set_current_step(0, index)


Seconds = NDArray[np.float64]
"""Of the clock, and of all processors."""


def now() -> Seconds:
    """Return both."""
    return np.array([time.perf_counter(), time.process_time()])


def timed(side: Ours | Peer, do: Callable[[], object]) -> Seconds:
    """Return the seconds of something that does not wait for a picture itself."""
    start, before = now(), side.screen.pictures
    do()
    side.screen.wait(before)
    return now() - start


def mouse(canvas: QWidget, kind: str, place: QPoint) -> None:
    """Send an event of the mouse to a canvas."""
    types = {
        "press": (QEvent.Type.MouseButtonPress, Qt.MouseButton.LeftButton),
        "move": (QEvent.Type.MouseMove, Qt.MouseButton.NoButton),
        "release": (QEvent.Type.MouseButtonRelease, Qt.MouseButton.LeftButton),
    }
    event, button = types[kind]
    held = Qt.MouseButton.NoButton if kind == "release" else Qt.MouseButton.LeftButton
    at = QPointF(place)
    everywhere = QPointF(canvas.mapToGlobal(place))
    modifiers = Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(
        canvas, QMouseEvent(event, at, everywhere, button, held, modifiers)
    )


def stroke(side: Ours | Peer, number: int) -> tuple[Seconds, Seconds, Seconds]:
    """Return the seconds of a move of the brush, of its release, and with the rest."""
    canvas = side.screen.canvas
    x, y = canvas.width() // 2 - 60, canvas.height() // 2 - 60 + 12 * (number % 10)
    mouse(canvas, "press", QPoint(x, y))
    QApplication.processEvents()
    moves = [
        timed(side, lambda step=step: mouse(canvas, "move", QPoint(x + 5 * step, y)))
        for step in range(1, MOVES)
    ]
    start, before = now(), side.screen.pictures
    # Where the last move led: a mouse tells of a move before a button goes up.
    mouse(canvas, "release", QPoint(x + 5 * (MOVES - 1), y))
    while side.screen.pictures == before and (now() - start)[0] < 1:
        go_on()
    drawn = side.screen.pictures > before
    end = (side.screen.latest if drawn else now()) - start
    QTest.qWait(200)
    return np.median(moves, axis=0), end, np.repeat((now() - start)[1], 2)


def step(side: Ours | Peer) -> Seconds:
    """Return the seconds of a slice step."""
    side.to(4)
    side.rest()
    taken = [timed(side, lambda at=at: side.to(at)) for at in (5, 6, 7, 8, 9, 8, 7, 6)]
    return np.median(taken, axis=0)


def case(side: Ours | Peer) -> Seconds:
    """Return the seconds of going to another case."""
    start = now()
    side.next_case()
    return now() - start


def strokes(side: Ours | Peer) -> tuple[Seconds, Seconds, Seconds]:
    """Return the seconds of a move of the brush and of the end of a stroke, twice."""
    side.take_brush()
    return stroke(side, next(side.strokes))


def memory(side: Ours | Peer) -> tuple[float, float]:
    """Return the most bytes after ten cases, and after fifty more."""
    found = []
    for cases in (10, 50):
        for _ in range(cases):
            side.next_case()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found.append(peak * (1 if sys.platform == "darwin" else 1024))
    return found[0], found[1]


DOES = {"case": case, "step": step, "strokes": strokes, "memory": memory}


def work(wire: Connection, folder: Path, which: str) -> None:
    """Be one side, and do what is asked for, until nothing is."""
    paths = sorted(folder.glob("case-*.nii"))
    side = Ours(masks_job(folder, paths)) if which == "ours" else Peer(wire.recv())
    wire.send(side.size)
    while (what := wire.recv()) is not None:
        gc.collect()
        answer = DOES[what](side)
        side.rest()
        wire.send(answer)
    side.close()


def ask(wire: Connection, what: str) -> Any:
    """Have a side do something."""
    wire.send(what)
    return wire.recv()


def main() -> None:
    context = get_context("spawn")  # two canvases of one process disturb one another
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(CASES):
            path = folder / f"case-{number:02d}.nii"
            if number < 4:
                write_nifti(path, (SLICES, 512, 512))
            else:
                path.symlink_to(folder / f"case-{number % 4:02d}.nii")
        sides, processes, size = [], [], None
        for which in ("ours", "peer"):
            here, there = context.Pipe()
            process = context.Process(target=work, args=(there, folder, which))
            process.start()
            if which == "peer":
                here.send(size)
            size = here.recv()
            sides.append(here)
            processes.append(process)
        taken: dict[str, list[list[Seconds]]] = {}
        for what in ("case", "step", "strokes"):
            for run in range(-1, REPEATS):
                for place, side in enumerate(sides):
                    answer = ask(side, what)
                    figures = answer if isinstance(answer, tuple) else (answer,)
                    for part, figure in enumerate(figures):
                        both = taken.setdefault(f"{what}{part}", [[], []])
                        if run >= 0:
                            both[place].append(figure)
        for key, (row, goal) in ROWS.items():
            ours, peer = (np.median(figures, axis=0) for figures in taken[key])
            processors = float(f"{ours[1] / peer[1]:.3g}")
            report(
                f"hand: {row}",
                *(float(side[0]) for side in (ours, peer)),
                unit="s",
                goal=goal,
                processors=processors,
            )
        ten, sixty = ask(sides[0], "memory")
        report("hand: memory after 60 cases", sixty, ten, unit="bytes", goal=1.02)
        for side in sides:
            side.send(None)
        for process in processes:
            process.join()


ROWS = {
    "case0": ("the next case", 1.0),
    "step0": ("a slice step", 1.1),
    "strokes0": ("a move of the brush", 1.1),
    "strokes1": ("the end of a stroke", 1.1),
    "strokes2": ("the end of a stroke and what follows, processors", None),
}


if __name__ == "__main__":
    main()
