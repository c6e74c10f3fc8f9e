"""Exporting: planned, written aside, read again, and only then put in place."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import (
    MALFORMED,
    AnnotateJobsError,
    Cancelled,
    ExistsError,
    InvalidValueError,
    MissingExtraError,
    StoreAccessError,
    access_words,
)

from ._case import CaseSummary
from ._combine import ClassCount, count_classes
from ._contract import CaseFiles, ExportJob
from ._manifest import (
    about_export,
    counts,
    digest_of,
    manifest,
    overlaps_on,
    reviewed,
    slice_rows,
    write_slice_table,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ._contract import CaseSource, CaseTransform, Exporter

    Progress = Callable[[int, int, str], None]

__all__ = ["MANIFEST", "ExportReport", "export", "plan_export"]

MANIFEST = "export.json"
"""Digests, counts and versions, beside what was exported."""
PERIOD = 0.2
"""Seconds between two looks whether to stop."""
STARTING = 6.0
"""Seconds of work that are not worth starting other processes for.

Each of them loads everything anew, which takes two to four.
"""
SLICES = "decisions.csv"
"""The decision of every slice, for formats that cannot tell them apart."""


@dataclass(frozen=True, kw_only=True)
class ExportReport:
    """What came of an export.

    Parameters
    ----------
    folder : Path
        Where it is.
    cases : int
        How many cases were written.
    resumed : int
        How many of them an earlier, interrupted export had written.
    manifest : dict
        What stands in ``export.json``.
    classes : tuple of ClassCount
        How much there is of each class that the format holds.
    """

    folder: Path
    cases: int
    resumed: int
    manifest: dict[str, Any] = field(repr=False)
    classes: tuple[ClassCount, ...] = ()


@dataclass(frozen=True)
class _Task:
    """One case to be written, wherever that is done."""

    source: CaseSource
    exporter: Exporter
    transforms: tuple[CaseTransform, ...]
    summary: CaseSummary
    folder: Path

    def run(self) -> dict[str, Any]:
        """Write the case, prove it, and say what was written."""
        case = self.source.open(self.summary)
        for transform in self.transforms:
            case = transform.case(case)
        with _telling(self.folder):
            written = self.exporter.write_case(case, self.folder)
            self.exporter.verify_case(case, self.folder, written)
        return {
            "files": {name: digest_of(self.folder / name) for name in written.files},
            "part": dict(written.part),
            "notes": list(written.notes),
            "slices": slice_rows(case),
            "counts": counts(case),
            "review": reviewed(self.summary),
        }


def plan_export(
    source: CaseSource,
    exporter: Exporter,
    transforms: Sequence[CaseTransform] = (),
    *,
    cancelled: Callable[[], bool] | None = None,
) -> ExportJob:
    """Look through what is to be exported; writes nothing and opens few images.

    Raises
    ------
    InvalidValueError
        If there is nothing to export.
    Cancelled
        If `cancelled`, asked for every case, returned True.
    """
    labels = source.job.project.label_set
    for transform in transforms:
        labels = transform.labels(labels)
    cases = []
    for summary in source.summaries():
        _stop_if(cancelled, source.job.name)
        cases.append(summary)
    if not cases:
        raise InvalidValueError(
            "there is nothing to export",
            where=source.job.name,
            remedy="Submit cases first, or choose to export drafts too",
        )
    overlaps = []
    for summary in cases:
        _stop_if(cancelled, source.job.name)
        several = [
            said
            for said in summary.annotation.slices.values()
            if len(said.masks) > 1 and not said.excluded
        ]
        if several and not exporter.keeps_overlap and not exporter.priority:
            case = source.open(summary)
            for transform in transforms:
                case = transform.case(case)
            if any(overlaps_on(case, index) for index in range(case.n_slices)):
                overlaps.append(str(summary))
    return ExportJob(
        job=source.job, labels=labels, cases=tuple(cases), overlaps=tuple(overlaps)
    )


def export(
    source: CaseSource,
    exporter: Exporter,
    out: str | os.PathLike[str],
    *,
    transforms: Sequence[CaseTransform] = (),
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ExportReport:
    """Export annotated cases.

    Everything is written to a folder beside `out`, each case is read again and
    compared, and the folder is put in place when all is well. An export that was
    interrupted goes on where it was when it is started again in the same way.

    Parameters
    ----------
    source : CaseSource
        What to export.
    exporter : Exporter
        The format; see :func:`exporter`.
    out : path-like
        A folder that is not there yet, or is empty.
    transforms : sequence of CaseTransform
        Combining and converting, in this order.
    workers : int, optional
        Processes; by default one a core where that is quicker. 1 works in this
        process, which the main thread does beside other processes too.
    scheduler : str, optional
        Address of a ``dask.distributed`` scheduler whose workers see the same paths.
    progress : callable, optional
        Called with (cases done, cases in all, name of the case).
    cancelled : callable, optional
        Asked often; what is being written then is finished or left, and nothing
        else is begun.

    Returns
    -------
    ExportReport

    Raises
    ------
    InvalidValueError
        If the format cannot hold it, or there is nothing to export: before anything
        is written.
    ExistsError
        If there is something at `out`.
    Cancelled
        If `cancelled` returned True.
    CorruptError
        If what was written is not what is read again.
    """
    out = Path(os.path.abspath(os.path.expanduser(out)))
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ExistsError(
            "there is something already",
            where=out,
            remedy="Choose another folder for the export, or move that one away",
        )
    plan = plan_export(source, exporter, transforms, cancelled=cancelled)
    if reasons := exporter.is_incompatible(plan):
        raise InvalidValueError("; ".join(reasons), where=source.job.name)
    exporter = exporter.prepared(plan, source)
    about = about_export(plan, exporter, transforms)
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:12]
    staging = out.with_name(f".{out.name}.{key}.partial")
    notes = staging / ".cases"
    with _telling(staging):
        notes.mkdir(parents=True, exist_ok=True)
    tasks = [_Task(source, exporter, tuple(transforms), s, staging) for s in plan.cases]
    done = {n for n, task in enumerate(tasks) if _is_written(notes, task)}
    resumed = len(done)
    left = [number for number in range(len(tasks)) if number not in done]
    running = _run(tasks, left, workers, scheduler, cancelled)
    try:
        for number, result in running:
            _note(notes, tasks[number], result)
            done.add(number)
            if progress is not None:
                progress(len(done), len(tasks), str(tasks[number].summary))
            _stop_if(cancelled, out)
        _stop_if(cancelled, out)
        results = _Results(notes, tasks)
        with _telling(staging):
            written = _Written(results, plan.cases)
            shared = list(exporter.finish(plan, staging, written))
            exporter.verify(plan, staging, written)
            write_slice_table(staging / SLICES, results)
            found = manifest(about, results, staging, [*shared, SLICES])
            text = json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True)
            (staging / MANIFEST).write_text(text + "\n", encoding="utf-8")
            shutil.rmtree(notes)
            _sync_tree(staging)
            if out.exists():
                out.rmdir()
            staging.replace(out)
    except BaseException:
        running.close()  # type: ignore[attr-defined]
        if scheduler is None:  # there, others may still be writing
            _tidy(staging, [_note_of(notes, tasks[number]) for number in done])
        raise
    classes = count_classes(
        plan.cases, source.job.project.label_set, transforms, exporter.methods
    )
    return ExportReport(
        folder=out,
        cases=len(tasks),
        resumed=resumed,
        manifest=found,
        classes=tuple(classes),
    )


def _tidy(staging: Path, kept: Sequence[Path]) -> None:
    """Remove what is half written; cases that are whole stay, to go on from."""
    with suppress(OSError, ValueError, KeyError):
        whole = set(kept)
        for note in kept:
            files = json.loads(note.read_text("utf-8"))["result"]["files"]
            whole.update(staging / name for name in files)
        for path in sorted(staging.rglob("*"), reverse=True):
            if path.is_dir():
                with suppress(OSError):  # there is something in it
                    path.rmdir()
            elif path not in whole:
                path.unlink()
        with suppress(OSError):
            staging.rmdir()


# ------------------------------------------------------------------------ the work
def _stop_if(cancelled: Callable[[], bool] | None, where: object) -> None:
    if cancelled is not None and cancelled():
        raise Cancelled(
            "the export was stopped",
            where=where,
            remedy="Start it again in the same way to go on where it was",
        )


def _run(
    tasks: Sequence[_Task],
    left: Sequence[int],
    workers: int | None,
    scheduler: str | None,
    cancelled: Callable[[], bool] | None,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give the results of tasks as they come; no more of them once it is cancelled."""
    if scheduler is not None:
        yield from _run_on_cluster(tasks, left, scheduler)
        return
    count = min(workers or os.cpu_count() or 1, len(left))
    if count <= 1:
        for number in left:
            yield number, tasks[number].run()
        return
    # Where somebody waits for it this process works too: others take seconds to start.
    helping = threading.current_thread() is threading.main_thread()
    waiting = iter(left)
    if helping and workers is None:
        begun, least = 0, math.inf
        for number in islice(waiting, 3):  # the first one loads what it needs, too
            start = time.monotonic(), time.process_time()
            result = tasks[number].run()
            waited, worked = time.monotonic() - start[0], time.process_time() - start[1]
            # A machine that is busy with something else is slow at starting, too.
            least = min(least, max(worked, waited / 4))
            yield number, result
            begun += 1
            if least > STARTING or least * (len(left) - begun) < STARTING:
                break
        if least * (len(left) - begun) < STARTING:
            for number in waiting:
                yield number, tasks[number].run()
            return
    # Spawned: threads of Qt and of readers do not survive a fork.
    others = get_context("spawn")
    with ProcessPoolExecutor(count - helping, mp_context=others) as pool:
        futures: dict[Future[dict[str, Any]], int] = {}
        # Few at a time: a program that ends waits for all that it was given.
        most = 2 * (count - helping)
        try:
            while True:
                for number in islice(waiting, most - len(futures)):
                    futures[pool.submit(tasks[number].run)] = number
                if not futures or (cancelled is not None and cancelled()):
                    return
                own = _own_share(waiting, futures) if helping else None
                if own is not None:
                    yield own, tasks[own].run()
                done, _ = wait(futures, PERIOD if own is None else 0, FIRST_COMPLETED)
                for future in done:
                    yield futures.pop(future), _result_of(future)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _own_share(
    waiting: Iterator[int], futures: dict[Future[dict[str, Any]], int]
) -> int | None:
    """Return what to do here: what nobody was given, or what nobody has begun."""
    number = next(waiting, None)
    if number is not None:
        return number
    for future in reversed(futures):
        if future.cancel():
            return futures.pop(future)
    return None


def _result_of(future: Future[dict[str, Any]]) -> dict[str, Any]:
    """Return what another process wrote.

    Raises
    ------
    StoreAccessError
        If that process ended.
    """
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise StoreAccessError(
            "a process that exported cases ended before it was done",
            remedy="Free some memory, or export with one process (workers=1, "
            "--workers 1); it goes on where it was. A script of your own that exports "
            'with several must do so below if __name__ == "__main__":',
        ) from error


def _run_on_cluster(
    tasks: Sequence[_Task], left: Sequence[int], scheduler: str
) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        from distributed import Client
        from distributed import as_completed as as_they_come
    except ImportError as error:
        raise MissingExtraError(
            "distributed", extra="cluster", purpose="an export on a cluster"
        ) from error
    with Client(scheduler, timeout="20s") as client:
        futures = {client.submit(tasks[n].run, pure=False): n for n in left}
        try:
            for future in as_they_come(futures):
                yield futures[future], future.result()
        finally:
            client.cancel(list(futures))


def _note_of(notes: Path, task: _Task) -> Path:
    return notes / f"{task.summary.stem}.json"


def _read_note(notes: Path, task: _Task) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_note_of(notes, task).read_text("utf-8"))
    return found


def _stand_of(task: _Task) -> list[str]:
    """Return what was written: the same again need not be."""
    return [task.summary.digest, task.summary.flags]


def _is_written(notes: Path, task: _Task) -> bool:
    """Return True if a case was written before, and is there as it was written."""
    try:
        note = _read_note(notes, task)
        files: dict[str, str] = note["result"]["files"]
        same = all(digest_of(task.folder / name) == d for name, d in files.items())
        return bool(note["of"] == _stand_of(task) and same)
    except (OSError, *MALFORMED):
        return False


class _Results(Sequence[dict[str, Any]]):
    """What was written of each case, read from the disk whenever it is asked for."""

    def __init__(self, notes: Path, tasks: Sequence[_Task]) -> None:
        self._notes, self._tasks = notes, tasks

    def __len__(self) -> int:
        return len(self._tasks)

    def __getitem__(self, number: Any) -> Any:
        result = _read_note(self._notes, self._tasks[number])["result"]
        return result


class _Written(Sequence[tuple[CaseSummary, CaseFiles]]):
    """The same, as an exporter is given it."""

    def __init__(self, results: _Results, cases: Sequence[CaseSummary]) -> None:
        self._results, self._cases = results, cases

    def __len__(self) -> int:
        return len(self._cases)

    def __getitem__(self, number: Any) -> Any:
        result = self._results[number]
        files = CaseFiles(
            files=tuple(result["files"]),
            part=result["part"],
            notes=tuple(result["notes"]),
        )
        return self._cases[number], files


def _note(notes: Path, task: _Task, result: dict[str, Any]) -> None:
    path = _note_of(notes, task)
    aside = path.with_suffix(".tmp")
    with _telling(aside):
        text = json.dumps({"of": _stand_of(task), "result": result})
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)


@contextmanager
def _telling(where: Path) -> Iterator[None]:
    """Say of an OSError what is wrong, where, and that nothing half-done is left."""
    try:
        yield
    except AnnotateJobsError:
        raise
    except OSError as error:
        raise StoreAccessError(
            f"the export cannot be written ({error.strerror or type(error).__name__})",
            where=error.filename or where,
            remedy=f"{access_words(error).remedy}, or choose another place; started "
            "again in the same way it goes on where it was",
        ) from error


def _sync_tree(folder: Path) -> None:
    """Bring every file to the disk before the folder gets its name."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
