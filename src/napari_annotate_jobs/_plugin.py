"""What the manifest names as widgets; Qt is loaded when one of them is asked for."""

from __future__ import annotations

from typing import Any

__all__ = [  # noqa: F822
    "JobCombine",
    "JobExport",
    "JobStatistics",
    "KeysAndMouse",
    "MyJobs",
    "open_images",
    "open_napari",
]


def __getattr__(name: str) -> Any:
    if name in ("KeysAndMouse", "MyJobs"):
        from napari_annotate_jobs.app import _docks

        return getattr(_docks, name)
    if name in ("JobCombine", "JobExport", "JobStatistics"):
        from napari_annotate_jobs.app import _panels

        return getattr(_panels, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def open_images() -> None:
    """Ask for a folder of DICOM or NIfTI, and show its series in napari's viewer."""
    from napari_annotate_jobs.app import _docks

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

    from napari_annotate_jobs.app import _docks

    viewer = napari.Viewer(title="napari · Annotate Jobs")
    _docks.show_my_jobs(viewer, location, open_it=True)
    napari.run()
