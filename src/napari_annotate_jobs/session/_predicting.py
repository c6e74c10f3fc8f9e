"""A person's own predictor, run case by case; its results enter as proposals."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import (
    MALFORMED,
    Cancelled,
    InvalidValueError,
    NotFoundError,
    TransitionError,
)
from napari_annotate_jobs.formats import (
    NamePattern,
    one_label,
    unique_stem,
    write_image,
)
from napari_annotate_jobs.model import Status

from ._importing import CaseOutcome, ImportReport, chosen_cases, read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from napari_annotate_jobs.formats import Incoming
    from napari_annotate_jobs.imaging import SeriesHeader
    from napari_annotate_jobs.model import Case
    from napari_annotate_jobs.stores import JobStore

    from ._importing import Importing, Progress

__all__ = ["Command", "propose_by_command"]

PLACES = ("{image}", "{out}", "{image_folder}", "{out_folder}")
TAIL = 600
"""Characters told of what a command that failed has printed."""


@dataclass(frozen=True)
class Command:
    """A command that makes a file of labels from an image.

    Parameters
    ----------
    text : str
        As typed, with ``{image}`` or ``{image_folder}`` and ``{out}`` or
        ``{out_folder}``. No shell reads it.
    timeout : float, optional
        Seconds a case may take.

    Raises
    ------
    InvalidValueError
        If a placeholder is missing, or quotes do not match.
    """

    text: str
    timeout: float | None = None

    def __post_init__(self) -> None:
        for places in (PLACES[::2], PLACES[1::2]):
            if not any(place in self.text for place in places):
                raise InvalidValueError(
                    f"the command says nowhere {' or '.join(places)}",
                    where=self.text,
                    remedy='Write it as "mymodel {image} {out}"',
                )
        self.arguments({})

    def arguments(self, places: dict[str, str]) -> list[str]:
        """Return program and arguments with files in place of the placeholders."""
        try:
            parts = shlex.split(self.text, posix=os.name != "nt")
        except ValueError as error:
            raise InvalidValueError(
                f"the command cannot be read ({error})",
                where=self.text,
                remedy="Close the quotes",
            ) from error
        for name, value in places.items():
            parts = [part.replace(name, value) for part in parts]
        return parts

    @property
    def program(self) -> str:
        """The program's name."""
        return Path(self.arguments({})[0]).name

    def run(
        self, places: dict[str, str], cancelled: Callable[[], bool] | None = None
    ) -> None:
        """Run it, and wait for its end.

        Raises
        ------
        NotFoundError
            If there is no such program.
        TransitionError
            If it fails, or takes too long; tells the end of what it printed.
        Cancelled
            If `cancelled` returned True; the program is ended.
        """
        arguments = self.arguments(places)
        with tempfile.TemporaryFile() as log:
            try:
                process = subprocess.Popen(
                    arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=os.name != "nt",
                )
            except OSError as error:
                raise NotFoundError(
                    f"the program cannot be started ({error.strerror or error})",
                    where=arguments[0],
                    remedy="Write its whole path, or install it",
                ) from error
            try:
                code = self._wait(process, cancelled)
            except BaseException:
                _end(process)
                raise
            if code == 0:
                return
            log.seek(max(0, log.seek(0, os.SEEK_END) - TAIL))
            tail = log.read().decode("utf-8", "replace").strip()
        what = "took too long and was ended" if code is None else f"ended with {code}"
        raise TransitionError(
            f"the program {what}" + (f"; the last it said: {tail}" if tail else ""),
            where=self.program,
            remedy="Give it more time (--timeout)" if code is None else None,
        )

    def _wait(
        self, process: subprocess.Popen[bytes], cancelled: Callable[[], bool] | None
    ) -> int | None:
        """Return the exit code; None if it took too long and was ended."""
        end = None if self.timeout is None else time.monotonic() + self.timeout
        while True:
            left = 0.2 if end is None else min(0.2, max(0.0, end - time.monotonic()))
            with suppress(subprocess.TimeoutExpired):
                return process.wait(left)
            if cancelled is not None and cancelled():
                raise Cancelled("the predictions were stopped", where=self.program)
            if end is not None and time.monotonic() >= end:
                _end(process)
                return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program with all that it started."""
    with suppress(OSError):
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def propose_by_command(
    store: JobStore,
    job_id: str,
    command: Command,
    how: Importing,
    *,
    notes: Path | None = None,
    match: str | None = None,
    cases: Sequence[str] = (),
    again: bool = False,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ImportReport:
    """Run a predictor on the cases of a job and enter what it makes as proposals.

    Of each case that is not submitted the reference series is written as NIfTI into a
    temporary folder, the command is run, what it wrote is read. Cases done are noted:
    started again in the same way, only the others are done.

    Parameters
    ----------
    store : JobStore
        Where the job is.
    job_id : str
        The job.
    command : Command
        The predictor.
    how : Importing
        How its results come in.
    notes : Path, optional
        Folder for the notes of what is done; one of the user's own by default.
    match : str, optional
        A pattern of the files it writes, as ``{label}.nii.gz``.
    cases : sequence of str
        Ids or names; all by default.
    again : bool
        Whether cases done before are done again.
    progress : callable, optional
        Called with (done, in all, name of the case).
    cancelled : callable, optional
        Asked all the time.

    Returns
    -------
    ImportReport
        Tells of each case that failed why; the others go on.

    Raises
    ------
    NotFoundError
        If there is no such program.
    Cancelled
        If `cancelled` returned True; what was done until then stays.
    """
    pattern = None if match is None else NamePattern(match, needs_case=False)
    program = command.arguments({})[0]
    if shutil.which(program) is None:
        raise NotFoundError(
            "there is no such program",
            where=program,
            remedy="Write its whole path, or install it",
        )
    if notes is None:
        from platformdirs import user_state_dir

        notes = Path(user_state_dir("napari-annotate-jobs")) / "proposed"
    journal = _Notes(notes, store, job_id, command, how)
    chosen = [
        case
        for case in chosen_cases(store, job_id, cases)
        if store.case(job_id, case.id).status is not Status.FINISHED
    ]
    left = [case for case in chosen if again or case.id not in journal.done]
    run = _Run(store, job_id, command, how, pattern, cancelled)
    outcomes: list[CaseOutcome] = []
    waiting, number = deque(left), 0
    postponed: set[str] = set()
    while waiting:
        case = waiting.popleft()
        if how.is_open is not None and how.is_open(case.id):
            if case.id not in postponed:  # its turn comes again at the end
                postponed.add(case.id)
                waiting.append(case)
                continue
        if progress is not None:
            progress(number, len(left), case.name)
        outcome = run.case(case)
        outcomes.append(outcome)
        if outcome.error is None and not how.preview:
            journal.add(case.id)
        number += 1
        if progress is not None:
            progress(number, len(left), case.name)
    return ImportReport(cases=tuple(outcomes), done_before=len(chosen) - len(left))


@dataclass(frozen=True)
class _Run:
    store: JobStore
    job_id: str
    command: Command
    how: Importing
    pattern: NamePattern | None
    cancelled: Callable[[], bool] | None

    def case(self, case: Case) -> CaseOutcome:
        """Do one case."""
        with tempfile.TemporaryDirectory(prefix="annotate-jobs-predict-") as folder:
            return self.how.into(
                self.store,
                self.job_id,
                case,
                lambda header: self._predict(case, Path(folder)),
            )

    def _predict(self, case: Case, folder: Path) -> Iterator[Incoming]:
        self.how.check_open(case)
        images, out = folder / "images", folder / "out"
        images.mkdir()
        out.mkdir()
        stem = unique_stem(case.name, set())
        series = self.store.images.open_series(self.job_id, case.id)
        try:
            image, *_ = write_image(series, images / f"{stem}_0000.nii.gz")
        except OSError as error:
            raise TransitionError(
                f"the image cannot be written ({error.strerror or error})",
                where=images,
                remedy="Free some space in the temporary folder",
            ) from error
        ending = self.how.row.endings[0] if self.how.row.endings else ""
        target = out / f"{stem}{ending}"
        values = (image, target, images, out)
        places = dict(zip(PLACES, map(str, values), strict=True))
        self.command.run(places, self.cancelled)
        header = series.header
        if target.exists() and self.pattern is None:
            yield from read_file(self.how.row, target, header)
            return
        yield from self._written(out, header)

    def _written(self, out: Path, header: SeriesHeader) -> Iterator[Incoming]:
        try:
            files = self.how.row.files(out)
        except NotFoundError as error:
            raise TransitionError(
                f"the program wrote no file of {self.how.row.title}",
                where=self.command.program,
                remedy="It must write {out}, or files into {out_folder}",
            ) from error
        for file in files:
            label = None
            if self.pattern is not None:
                found = self.pattern.match(file.relative_to(out).as_posix())
                if found is None:
                    continue
                label = found[1]
            for each in read_file(self.how.row, file, header):
                yield each if label is None else one_label(each, label)


class _Notes:
    """The cases that are done, in a file on this computer."""

    def __init__(
        self, folder: Path, store: JobStore, job_id: str, command: Command, how: Any
    ) -> None:
        key = [store.location, job_id, store.person, command.text, how.model]
        name = hashlib.sha256("\0".join(key).encode()).hexdigest()[:32]
        self._path = folder / f"{name}.json"
        self.done: list[str] = []
        with suppress(OSError, *MALFORMED):
            self.done = [str(x) for x in json.loads(self._path.read_text())["done"]]

    def add(self, case_id: str) -> None:
        """Note a case; where that cannot be kept, it is only done once more."""
        if case_id not in self.done:
            self.done.append(case_id)
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            aside = self._path.with_suffix(f".{os.getpid()}.tmp")
            aside.write_text(json.dumps({"done": self.done}))
            aside.replace(self._path)
