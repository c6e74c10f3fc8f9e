"""The sample images: what they are, and where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from napari_annotate_jobs.errors import NoImageError

__all__ = ["SAMPLES", "Sample", "sample_paths"]


@dataclass(frozen=True)
class Sample:
    """One sample: a folder of DICOM files that make one case.

    Parameters
    ----------
    name : str
        Its key, and the name of its folder.
    title : str
        What to call it in menus.
    modality : str
        Modality (0008,0060) of its files.
    n_slices : int
        Number of its files, each one slice.
    description : str
        What there is to be seen.
    """

    name: str
    title: str
    modality: str
    n_slices: int
    description: str


SAMPLES: tuple[Sample, ...] = (
    Sample(
        "ct-lung",
        "CT of the lung, large tumour",
        "CT",
        16,
        "Lung bases and upper abdomen; a tumour in the left lower lobe",
    ),
    Sample(
        "ct-lung-nodule",
        "CT of the lung, nodule",
        "CT",
        9,
        "Upper lung fields; a nodule in the right upper lobe",
    ),
    Sample(
        "mr-brain",
        "MR of the brain",
        "MR",
        20,
        "Oblique axial series from the jaw to the crown, with uneven gaps",
    ),
    Sample(
        "mr-brain-tumour",
        "MR of the brain, tumour",
        "MR",
        11,
        "Axial series with a tumour that takes up contrast on the left",
    ),
    Sample(
        "xray-chest",
        "X-ray of the chest",
        "CR",
        1,
        "Both lungs with several round masses; no pixel spacing, MONOCHROME1",
    ),
    Sample(
        "xray-leg",
        "X-ray of the lower leg",
        "CR",
        1,
        "Fibroma of the distal tibia; no pixel spacing, MONOCHROME1",
    ),
)


def sample_paths() -> dict[str, Path]:
    """Return where the sample images lie.

    Returns
    -------
    dict of str to pathlib.Path
        Name of the sample (sorted) to a folder with its DICOM files, one a slice.

    Raises
    ------
    NoImageError
        If the files did not come with the installation.
    """
    root = Path(str(files(__package__))) / "images"
    paths = {name: root / name for name in sorted(sample.name for sample in SAMPLES)}
    missing = [path for path in paths.values() if not path.is_dir()]
    if missing:
        raise NoImageError(
            "the sample images are missing",
            where=missing[0],
            remedy="Install napari-annotate-jobs anew, from a wheel",
        )
    return paths
