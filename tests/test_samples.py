"""The sample images: small, sound, and nobody's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest

from napari_annotate_jobs import samples as package
from napari_annotate_jobs.errors import NoImageError
from napari_annotate_jobs.samples import SAMPLES, Sample, sample_paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

NAMES = [sample.name for sample in SAMPLES]
# What may hold text: fixed terms of the standard, and these, which were written
# for the samples.
OWN_TEXT = {
    "DeidentificationMethod",
    "DerivationDescription",
    "PatientID",
    "RescaleType",
    "SeriesDescription",
    "StudyDescription",
}


def datasets(folder: Path) -> Iterator[pydicom.Dataset]:
    for path in sorted(folder.iterdir()):
        yield pydicom.dcmread(path)


def floats(values: Iterable[object]) -> list[float]:
    return [float(str(value)) for value in values]


@pytest.mark.parametrize("sample", SAMPLES, ids=NAMES)
def test_is_what_it_says(sample: Sample, samples: dict[str, Path]) -> None:
    files = list(datasets(samples[sample.name]))
    assert len(files) == sample.n_slices
    for ds in files:
        assert ds.Modality == sample.modality
        assert ds.pixel_array.shape == (ds.Rows, ds.Columns)
        assert np.ptp(ds.pixel_array) > 100
    assert len({ds.SOPInstanceUID for ds in files}) == len(files)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "Rows", "Columns"):
        assert len({ds[keyword].value for ds in files}) == 1
    if sample.n_slices > 1:
        normal = np.cross(*np.reshape(floats(files[0].ImageOrientationPatient), (2, 3)))
        positions = [normal @ floats(ds.ImagePositionPatient) for ds in files]
        assert np.all(np.diff(positions) > 4)
        assert min(floats(files[0].PixelSpacing)) > 0.5


@pytest.mark.parametrize("name", NAMES)
def test_says_nothing_of_a_person(name: str, samples: dict[str, Path]) -> None:
    for ds in datasets(samples[name]):
        assert ds.PatientID == f"sample-{name}"
        assert ds.PatientIdentityRemoved == "YES"
        for element in ds.iterall():
            assert not element.tag.is_private
            if element.VR in {"PN", "DA", "DT", "TM", "AS"}:
                assert element.is_empty, element
            if element.VR in {"LO", "SH", "ST", "LT", "UT"}:
                assert element.is_empty or element.keyword in OWN_TEXT, element
            if element.VR == "UI" and element.keyword != "SOPClassUID":
                assert element.value.startswith("2.25."), element


def test_names_are_sorted() -> None:
    assert list(sample_paths()) == sorted(NAMES)


def test_missing_files_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package._samples, "files", lambda _: tmp_path)
    with pytest.raises(NoImageError, match="Install napari-annotate-jobs"):
        sample_paths()
