"""Annotations from elsewhere, brought into the cases of a job."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from napari_annotate_jobs.editing import Mode
from napari_annotate_jobs.editing._editor import CaseEditor
from napari_annotate_jobs.editing._enter_incoming import (
    EnterAs,
    Entered,
    Source,
    check_mode,
    enter_incoming,
)
from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    Cancelled,
    InvalidValueError,
    NotFoundError,
    StoreAccessError,
    TransitionError,
)
from napari_annotate_jobs.formats import (
    CaseFinder,
    NamePattern,
    fit_incoming,
    name_labels,
    unique_stem,
    with_negatives,
)
from napari_annotate_jobs.model import (
    AnnotationChange,
    Provenance,
    Verb,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from napari_annotate_jobs.formats import FoundCase, ImportFormat, Incoming
    from napari_annotate_jobs.imaging import SeriesHeader
    from napari_annotate_jobs.model import Case
    from napari_annotate_jobs.stores import JobStore

    Progress = Callable[[int, int, str], None]

__all__ = [
    "CaseOutcome",
    "ImportReport",
    "Importing",
    "import_annotations",
]


@dataclass(frozen=True, kw_only=True)
class CaseOutcome:
    """What became of one case.

    Parameters
    ----------
    case_id, name : str
        The case.
    counts : Entered
        What came in.
    notes : tuple of str
        What people should know.
    error : AnnotateJobsError, optional
        Why nothing came in.
    """

    case_id: str
    name: str
    counts: Entered = field(default_factory=Entered)
    notes: tuple[str, ...] = ()
    error: AnnotateJobsError | None = None


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """What became of an import.

    Parameters
    ----------
    cases : tuple of CaseOutcome
        The cases that something was found for, in the job's order.
    unmatched : tuple of str
        Files, or images in them, that belong to no case.
    broken : tuple of AnnotateJobsError
        Files that cannot be read.
    done_before : int
        Cases passed over, for an earlier run had done them.
    """

    cases: tuple[CaseOutcome, ...]
    unmatched: tuple[str, ...] = ()
    broken: tuple[AnnotateJobsError, ...] = ()
    done_before: int = 0

    @property
    def counts(self) -> Entered:
        """What came in, of all cases."""
        return sum((outcome.counts for outcome in self.cases), Entered())

    @property
    def failed(self) -> tuple[CaseOutcome, ...]:
        """The cases that nothing came into, with the reason."""
        return tuple(outcome for outcome in self.cases if outcome.error is not None)


@dataclass(frozen=True, kw_only=True)
class Importing:
    """How annotations come in.

    Parameters
    ----------
    row : ImportFormat
        The format.
    mapping : mapping of str to str
        Names of labels by name or number in the files, see
        :func:`~napari_annotate_jobs.formats.parse_map`.
    enter_as : EnterAs
        As part of the draft, or as proposals.
    mode : Mode
        What becomes of slices that hold something.
    model : str
        Name and version of the model that made them; empty if no model did, or if
        the files say it.
    resample : bool
        Whether masks on another grid may be resampled.
    preview : bool
        Whether nothing is saved.
    empty_is_nothing : bool
        Whether a slice of a label volume without any label is one with nothing to
        label; else nothing is said of it.
    is_open : callable, optional
        Asked for a case's id before it gets anything: True where somebody works on
        it here, whose edits must not meet what comes in.

    Raises
    ------
    InvalidValueError
        If proposals are to replace what is confirmed, or negatives are to be
        proposals, or the files do not say of which slices they tell.
    """

    row: ImportFormat
    mapping: Mapping[str, str] = field(default_factory=dict)
    enter_as: EnterAs = EnterAs.DRAFT
    mode: Mode = Mode.KEEP
    model: str = ""
    resample: bool = False
    preview: bool = False
    empty_is_nothing: bool = False
    is_open: Callable[[str], bool] | None = None

    def __post_init__(self) -> None:
        check_mode(self.enter_as, self.mode)
        if not self.empty_is_nothing:
            return
        if not self.row.whole:
            raise InvalidValueError(
                f"{self.row.title} does not tell which slices were looked at",
                remedy="Mark slices with nothing to label in the files, or leave "
                "empty ones undecided",
            )
        if self.enter_as is EnterAs.PROPOSALS:
            raise InvalidValueError(
                "that there is nothing to label cannot be a proposal",
                remedy="Import onto the draft, or leave empty slices undecided",
            )

    def source(self, incoming: Sequence[Incoming]) -> Source:
        """Return how what comes in came about."""
        if self.model:
            return Source(Provenance.PREDICTED, self.model)
        titles = dict.fromkeys(each.title for each in incoming)
        predicted = all(each.provenance is Provenance.PREDICTED for each in incoming)
        return Source(
            Provenance.PREDICTED if predicted else Provenance.IMPORTED,
            ", ".join(titles),
        )

    def into(
        self,
        store: JobStore,
        job_id: str,
        case: Case,
        read: Callable[[SeriesHeader], Iterable[Incoming]],
    ) -> CaseOutcome:
        """Bring what files say of a case into this person's draft of it.

        It is saved as a whole or not at all. What went wrong is told in the outcome.

        Parameters
        ----------
        store : JobStore
            Where the job is.
        job_id : str
            The job.
        case : Case
            The case.
        read : callable
            Gives what files say of it.
        """
        try:
            counts, notes = self._enter(store, job_id, case, read)
        except Cancelled:
            raise
        except AnnotateJobsError as error:
            return CaseOutcome(case_id=case.id, name=case.name, error=error)
        return CaseOutcome(
            case_id=case.id, name=case.name, counts=counts, notes=tuple(notes)
        )

    def check_open(self, case: Case) -> None:
        """Raise TransitionError if somebody works on a case here."""
        if not self.preview and self.is_open is not None and self.is_open(case.id):
            raise TransitionError(
                "the case is open, and nothing comes in while you work on it",
                remedy="Go to another case, and start it again",
            )

    def _enter(
        self,
        store: JobStore,
        job_id: str,
        case: Case,
        read: Callable[[SeriesHeader], Iterable[Incoming]],
    ) -> tuple[Entered, dict[str, None]]:
        job = store.job(job_id)
        project = job.project
        header = store.images.open_series(job_id, case.id).header
        notes: dict[str, None] = {}
        found = []
        incoming = list(read(header))
        for each in incoming:
            named = name_labels(each, project.label_set, self.mapping)
            fitted = fit_incoming(each, header, resample=self.resample)
            if self.empty_is_nothing:
                fitted = with_negatives(fitted)
            found.append((fitted, named))
            notes |= dict.fromkeys((*fitted.notes, *named.notes))
        # Only now: to make what is read may have taken a program minutes.
        self.check_open(case)
        draft = store.load(job_id, case.id)
        draft.check(Verb.SAVE, job=job, person=store.person, where=case.name)
        change = AnnotationChange()
        blobs: dict[str, bytes] = {}

        def collect(later: AnnotationChange, new: Mapping[str, bytes]) -> None:
            nonlocal change
            change = change.then(later)
            blobs.update(new)

        editor = CaseEditor(
            draft.annotation,
            header.slices,
            project,
            person=store.person,
            read_blob=lambda digest: store.read_blob(job_id, case.id, digest),
            on_change=collect,
        )
        counts = enter_incoming(
            editor,
            found,
            self.source(incoming),
            enter_as=self.enter_as,
            mode=self.mode,
        )
        if not self.preview and not change.is_empty:
            warnings = [warning.text for warning in header.warnings]
            count = len(header.slices)
            store.note_case(job_id, case.id, n_slices=count, warnings=warnings)
            base = draft.annotation.revision
            naming = draft.annotation.naming([each.key for each in header.slices])
            change = naming.then(change)
            store.save(job_id, case.id, change, blobs, base=base)
        return counts, notes


def import_annotations(
    store: JobStore,
    job_id: str,
    path: str | os.PathLike[str],
    how: Importing,
    *,
    match: str | None = None,
    cases: Sequence[str] = (),
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ImportReport:
    """Bring annotations from files into the cases of a job.

    Each case is saved by itself: where one cannot take what was found for it, the
    report says why, and the others go on.

    Parameters
    ----------
    store : JobStore
        Where the job is; its person's drafts are written.
    job_id : str
        The job.
    path : path-like
        A file, or a folder of them.
    how : Importing
        How they come in.
    match : str, optional
        A pattern of the files' paths, see
        :class:`~napari_annotate_jobs.formats.NamePattern`.
    cases : sequence of str
        Ids or names of the cases that may get something; all by default.
    progress : callable, optional
        Called with (done, in all, name of file or case).
    cancelled : callable, optional
        Asked between cases.

    Returns
    -------
    ImportReport

    Raises
    ------
    NotFoundError
        If there are no files of the format, or no such case.
    InvalidValueError
        If `match` is no pattern.
    Cancelled
        If `cancelled` returned True; cases done until then keep what came in.
    """
    root = Path(path)
    pattern = None if match is None else NamePattern(match)
    files = how.row.files(root)
    chosen = chosen_cases(store, job_id, cases)
    finder = CaseFinder(
        chosen,
        _names(chosen, store.person),
        lambda case: _header(store, job_id, case),
        row=how.row,
        root=root,
        pattern=pattern,
    )
    found = _Found(how.row, finder)
    for number, file in enumerate(files):
        found.look(file)
        if progress is not None:
            progress(number + 1, len(files), file.name)
    outcomes = []
    wanted = [case for case in chosen if case.id in found.parts]
    for number, case in enumerate(wanted):
        if cancelled is not None and cancelled():
            raise Cancelled("the import was stopped", where=root)
        read = found.parts.pop(case.id)

        def give(header: SeriesHeader, read: list[_Part] = read) -> Iterator[Incoming]:
            for part in read:
                yield from part.give(how.row, header)

        outcomes.append(how.into(store, job_id, case, give))
        if progress is not None:
            progress(number + 1, len(wanted), case.name)
    return ImportReport(
        cases=tuple(outcomes),
        unmatched=tuple(found.unmatched),
        broken=tuple(found.broken),
    )


def chosen_cases(
    store: JobStore, job_id: str, wanted: Sequence[str] = ()
) -> list[Case]:
    """Return the cases of a job, or those of them that are named.

    Raises
    ------
    NotFoundError
        If there is no case of a name.
    """
    found: list[Case] = []
    missing = set(wanted)
    for row in store.every_case(job_id):
        names = {row.case.id, row.case.name}
        if not wanted or names.intersection(wanted):
            found.append(row.case)
            missing -= names
    if missing:
        raise NotFoundError(
            f"there is no case {sorted(missing)[0]!r}",
            where=store.job(job_id).name,
            remedy="Name cases as the job's page lists them",
        )
    return found


def read_file(
    row: ImportFormat, path: Path, header: SeriesHeader | None = None
) -> list[Incoming]:
    """Read a file, with an error that says where whatever goes wrong."""
    try:
        return row.read(path, header)
    except AnnotateJobsError:
        raise
    except OSError as error:
        raise StoreAccessError(
            f"it cannot be read ({error.strerror or error})", where=path
        ) from error


def _names(cases: Sequence[Case], person: str) -> dict[str, str]:
    """Return the names that exported files have: the ids of their cases."""
    taken: set[str] = set()
    names = {}
    for case in cases:
        stem = unique_stem(case.name, taken)
        names[stem] = case.id
        names[unique_stem(f"{case.name}-{person}", set())] = case.id
        plain = "".join(letter for letter in stem if letter.isalnum())
        names.setdefault(plain, case.id)  # as BIDS has it
    return names


def _header(store: JobStore, job_id: str, case: Case) -> SeriesHeader | None:
    try:
        return store.images.open_series(job_id, case.id).header
    except AnnotateJobsError:
        return None  # told when it is opened for what was found


@dataclass(frozen=True)
class _Part:
    """What is to be read for a case: a file, or what was read already."""

    path: Path
    found: FoundCase
    held: Incoming | None = None

    def give(self, row: ImportFormat, header: SeriesHeader) -> Iterator[Incoming]:
        for each in (
            read_file(row, self.path, header) if self.held is None else [self.held]
        ):
            yield self.found.told(each)


class _Found:
    """The files, by the cases they belong to."""

    def __init__(self, row: ImportFormat, finder: CaseFinder) -> None:
        self._row, self._finder = row, finder
        self.parts: dict[str, list[_Part]] = defaultdict(list)
        self.unmatched: list[str] = []
        self.broken: list[AnnotateJobsError] = []

    def look(self, path: Path) -> None:
        """Find out whose a file is; it is read now only where its name tells not."""
        found = self._finder.before_reading(path)
        if found is not None:
            self._add(found, path)
            return
        if self._row.by_name or self._row.needs_images:
            self.unmatched.append(path.name)
            return
        try:
            everything = read_file(self._row, path)
        except AnnotateJobsError as error:
            self.broken.append(error)
            return
        for each in everything:
            found = self._finder.find(each)
            if found is None:
                self.unmatched.append(each.image or each.path.name)
            else:
                # One file of a case is read again in its turn, not kept until then.
                alone = len(everything) == 1
                self._add(found, path, None if alone else each)

    def _add(self, found: FoundCase, path: Path, held: Incoming | None = None) -> None:
        self.parts[found.case_id].append(_Part(path, found, held))
