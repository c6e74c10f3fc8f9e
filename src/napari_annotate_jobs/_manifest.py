"""What the manifest names: widgets, readers and sample data.

Importing this module loads nothing heavy, nor Qt; each command imports what it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [  # noqa: F822
    "JobCombine",
    "JobExport",
    "JobImport",
    "JobStatistics",
    "KeysAndMouse",
    "MyJobs",
    "NewJob",
    "get_reader",
    "open_images",
    "open_napari",
    "write_labels",
]

LayerData = tuple[Any, dict[str, Any], str]


def __getattr__(name: str) -> Any:
    if name in ("KeysAndMouse", "MyJobs"):
        from .app import _docks

        return getattr(_docks, name)
    if name == "NewJob":
        from .app import _new_jobs

        return _new_jobs.NewJob
    if name in ("JobCombine", "JobExport", "JobImport", "JobStatistics"):
        from .app import _panels

        return getattr(_panels, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def open_images() -> None:
    """Ask for a folder of DICOM or NIfTI, and show its series in napari's viewer."""
    from .app import _docks

    _docks.ask_for_images()


def open_napari(location: str | None = None) -> None:
    """Open napari at My Jobs, or at a job's page, and stay until it is closed.

    Parameters
    ----------
    location : str, optional
        A job folder, or a folder of them, to add to My Jobs first; if it holds
        one job, that job's page is shown.
    """
    import napari

    from .app import _docks

    viewer = napari.Viewer(title="napari · Annotate Jobs")
    _docks.show_my_jobs(viewer, location, open_it=True)
    napari.run()


def get_reader(
    path: str | Sequence[str],
) -> Callable[[str | Sequence[str]], list[LayerData]] | None:
    """Return a reader of DICOM, NIfTI, NRRD and MetaImage files; None for others.

    napari offers a reader by the names in the manifest, without asking it. A name
    without an ending is one of DICOM only if the content says so.

    Parameters
    ----------
    path : str or sequence of str
        What was dropped on napari.
    """
    from pathlib import Path

    from .imaging import is_image, read_layers

    paths = [path] if isinstance(path, str) else list(path)
    return read_layers if paths and all(is_image(Path(p)) for p in paths) else None


def write_labels(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write a label layer as NIfTI, or as a segmentation of 3D Slicer's.

    Parameters
    ----------
    path : str
        Ends in ``.nii.gz``, ``.nii`` or ``.seg.nrrd``.
    data, meta
        napari's of the layer.
    """
    from .formats import write_label_layer

    return write_label_layer(path, data, meta)


def _sample(name: str) -> list[LayerData]:
    from .imaging import read_layers
    from .samples import sample_paths

    return read_layers(str(sample_paths()[name]))


def sample_ct_lung() -> list[LayerData]:
    """Open the CT of the lung with a large tumour."""
    return _sample("ct-lung")


def sample_ct_lung_nodule() -> list[LayerData]:
    """Open the CT of the lung with a nodule."""
    return _sample("ct-lung-nodule")


def sample_mr_brain() -> list[LayerData]:
    """Open the MR of the brain."""
    return _sample("mr-brain")


def sample_mr_brain_tumour() -> list[LayerData]:
    """Open the MR of the brain with a tumour."""
    return _sample("mr-brain-tumour")


def sample_xray_chest() -> list[LayerData]:
    """Open the X-ray of the chest."""
    return _sample("xray-chest")


def sample_xray_leg() -> list[LayerData]:
    """Open the X-ray of the lower leg."""
    return _sample("xray-leg")
