"""What the image says about where an outline lies between the keys."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage as ndi

from ._blend import Span, blend
from ._distance import REACH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from ._distance import Field
    from ._stack import KeyStack

__all__ = ["Guide", "learn_guide"]

_LEVELS = 48
"""Levels that the intensities are sorted into, equally filled."""

_STRENGTHS = (0.0, 0.15, 0.3, 0.6)
"""Weights that the image may be given against the outlines."""

_GAIN = 0.015
"""Dice by which the image must improve the prediction of known keys."""

_ENOUGH = 0.75
"""Part of the best improvement that is enough: where more weight brings little
more, the image has said what it has to say, and would only do harm nearer to the
keys."""

_TRUST = 0.5
"""Part of the strength found that is used: known keys lie twice as far from
the keys they are predicted from, where the outlines are worth less."""

_CERTAIN = 3.0
"""Log likelihood ratio beyond which more does not count."""

_SMOOTH = 1.0
"""Standard deviation in pixels over which the image's evidence is averaged."""

_TABLE = 1 << 18
"""Values of whole numbers that are looked up rather than searched for."""

_FULL = float(1023 * 4096)


@dataclass(frozen=True, eq=False)
class Guide:
    """Evidence of the image for or against each label.

    Parameters
    ----------
    stack : KeyStack
        The key slices.
    levels : ndarray of uint8, shape (slices, h, w)
        The image in the cut of `stack`, in `_LEVELS` levels.
    strengths : ndarray of float64, shape (m,)
        Weight of the evidence for each label, 0 for none.
    """

    stack: KeyStack
    levels: NDArray[np.uint8]
    strengths: NDArray[np.float64]

    def add(
        self,
        label: int,
        span: Span,
        place: tuple[slice, slice, slice],
        scores: NDArray[np.float32],
    ) -> None:
        """Add the evidence for `label` to its scores.

        Parameters
        ----------
        label : int
            The label.
        span : Span
            The slices and keys.
        place : tuple of slice
            Where the scores lie in the cut of the slices.
        scores : ndarray of float32, shape (n, h, w)
            Changed in place.
        """
        strength = float(self.strengths[label])
        if not strength:
            return
        ratio = self._ratio(label, span, place)
        part = self.levels[(list(span.slices), *place[1:])]
        evidence = ratio[part]
        height, width = self.stack.sampling
        spread = (0, _SMOOTH / height, _SMOOTH / width)
        ndi.gaussian_filter(evidence, spread, output=evidence, truncate=3.0)
        evidence *= strength * _FULL / _CERTAIN
        scores += np.rint(evidence, out=evidence)

    def _ratio(
        self, label: int, span: Span, place: tuple[slice, slice, slice]
    ) -> NDArray[np.float32]:
        """Return log p(level | label) / p(level | around it), from both keys."""
        inside = np.zeros(_LEVELS)
        around = np.zeros(_LEVELS)
        for key, at in zip(span.keys[1:3], span.at[1:3], strict=True):
            assert key is not None
            rows = slice(place[1].start + REACH, place[1].stop + REACH)
            columns = slice(place[2].start + REACH, place[2].stop + REACH)
            # other objects of the label look like it, not like what is around it
            ids = self.stack.ids
            mine = ids[self.stack.slices[key, rows, columns]] == ids[label]
            levels = self.levels[(at, *place[1:])]
            inside += np.bincount(levels[mine], minlength=_LEVELS)
            around += np.bincount(levels[~mine], minlength=_LEVELS)
        if not inside.any() or not around.any():
            return np.zeros(_LEVELS, dtype=np.float32)
        p, q = (
            ndi.gaussian_filter1d(counts, 1.5, mode="nearest") / counts.sum()
            for counts in (inside, around)
        )
        few = 1.0 / _LEVELS / 4
        ratio = np.log((p + few) / (q + few))
        bounded: NDArray[np.float32] = np.clip(ratio, -_CERTAIN, _CERTAIN).astype(
            np.float32
        )
        return bounded


def learn_guide(
    stack: KeyStack,
    fields: Mapping[tuple[int, int], Field],
    image: NDArray[Any],
    run: Callable[[list[Callable[[], None]]], None],
) -> Guide | None:
    """Find out for which labels the image helps, and how much.

    Every key but the first and last is predicted from its neighbours, with
    the image given more and more weight. Where that does not bring the
    prediction nearer to the key, the image is not used for the label.

    Parameters
    ----------
    stack : KeyStack
        The key slices.
    fields : mapping of (int, int) to Field
        Their signed distances.
    image : ndarray, shape (slices, rows, columns)
        The image.
    run : callable
        Runs a list of tasks.

    Returns
    -------
    Guide or None
        None if the image helps nowhere, or there are fewer than three keys.
    """
    n, m = len(stack.places), stack.ids.size
    if n < 3:
        return None
    (top, left), (h, w) = stack.origin, stack.size
    levels = _levels(image[:, top : top + h, left : left + w], stack.places)
    # all objects of a label are judged together
    kinds, kind = np.unique(stack.ids, return_inverse=True)
    hits = np.zeros((len(_STRENGTHS), n, kinds.size), dtype=np.int64)
    sizes = np.zeros_like(hits)

    def judge(which: int, key: int) -> None:
        strengths = np.full(m, _STRENGTHS[which])
        guide = Guide(stack, levels, strengths) if which else None
        span = Span.between(stack.places, key - 1, key + 1, without=key)
        found = kind[blend(stack, fields, span, guide)[0]]
        inner = slice(REACH, -REACH)
        truth = kind[stack.slices[key, inner, inner]]
        hits[which, key] = np.bincount(truth[truth == found], minlength=kinds.size)
        sizes[which, key] = np.bincount(truth.ravel(), minlength=kinds.size)
        sizes[which, key] += np.bincount(found.ravel(), minlength=kinds.size)

    run(
        [
            partial(judge, which, key)
            for which in range(len(_STRENGTHS))
            for key in range(1, n - 1)
        ]
    )
    dice = 2 * hits.sum(axis=1) / np.maximum(sizes.sum(axis=1), 1)
    strengths = _strengths(dice)[kind]
    strengths[0] = 0.0
    return Guide(stack, levels, strengths) if strengths.any() else None


def _strengths(dice: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weight for each label, from the Dice of each weight and label."""
    gain = dice - dice[0]
    best = gain.max(axis=0)
    least = (gain >= _ENOUGH * best).argmax(axis=0)
    used: NDArray[np.float64] = _TRUST * np.array(_STRENGTHS)[least]
    return np.where(best >= _GAIN, used, 0.0)


def _levels(image: NDArray[Any], places: tuple[int, ...]) -> NDArray[np.uint8]:
    """Sort intensities into levels that are equally filled on the keys."""
    known = image[list(places)].ravel()
    edges = np.unique(np.quantile(known, np.arange(1, _LEVELS) / _LEVELS))
    low, high = image.min(), image.max()
    if image.dtype.kind not in "iu" or int(high) - int(low) > _TABLE:
        return np.searchsorted(edges, image, side="right").astype(np.uint8)
    values = np.arange(int(low), int(high) + 1)
    table = np.searchsorted(edges, values, side="right").astype(np.uint8)
    levels = np.empty(image.shape, dtype=np.uint8)
    for plane, found in zip(image, levels, strict=True):
        np.take(table, np.subtract(plane, low, dtype=np.int64), out=found)
    return levels
