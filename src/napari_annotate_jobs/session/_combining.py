"""Combining labels, step by step, with undo."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.formats import Combination, CombinedClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_annotate_jobs.model import Label, LabelSet, Method

__all__ = ["CombinationEditor"]


class CombinationEditor:
    """A combination that is being made.

    Every change is tried on the labels first: one that does not go together raises,
    and changes nothing.

    Parameters
    ----------
    labels : LabelSet
        Whose labels are combined; they are left as they are.
    combination : Combination, optional
        Where to begin.

    Raises
    ------
    InvalidValueError
        If `combination` does not fit the labels.
    """

    changed = Signal()
    """The combination is another now."""

    def __init__(
        self, labels: LabelSet, combination: Combination | None = None
    ) -> None:
        self.labels = labels
        self._now = combination or Combination()
        self._now.labels(labels)
        self._undo: list[Combination] = []
        self._redo: list[Combination] = []

    @property
    def combination(self) -> Combination:
        """As it stands."""
        return self._now

    @property
    def can_undo(self) -> bool:
        """True if a change can be taken back."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """True if a change was taken back."""
        return bool(self._redo)

    def undo(self) -> None:
        """Take the last change back."""
        if self._undo:
            self._redo.append(self._now)
            self._now = self._undo.pop()
            self.changed.emit()

    def redo(self) -> None:
        """Make the change that was taken back."""
        if self._redo:
            self._undo.append(self._now)
            self._now = self._redo.pop()
            self.changed.emit()

    # ----------------------------------------------------------------- changes
    def combine(self, ids: Sequence[int], name: str = "") -> int:
        """Make a new class of labels, taken out of the class they are in.

        Parameters
        ----------
        ids : sequence of int
            Ids of the labels.
        name : str
            Of the class; made of the labels' names by default.

        Returns
        -------
        int
            Its place among the classes.
        """
        labels = [self.labels[i] for i in dict.fromkeys(ids)]
        if not labels:
            raise InvalidValueError(
                "no label is chosen", remedy="Tick the labels to combine"
            )
        rest = self._without(ids)
        made = CombinedClass(
            name=name or self._free_name(labels, rest),
            sources=tuple(label.name for label in labels),
            method=self._method(labels),
        )
        self._set((*rest, made))
        return len(rest)

    def feed(self, ids: Sequence[int], into: int) -> None:
        """Feed labels into a class that is there."""
        wanted = self._now.classes[into]
        own = self.sources(into)
        more = [self.labels[i] for i in dict.fromkeys(ids) if i not in own]
        changed = wanted.model_copy(
            update={
                "sources": (*wanted.sources, *(label.name for label in more)),
                "method": wanted.method or self._method(more),
            }
        )
        ids = [label.id for label in more]
        self._set(self._without(ids, spared=into, instead=changed))

    def take_out(self, ids: Sequence[int]) -> None:
        """Leave labels as they are; a class without sources goes."""
        self._set(self._without(ids))

    def dissolve(self, place: int) -> None:
        """Take a class away; its sources are as they were."""
        self.take_out(sorted(self.sources(place)))

    def rename(self, place: int, name: str) -> None:
        """Give a class another name."""
        self._change(place, name=" ".join(name.split()))

    def recolor(self, place: int, color: str) -> None:
        """Give a class another colour, ``#rrggbb``."""
        self._change(place, color=color)

    def keep(self, place: int, keep: bool) -> None:
        """Leave the sources of a class in the new label set, or drop them."""
        self._change(place, keep=keep)

    # ----------------------------------------------------------------- reading
    def sources(self, place: int) -> frozenset[int]:
        """Return the ids of the labels that are fed into a class."""
        wanted = self._now.classes[place]
        return frozenset(
            self.labels.named(name, wanted.method).id for name in wanted.sources
        )

    def result(self) -> LabelSet:
        """Return the new label set."""
        return self._now.labels(self.labels)

    # ----------------------------------------------------------------- helpers
    def _method(self, labels: Sequence[Label]) -> Method | None:
        """Return the method where only that tells labels of one name apart."""
        every = [label.name.casefold() for label in self.labels.labels]
        for label in labels:
            if every.count(label.name.casefold()) > 1:
                return label.method
        return None

    def _without(
        self,
        ids: Iterable[int],
        *,
        spared: int | None = None,
        instead: CombinedClass | None = None,
    ) -> tuple[CombinedClass, ...]:
        """Return the classes without some sources; those without any are gone."""
        gone, out = set(ids), []
        for place, wanted in enumerate(self._now.classes):
            if place == spared and instead is not None:
                out.append(instead)
                continue
            names = tuple(
                name
                for name in wanted.sources
                if self.labels.named(name, wanted.method).id not in gone
            )
            if names:
                out.append(wanted.model_copy(update={"sources": names}))
        return tuple(out)

    def _free_name(self, labels: Sequence[Label], rest: Sequence[CombinedClass]) -> str:
        names = [label.name for label in labels]
        common = _beginning(names).strip(" -_.,:;/0123456789")
        base = common if len(common) > 1 or len(names) == 1 else " + ".join(names)
        if len(common) == 1 and all(len(name) <= 3 for name in names):
            base = common  # A1, A2 and A3 are A
        base = base[:100]
        own = {label.id for label in labels}
        taken = {x.name.casefold() for x in self.labels.labels if x.id not in own}
        taken |= {wanted.name.casefold() for wanted in rest}
        found, number = base, 1
        while found.casefold() in taken:
            number += 1
            found = f"{base} {number}"
        return found

    def _change(self, place: int, **changes: object) -> None:
        fields = {**dict(self._now.classes[place]), **changes}
        if not str(fields["name"]).strip():
            raise InvalidValueError(
                "a class needs a name", remedy="Write at least one letter"
            )
        changed = CombinedClass.model_validate(fields)
        classes = list(self._now.classes)
        classes[place] = changed
        self._set(tuple(classes))

    def _set(self, classes: tuple[CombinedClass, ...]) -> None:
        wanted = Combination(classes=classes)
        if wanted == self._now:
            return
        wanted.labels(self.labels)
        self._undo.append(self._now)
        self._redo.clear()
        self._now = wanted
        self.changed.emit()


def _beginning(names: Sequence[str]) -> str:
    """Return the letters that all names begin with."""
    letters = zip(*names, strict=False)
    same = takewhile(lambda column: len(set(column)) == 1, letters)
    return "".join(column[0] for column in same)
