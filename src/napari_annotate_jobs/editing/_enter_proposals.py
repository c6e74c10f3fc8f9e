"""Proposals, as they enter a case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._interpolation import only

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_annotate_jobs.model import Box, MaskRef, Provenance

    from ._editor import CaseEditor
    from ._interpolation import Proposed

__all__ = ["enter_proposals"]

INTERPOLATE = "Interpolate"
"""The undo entry."""


def enter_proposals(
    editor: CaseEditor,
    found: Mapping[str, Mapping[int, Proposed]],
    *,
    provenance: Provenance,
    boxes: Mapping[int, Sequence[Box]] | None = None,
    source: str = "",
    text: str = INTERPOLATE,
    amend: bool = False,
) -> bool:
    """Let proposals enter a case, as one undo step.

    Parameters
    ----------
    editor : CaseEditor
        The open case.
    found : mapping
        What is proposed, by overlap group and slice.
    provenance : Provenance
        How it came about.
    boxes : mapping, optional
        All boxes a slice is to have, proposals among them, by slice.
    source : str
        What it was imported from, or predicted by.
    text : str
        The undo entry.
    amend : bool
        As for :meth:`CaseEditor.propose_masks`.

    Returns
    -------
    bool
        True if anything changed.
    """
    masks: dict[tuple[int, str], NDArray[np.integer]] = {}
    ready: dict[tuple[int, str], tuple[MaskRef, bytes]] = {}
    keys = {}
    for group, slices in found.items():
        for index, proposed in slices.items():
            content = editor.content(index)
            old = content.proposals.get(group)
            keys[index, group] = proposed.keys
            # Nothing confirmed to spare, nothing proposed to keep.
            alone = group not in content.masks and (
                old is None or proposed.labels.issuperset(old.pixels)
            )
            masks[index, group] = proposed.mask
            if alone and proposed.ready is not None:
                ready[index, group] = proposed.ready
            elif not alone:
                shown = editor.mask(index, group, proposal=True)
                masks[index, group] = _over(shown, proposed)
    return editor.propose_masks(
        masks,
        provenance=provenance,
        keys=keys,
        ready=ready,
        boxes=boxes,
        source=source,
        text=text,
        amend=amend,
    )


def _over(old: NDArray[np.integer] | None, proposed: Proposed) -> NDArray[np.integer]:
    """Keep of what was proposed before the labels that are not spoken of."""
    if old is None or old.shape != proposed.mask.shape:
        return proposed.mask
    kept = old - only(old, proposed.labels)
    return np.where(proposed.mask > 0, proposed.mask, kept)
