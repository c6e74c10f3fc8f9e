from ._drawing import draw_annotated, most_telling
from ._find import find_series, is_image, open_series, read_series, with_texts
from ._found import FoundFault, FoundResult, FoundSeries
from ._header import SeriesHeader, note_from_header, note_to_header
from ._inspect import inspect
from ._layer import layer_data, layer_metadata, read_layers
from ._lazy import LazyVolumes, LazyVoxels, default_budget
from ._quiet import quiet
from ._series import Series
from ._types import (
    FileRef,
    FrameSource,
    ImageWarning,
    PixelFormat,
    Split,
)
from ._volume import Volume
from ._windows import apply_window, default_window, thumbnail
from .dicom._scan import read_dataset, scan_file
from .dicom._source import DicomSource, dicom_source

__all__ = [
    "DicomSource",
    "FileRef",
    "FoundFault",
    "FoundResult",
    "FoundSeries",
    "FrameSource",
    "ImageWarning",
    "LazyVolumes",
    "LazyVoxels",
    "PixelFormat",
    "Series",
    "SeriesHeader",
    "Split",
    "Volume",
    "apply_window",
    "default_budget",
    "default_window",
    "dicom_source",
    "draw_annotated",
    "find_series",
    "inspect",
    "is_image",
    "layer_data",
    "layer_metadata",
    "most_telling",
    "note_from_header",
    "note_to_header",
    "open_series",
    "quiet",
    "read_dataset",
    "read_layers",
    "read_series",
    "scan_file",
    "thumbnail",
    "with_texts",
]
