"""What is chosen in the Propagate panel, and what follows from it; no Qt."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from napari_annotate_jobs.editing import (
    Cell,
    Mode,
    Propagation,
    after,
    plan_propagation,
    target_slices,
)
from napari_annotate_jobs.model import Decision, RangeAction
from napari_annotate_jobs.widgets.strip._ranges import slices_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_annotate_jobs.editing import CaseEditor

__all__ = ["Choice", "Preview", "preview_of", "preview_text"]


ROOM = 24
"""So many letters are listed of what is lost."""


@dataclass(frozen=True)
class Choice:
    """What is to be applied where.

    Parameters
    ----------
    n : int
        Number of slices of the series.
    origin : int
        The slice it goes out from.
    start, stop : int
        First and last slice of the range, both included.
    action : RangeAction
        What is applied.
    lift : bool
        It is taken away instead.
    labels : tuple of int
        Label ids, for labels.
    every : int
        Only every so many slices, counted from the origin.
    until : bool
        The range ends before the next labelled slice.
    mode : Mode
        What becomes of slices that hold something.
    """

    n: int
    origin: int
    start: int
    stop: int
    action: RangeAction = RangeAction.CLASS_LABELS
    lift: bool = False
    labels: tuple[int, ...] = ()
    every: int = 1
    until: bool = False
    mode: Mode = Mode.KEEP

    @property
    def needs_labels(self) -> bool:
        """True if labels are applied, but none is chosen."""
        return self.action is RangeAction.CLASS_LABELS and not self.labels

    def over(self, start: int, stop: int) -> Choice:
        """Return the choice for another range; its ends are kept in the series."""
        low, high = sorted((start, stop))
        last = self.n - 1
        return replace(self, start=min(max(low, 0), last), stop=min(max(high, 0), last))

    def targets(self, labelled: Iterable[int]) -> tuple[int, ...]:
        """Return the slices it reaches, ascending.

        Parameters
        ----------
        labelled : iterable of int
            The labelled slices; the next of them end the range if `until`.
        """
        centre = min(max(self.origin, self.start), self.stop)
        found = target_slices(
            self.n,
            centre,
            "both",
            stop=(self.start, self.stop),
            every=self.every,
            until=labelled if self.until else None,
        )
        return tuple(int(index) for index in found)


@dataclass(frozen=True)
class Preview:
    """What a choice would do.

    Parameters
    ----------
    targets : tuple of int
        The slices it reaches.
    counts : dict of Mode to int
        How many slices change under each mode.
    cleared : dict of Mode to int
        How many of them lose something.
    occupied : int
        How many hold something else already.
    changed : tuple of Cell
        The slices that change, as they will look.
    lost : dict of Mode to tuple of str
        What they lose: names of labels, Nothing to Label, Excluded.
    """

    targets: tuple[int, ...]
    counts: dict[Mode, int]
    cleared: dict[Mode, int]
    occupied: int
    changed: tuple[Cell, ...]
    lost: dict[Mode, tuple[str, ...]] = field(default_factory=dict)

    def loss(self, mode: Mode) -> str:
        """Say how many slices lose what; empty if none does."""
        n, names = self.cleared[mode], self.lost.get(mode, ())
        if not n:
            return ""
        what = ", ".join(names)
        if not what or len(what) > ROOM:
            what = "what it held" if n == 1 else "what they held"
        return f"{n} lose{'s' if n == 1 else ''} {what}"


def propagation_of(choice: Choice, targets: tuple[int, ...]) -> Propagation:
    """Return the choice as the session takes it."""
    return Propagation(
        action=choice.action,
        targets=targets,
        origin=choice.origin,
        labels=choice.labels if choice.action is RangeAction.CLASS_LABELS else (),
        mode=choice.mode,
    )


def preview_of(editor: CaseEditor, choice: Choice) -> Preview:
    """Return what a choice would do to a case, without doing it."""
    labelled = [
        i for i in range(editor.n_slices) if editor.decision(i) is Decision.LABELLED
    ]
    targets = choice.targets(labelled)
    if choice.needs_labels or not targets:
        none = dict.fromkeys(Mode, 0)
        return Preview(targets, none, none, 0, ())
    wanted = propagation_of(choice, targets)
    lost: dict[Mode, tuple[str, ...]] = {}
    if choice.lift:
        plan = plan_propagation(editor, wanted, lifts=True)
        touched = [int(i) for i in plan.touched[choice.mode]]
        counts, cleared = dict.fromkeys(Mode, len(touched)), dict.fromkeys(Mode, 0)
        occupied = 0
    else:
        plan = plan_propagation(editor, wanted)
        touched = [int(i) for i in plan.touched[choice.mode]]
        counts = {mode: plan.count(mode) for mode in Mode}
        cleared = {mode: plan.count_cleared(mode) for mode in Mode}
        occupied = int(plan.occupied.size)
        lost = {m: _lost(editor, choice, m, plan.cleared[m].tolist()) for m in Mode}
    changed = tuple(
        editor.cell(i, after(editor, wanted, i, lifts=choice.lift)) for i in touched
    )
    return Preview(targets, counts, cleared, occupied, changed, lost)


def _lost(
    editor: CaseEditor, choice: Choice, mode: Mode, indices: list[int]
) -> tuple[str, ...]:
    """Return the names of what slices lose."""
    gone: set[int] = set()
    nothing = excluded = False
    for index in indices:
        content = editor.content(index)
        labels = choice.action is RangeAction.CLASS_LABELS
        nothing |= labels and content.nothing_to_label
        if mode is Mode.REPLACE:
            excluded |= content.excluded
            if choice.action is RangeAction.NOTHING_TO_LABEL:
                gone.update(content.label_ids)
            else:
                gone.update(set(content.class_labels) - set(choice.labels))
    names = [label.name for label in editor.labels.labels if label.id in gone]
    names += ["Nothing to Label"] * nothing + ["Exclude"] * excluded
    return tuple(names)


def preview_text(choice: Choice, preview: Preview) -> str:
    """Return one or two sentences that say what will happen."""
    if choice.needs_labels:
        return "Choose at least one label."
    if not preview.targets:
        return "No slice is reached."
    place = slices_text(preview.targets[0], preview.targets[-1])
    changed = preview.counts[choice.mode]
    if not changed and choice.lift:
        return f"Nothing to take away on {place}."
    if not changed:
        text = f"Nothing changes on {place}."
        if preview.occupied:
            text += " What they hold is kept: Replace or Add would change it."
        return text
    parts = [f"{place.capitalize()}: {changed} change{'s' if changed == 1 else ''}"]
    if not choice.lift:
        loss = preview.loss(choice.mode)
        kept = preview.occupied - (changed - preview.counts[Mode.KEEP])
        if loss:
            parts.append(loss)
        if kept > 0:
            one = kept == 1
            parts.append(
                f"{kept} keep{'s what it holds' if one else ' what they hold'}"
            )
    return ", ".join(parts) + "."
