"""Answers that come with masks made from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_annotate_jobs.model import MaskRef, SliceAnnotation

    from ._view import CaseView

__all__ = ["inherited"]


def inherited(
    view: CaseView, content: SliceAnnotation, refs: Iterable[MaskRef]
) -> dict[int, dict[str, str]]:
    """Return the answers of a slice once proposed masks of it are confirmed.

    Where nothing was said of a label yet, the slices that a mask was made from speak
    for it, as far as they agree.

    Parameters
    ----------
    view : CaseView
        The case.
    content : SliceAnnotation
        The slice.
    refs : iterable of MaskRef
        The masks that are confirmed.
    """
    found = dict(content.attributes)
    for ref in refs:
        places = [place for key in ref.keys if (place := view.place(key)) is not None]
        for label_id in ref.pixels:
            if label_id in found or not places:
                continue
            said = [dict(view.content(i).answers(label_id)) for i in places]
            agreed = {
                name: text
                for name, text in said[0].items()
                if all(other.get(name) == text for other in said)
            }
            if agreed:
                found[label_id] = agreed
    return found
