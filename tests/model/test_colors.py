"""The default colours, as seen by eyes that lack one kind of cone."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from napari_annotate_jobs.model import COLORS

EYES = {
    "normal": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
"""Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB."""


def seen(colors, eye):
    rgb = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colors])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    other = np.clip(linear @ np.transpose(EYES[eye]), 0, 1)
    gamma = np.where(
        other <= 0.0031308, other * 12.92, 1.055 * other ** (1 / 2.4) - 0.055
    )
    return rgb2lab(gamma[None])[0]


@pytest.mark.parametrize("eye", EYES)
def test_default_colours_are_told_apart(eye):
    lab = seen(COLORS, eye)
    assert len(COLORS) == 12
    for a, b in combinations(range(12), 2):
        apart = deltaE_ciede2000(lab[a], lab[b])
        # Between the seven of Okabe and Ito it is 10.8 for the worst of these eyes.
        assert apart > (10 if b < 7 else 12), (COLORS[a], COLORS[b])
