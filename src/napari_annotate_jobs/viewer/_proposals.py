"""Proposed masks, drawn so that nobody takes them for confirmed ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels

from napari_annotate_jobs.model import Method

from ._masks import label_colormap, label_features, mask_dtype

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_annotate_jobs.session import AnnotationSession

    from ._geometry import Geometry

__all__ = ["ProposalLayer"]

FINE = 300
"""Pixels of an image's shorter side for each pixel of the outlines' width."""


class ProposalLayer:
    """Shows the proposed masks of one overlap group as outlines.

    The layer is to look at: what is written into it is not read.

    Parameters
    ----------
    session : AnnotationSession
        With an open case.
    group : str
        The overlap group.
    geometry : Geometry
        Of the reference series.
    """

    def __init__(
        self, session: AnnotationSession, group: str, geometry: Geometry
    ) -> None:
        self.group = group
        self._session = session
        labels = [
            label
            for label in session.job.project.label_set.of(Method.SEGMENTATION)
            if label.overlap_group == group
        ]
        self._digests: dict[int, str] = {}
        self.layer = Labels(
            # Stays unwritten, and so costs no memory, where nothing is proposed.
            np.zeros(geometry.shape, mask_dtype(labels)),
            name=f"Proposals {group}".strip(),
            colormap=label_colormap(labels),
            features=label_features(labels),
            opacity=1.0,
            **geometry.layer_kwargs,
        )
        self.layer.contour = max(1, round(min(geometry.shape[1:]) / FINE))
        self.layer.editable = False
        self.show(range(geometry.shape[0]))

    def show(self, indices: Iterable[int]) -> None:
        """Show what is proposed on these slices where it differs."""
        editor = self._session.editor
        contents = editor.contents()
        changed = False
        for index in indices:
            content = contents.get(index)
            ref = None if content is None else content.proposals.get(self.group)
            digest = "" if ref is None else ref.digest
            if digest == self._digests.get(index, ""):
                continue
            mask = editor.mask(index, self.group, proposal=True)
            if mask is not None and mask.shape != self.layer.data.shape[1:]:
                mask = None  # made on another image
            self.layer.data[index] = 0 if mask is None else mask
            self._digests[index] = digest
            changed = True
        if changed:
            self.layer.refresh()
