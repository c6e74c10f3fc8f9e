"""Exports: asked for by owners, made in the background by whatever process has time."""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import threading
import zipfile
from contextlib import suppress
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from pydantic import AwareDatetime, Field
from sqlalchemy import delete, func, insert, or_, select, update

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    Cancelled,
    ExistsError,
    InvalidValueError,
    NotFoundError,
    StoreAccessError,
)
from napari_annotate_jobs.files import accessing, locked
from napari_annotate_jobs.model import Value, now

from ._audit import record
from ._schema import accounts, chores, exports, projects

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import ColumnElement, Connection, RowMapping

    from napari_annotate_jobs.formats import CaseTransform, Exporter
    from napari_annotate_jobs.model import LabelSet

    from ._permits import Permit
    from ._service import Service

__all__ = [
    "ExportForm",
    "ExportRow",
    "ExportState",
    "Exports",
    "ask_for_export",
    "do_exports",
    "find_export",
    "forget_exports",
    "list_exports",
    "read_export",
    "remove_export",
]

_LOG = logging.getLogger("napari_annotate_jobs.server")
_KIND = "export "
_TAKEN = timedelta(seconds=60)
"""Who makes one and is not heard of for so long has lost it to another process."""
_HEARD = 15.0
"""Seconds between two signs of life."""
_LOOK = 5.0
_KEPT = timedelta(days=30)
_MOST = 20
"""Exports of one project that wait or are made at a time."""
_FAILURES = 3
"""So often what may pass by itself is tried again."""

ShortText = Field(max_length=200)


class ExportState(StrEnum):
    """How far an export is."""

    WAITING = "waiting"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


class ExportForm(Value):
    """What is to be exported, and how; as the options of the command line.

    Parameters
    ----------
    format : str
        As ``nifti``.
    only : str
        ``passed``, ``finished`` or ``all``.
    people, cases, labels : tuple of str
        Whose annotations, which cases (ids or names), which labels (names or ids);
        empty for all.
    convert : tuple of str
        As ``masks-to-classes``.
    combine : str
        The name of combined classes that are kept with the job; empty for none.
    priority : tuple of str
        Which label wins where masks overlap, the first one first.
    options : dict of str to str
        Choices of the format.
    anonymous : bool
        DICOM files carry the name of the case in place of patient and study.
    """

    format: str = Field(max_length=40)
    only: Literal["passed", "finished", "all"] = "finished"
    people: tuple[str, ...] = Field(default=(), max_length=1000)
    cases: tuple[str, ...] = Field(default=(), max_length=100_000)
    labels: tuple[str, ...] = Field(default=(), max_length=10_000)
    convert: tuple[str, ...] = Field(default=(), max_length=10)
    combine: str = Field(default="", max_length=80)
    priority: tuple[str, ...] = Field(default=(), max_length=10_000)
    options: dict[str, str] = Field(default={}, max_length=100)
    anonymous: bool = False

    def transforms(
        self, labels: LabelSet, combinations: dict[str, str] | Any
    ) -> list[CaseTransform]:
        """Return what becomes of the labels."""
        from napari_annotate_jobs.formats import parse_combination, wanted_transforms

        found = wanted_transforms(labels, self.labels, self.convert)
        if self.combine:
            if self.combine not in combinations:
                raise NotFoundError(
                    f"there are no combined classes {self.combine!r}",
                    remedy="Keep them with the job first",
                )
            text = combinations[self.combine]
            found.append(parse_combination(text, where=self.combine))
        return found

    def exporter(self, labels: LabelSet) -> Exporter:
        """Return what writes the files, for labels after the transforms."""
        from napari_annotate_jobs.formats import (
            exporter,
            wanted_options,
            wanted_priority,
        )

        choices = wanted_options(self.format, self.options, anonymous=self.anonymous)
        priority = wanted_priority(labels, self.priority)
        return exporter(self.format, choices, priority=priority)


class ExportRow(Value):
    """How far an export is.

    Parameters
    ----------
    id : str
        Names it.
    form : ExportForm
        What was asked for.
    person : str
        Who asked.
    state : ExportState
        How far it is.
    done, total : int
        Cases.
    problem : str
        Why there is none.
    asked, ended : datetime
        When; `ended` is None until then.
    size : int
        Bytes of the file.
    """

    id: str
    form: ExportForm
    person: str
    state: ExportState
    done: int = 0
    total: int = 0
    problem: str = ""
    asked: AwareDatetime
    ended: AwareDatetime | None = None
    size: int = 0


# ------------------------------------------------------------------------- asking
def ask_for_export(
    connection: Connection, permit: Permit, form: ExportForm
) -> ExportRow:
    """Have an export made.

    Raises
    ------
    RoleError
        Unless an owner asks.
    InvalidValueError, LookupError, MissingExtraError
        If it is known already that it cannot be made.
    """
    from ._listing import combinations_of

    permit.require_owner()
    labels = permit.job.project.label_set
    for transform in form.transforms(labels, combinations_of(connection, permit)):
        labels = transform.labels(labels)
    form.exporter(labels)
    under_way = connection.scalar(
        select(func.count())
        .select_from(exports)
        .where(
            exports.c.project_id == permit.id,
            exports.c.state.in_((ExportState.WAITING, ExportState.RUNNING)),
        )
    )
    if int(under_way or 0) >= _MOST:
        raise InvalidValueError(
            f"{_MOST} exports of this job are under way",
            where=permit.job.name,
            remedy="Wait until they are done, or remove one",
        )
    key = secrets.token_hex(8)
    connection.execute(
        insert(exports).values(
            key=key,
            project_id=permit.id,
            account_id=permit.account.id,
            form=form.model_dump_json(),
            state=ExportState.WAITING.value,
            asked=now(),
        )
    )
    connection.execute(insert(chores).values(kind=_KIND + key, due=now()))
    record(connection, permit.id, permit.account.name, "export", f"{key} {form.format}")
    return find_export(connection, permit, key)


def _rows(connection: Connection, permit: Permit, key: str | None) -> list[ExportRow]:
    permit.require_owner()
    query = (
        select(exports, accounts.c.name)
        .join(accounts, accounts.c.id == exports.c.account_id)
        .where(exports.c.project_id == permit.id)
        .order_by(exports.c.id.desc())
    )
    if key is not None:
        query = query.where(exports.c.key == key)
    return [
        ExportRow(
            id=row["key"],
            form=ExportForm.model_validate_json(row["form"]),
            person=row["name"],
            state=row["state"],
            done=row["done"],
            total=row["total"],
            problem=row["problem"],
            asked=row["asked"],
            ended=row["ended"],
            size=row["size"],
        )
        for row in connection.execute(query).mappings()
    ]


def list_exports(connection: Connection, permit: Permit) -> list[ExportRow]:
    """Return the exports of a project, the last one first; for its owners."""
    return _rows(connection, permit, None)


def find_export(connection: Connection, permit: Permit, key: str) -> ExportRow:
    """Return one of them.

    Raises
    ------
    NotFoundError
        If there is none of this id.
    """
    found = _rows(connection, permit, key)
    if not found:
        raise NotFoundError(
            f"there is no export {key!r}", remedy="Look at the list of exports again"
        )
    return found[0]


def remove_export(
    connection: Connection, permit: Permit, key: str, service: Service
) -> None:
    """Take an export away; one that is being made is stopped."""
    find_export(connection, permit, key)
    _drop(connection, service, key)
    record(connection, permit.id, permit.account.name, "remove export", key)


def _drop(connection: Connection, service: Service, key: str) -> None:
    connection.execute(delete(chores).where(chores.c.kind == _KIND + key))
    connection.execute(delete(exports).where(exports.c.key == key))
    service.shelf.drop(_name(key))


def forget_exports(connection: Connection, service: Service) -> int:
    """Take exports away that have been there for long; return how many."""
    old = select(exports.c.key).where(exports.c.ended <= now() - _KEPT)
    keys = list(connection.scalars(old))
    for key in keys:
        _drop(connection, service, key)
    return len(keys)


def _name(key: str) -> str:
    return f"exports/{key}.zip"


def read_export(service: Service, key: str, start: int, stop: int) -> bytes:
    """Return bytes of the file of an export that is ready."""
    return service.shelf.read_part(_name(key), start, stop)


# ------------------------------------------------------------------------- making
def do_exports(service: Service) -> list[str]:
    """Make exports until none is left to be made; return their ids."""
    done: list[str] = []
    while not service.stopping.is_set():
        taken = _take(service, but=done)
        if taken is None:
            break
        done.append(taken.key)
        taken.make()
    return done


def _take(service: Service, but: list[str]) -> _Taken | None:
    """Take an export that nobody makes, or whose maker is not heard of any more."""
    with service.database.writing() as connection:
        time, mark = now(), secrets.token_hex(8)
        free = (
            select(chores.c.id, chores.c.kind, chores.c.payload)
            .where(
                chores.c.kind.startswith(_KIND),
                chores.c.kind.not_in([_KIND + key for key in but]),
                chores.c.due <= time,
                or_(chores.c.taken_until.is_(None), chores.c.taken_until <= time),
            )
            .order_by(chores.c.id)
            .limit(1)
        )
        row = connection.execute(free.with_for_update(skip_locked=True)).first()
        if row is None:
            return None
        key = str(row[1]).removeprefix(_KIND)
        wanted = (
            connection.execute(
                select(
                    exports.c.form,
                    projects.c.key.label("job"),
                    accounts.c.name.label("person"),
                )
                .join(projects, projects.c.id == exports.c.project_id)
                .join(accounts, accounts.c.id == exports.c.account_id)
                .where(exports.c.key == key)
            )
            .mappings()
            .one()
        )
        failures = int(json.loads(row[2]).get("failures", 0))
        payload = json.dumps({"mark": mark, "failures": failures})
        connection.execute(
            update(chores)
            .where(chores.c.id == row[0])
            .values(taken_until=time + _TAKEN, payload=payload)
        )
        connection.execute(
            update(exports)
            .where(exports.c.key == key)
            .values(state=ExportState.RUNNING.value)
        )
    return _Taken(service, int(row[0]), key, payload, failures, wanted)


class _Taken:
    """An export that this process makes, as long as it gives signs of life."""

    def __init__(
        self,
        service: Service,
        number: int,
        key: str,
        payload: str,
        failures: int,
        wanted: RowMapping,
    ) -> None:
        self.key = key
        self._service, self._number, self._payload = service, number, payload
        self._failures = failures
        self._form = ExportForm.model_validate_json(wanted["form"])
        self._job, self._person = wanted["job"], wanted["person"]
        self._folder = service.settings.home / "exports"
        self._done = self._total = 0
        self._lost, self._over = threading.Event(), threading.Event()

    def make(self) -> None:
        """Make it, or say why it cannot be made."""
        sign = threading.Thread(target=self._live, name="export", daemon=True)
        sign.start()
        try:
            with accessing(self._folder, "made"):
                self._folder.mkdir(mode=0o700, exist_ok=True)
            # A process that was stopped for long, and has lost it, may still write.
            with locked(self._folder / f"{self.key}.lock", 1.0):
                size = self._write()
            self._end(ExportState.READY, size=size)
        except Cancelled:
            self._give_back()
        except StoreAccessError as error:
            if self._failures + 1 < _FAILURES:
                self._give_back(failed=True)
            else:
                self._end(ExportState.FAILED, problem=_told(error))
        except AnnotateJobsError as error:
            self._end(ExportState.FAILED, problem=_told(error))
        except Exception:
            _LOG.exception("an export failed")
            problem = "the server could not do it; its log says more"
            self._end(ExportState.FAILED, problem=problem)
        finally:
            self._over.set()
            sign.join()

    def _write(self) -> int:
        """Write the files, and put them where every process finds them."""
        from napari_annotate_jobs.formats import export

        from ._project_source import ProjectSource

        form = self._form
        source = ProjectSource(
            self._service,
            self._person,
            self._job,
            people=form.people,
            cases=form.cases,
            only=form.only,
        )
        labels = source.job.project.label_set
        transforms = form.transforms(labels, source.combinations())
        for transform in transforms:
            labels = transform.labels(labels)
        out = self._folder / self.key
        with suppress(ExistsError):  # written before, and not packed
            export(
                source,
                form.exporter(labels),
                out,
                transforms=transforms,
                workers=1,
                progress=self._progress,
                cancelled=self._is_to_stop,
            )
        packed = self._folder / f"{self.key}.zip"
        with accessing(packed, "written"):
            size = _pack(out, packed, self._is_to_stop)
            self._service.shelf.put_file(_name(self.key), packed)
        return size

    def _progress(self, done: int, total: int, name: str) -> None:
        self._done, self._total = done, total
        self._sign()

    def _is_to_stop(self) -> bool:
        return self._lost.is_set() or self._service.stopping.is_set()

    def _live(self) -> None:
        while not self._over.wait(_HEARD):
            with suppress(AnnotateJobsError):  # then perhaps the next time
                self._sign()

    @property
    def _mine(self) -> ColumnElement[bool]:
        """Holds of the chore as long as no other process has taken it."""
        return (chores.c.id == self._number) & (chores.c.payload == self._payload)

    def _sign(self) -> None:
        """Give a sign of life, and see whether it is still this process's."""
        with self._service.database.writing() as connection:
            found = connection.execute(
                update(chores).where(self._mine).values(taken_until=now() + _TAKEN)
            )
            if not found.rowcount:
                self._lost.set()
                return
            connection.execute(
                update(exports)
                .where(exports.c.key == self.key)
                .values(done=self._done, total=self._total)
            )

    def _give_back(self, *, failed: bool = False) -> None:
        """Let another process, or this one at its next start, go on with it."""
        waits = timedelta(seconds=30) if failed else timedelta()
        with self._service.database.writing() as connection:
            found = connection.execute(
                update(chores)
                .where(self._mine)
                .values(
                    taken_until=None,
                    due=now() + waits,
                    payload=json.dumps({"failures": self._failures + failed}),
                )
            )
            if found.rowcount:
                connection.execute(
                    update(exports)
                    .where(exports.c.key == self.key)
                    .values(state=ExportState.WAITING.value)
                )
        if not found.rowcount:
            self._tidy(self._is_removed())

    def _is_removed(self) -> bool:
        with self._service.database.reading() as connection:
            here = select(exports.c.id).where(exports.c.key == self.key)
            return connection.scalar(here) is None

    def _end(self, state: ExportState, *, size: int = 0, problem: str = "") -> None:
        with self._service.database.writing() as connection:
            ended = connection.execute(delete(chores).where(self._mine)).rowcount
            if ended:
                connection.execute(
                    update(exports)
                    .where(exports.c.key == self.key)
                    .values(
                        state=state.value,
                        size=size,
                        problem=problem[:2000],
                        ended=now(),
                        done=self._done,
                        total=self._total,
                    )
                )
        if not ended and self._is_removed():
            self._service.shelf.drop(_name(self.key))
        self._tidy(bool(ended) or self._is_removed())

    def _tidy(self, over: bool) -> None:
        """Remove what was written here, if nobody goes on with it."""
        if not over:
            return
        with suppress(OSError):
            for path in self._folder.glob(f"*{self.key}*"):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)


def _told(error: AnnotateJobsError) -> str:
    """Return what is told of an error: not where things lie on the server."""
    remedy = f". {error.remedy}" if error.remedy else ""
    return f"{error.what}{remedy}"


def _pack(folder: Path, target: Path, is_to_stop: Callable[[], bool]) -> int:
    """Put a folder into one file; return its bytes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for path in sorted(folder.rglob("*")):
            if is_to_stop():
                raise Cancelled("the export was stopped")
            if path.is_file():
                packed.write(path, path.relative_to(folder).as_posix())
    return os.path.getsize(target)


class Exports(threading.Thread):
    """Makes exports until the server stops.

    Parameters
    ----------
    service : Service
        The server's parts.
    """

    def __init__(self, service: Service) -> None:
        super().__init__(name="exports", daemon=True)
        self._service = service

    def run(self) -> None:
        """Look for exports now and then, and at once when one is asked for here."""
        service = self._service
        while not service.stopping.is_set():
            service.asked.clear()
            try:
                do_exports(service)
            except AnnotateJobsError as error:
                _LOG.warning("exports have to wait: %s", error)
            except Exception:
                _LOG.exception("an export failed")
            service.asked.wait(_LOOK)
