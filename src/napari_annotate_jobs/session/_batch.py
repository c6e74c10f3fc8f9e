"""Changes that are saved as one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_annotate_jobs.model import AnnotationChange

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NOTHING", "Batch"]


@dataclass(frozen=True)
class Batch:
    """Changes that are saved as one.

    Parameters
    ----------
    change : AnnotationChange
        All of them.
    blobs : mapping of str to bytes
        The masks they need, by digest.
    count : int
        How many there are.
    """

    change: AnnotationChange = field(default_factory=AnnotationChange)
    blobs: Mapping[str, bytes] = field(default_factory=dict)
    count: int = 0

    def then(self, later: Batch) -> Batch:
        """Return both as one; what is later wins."""
        return Batch(
            self.change.then(later.change),
            {**self.blobs, **later.blobs},
            self.count + later.count,
        )


NOTHING = Batch()
