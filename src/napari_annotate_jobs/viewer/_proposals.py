"""Proposed masks, drawn so that nobody takes them for confirmed ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels

from napari_annotate_jobs.errors import AnnotateJobsError

from ._masks import (
    group_labels,
    label_colormap,
    label_features,
    mask_dtype,
    paint_labels,
)
from ._mirror import MirrorLayer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ._geometry import Geometry
    from ._own_case import OwnCase

__all__ = ["ProposalLayer"]

FINE = 300
"""Pixels of an image's shorter side for each pixel of the outlines' width."""


class ProposalLayer(MirrorLayer[Labels]):
    """Shows the proposed masks of one overlap group as outlines.

    The layer is to look at: what is written into it is not read.

    Parameters
    ----------
    session : OwnCase
        The case.
    group : str
        The overlap group.
    geometry : Geometry
        Of the reference series.
    on_error : callable
        Takes an error to show.
    """

    def __init__(
        self,
        session: OwnCase,
        group: str,
        geometry: Geometry,
        *,
        on_error: Callable[[Exception], None],
    ) -> None:
        self.group = group
        self._digests: dict[int, str] = {}
        labels = group_labels(session, group)
        layer = Labels(
            # Stays unwritten, and so costs no memory, where nothing is proposed.
            np.zeros(geometry.shape, mask_dtype(labels)),
            name=f"Proposals {group}".strip(),
            colormap=label_colormap(labels),
            features=label_features(labels),
            opacity=1.0,
            **geometry.layer_kwargs,
        )
        layer.contour = max(1, round(min(geometry.shape[1:]) / FINE))
        layer.editable = False
        # napari draws outlines anew for each slice, even where there are none.
        layer.visible = False
        super().__init__(session, layer, on_error=on_error)
        self.show(range(geometry.shape[0]))

    def follow_labels(self) -> None:
        """Take up names and colours as they are now."""
        labels = group_labels(self._session, self.group)
        if labels:
            paint_labels(self.layer, labels)

    def _show(self, indices: Sequence[int]) -> None:
        editor = self._session.editor
        contents = editor.contents()
        any_before, changed = any(self._digests.values()), False
        for index in indices:
            content = contents.get(index)
            ref = None if content is None else content.proposals.get(self.group)
            digest = "" if ref is None else ref.digest
            if digest == self._digests.get(index, ""):
                continue
            try:
                mask = editor.mask(index, self.group, proposal=True)
            except AnnotateJobsError as error:
                mask = None
                self._on_error(error)
            data = self.layer.data
            if mask is not None and (
                mask.shape != data.shape[1:] or mask.max() > np.iinfo(data.dtype).max
            ):
                mask = None  # made on another image, or in another project
            data[index] = 0 if mask is None else mask
            self._digests[index] = digest
            changed = True
        if any(self._digests.values()) != any_before:
            self.layer.visible = not any_before  # else the eye is the user's
        if changed:
            self._refresh()
