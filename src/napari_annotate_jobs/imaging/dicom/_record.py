"""The header of one DICOM file: which elements are wanted, and their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from napari_annotate_jobs.imaging._types import FileRef, ImageWarning

__all__ = [
    "BIG_ENDIAN",
    "DEFLATED",
    "EXPLICIT",
    "IMPLICIT",
    "LONG_VRS",
    "NATIVE",
    "PIXELS",
    "SHORT_VRS",
    "UNDEFINED",
    "WANTED",
    "Record",
]

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
NATIVE = frozenset({IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED})

# name -> (tag, kind): s text, f decimal numbers, i integer string, u unsigned
# short, b bytes, t whether the element is there at all
WANTED: dict[str, tuple[int, str]] = {
    "ImageType": (0x00080008, "m"),
    "SOPClassUID": (0x00080016, "s"),
    "SOPInstanceUID": (0x00080018, "s"),
    "AcquisitionTime": (0x00080032, "s"),
    "ContentTime": (0x00080033, "s"),
    "Modality": (0x00080060, "s"),
    "EchoTime": (0x00180081, "f"),
    "InversionTime": (0x00180082, "f"),
    "EchoNumbers": (0x00180086, "i"),
    "SpacingBetweenSlices": (0x00180088, "f"),
    "TriggerTime": (0x00181060, "f"),
    "SequenceOfUltrasoundRegions": (0x00186011, "t"),
    "ImagerPixelSpacing": (0x00181164, "f"),
    "NominalScannedPixelSpacing": (0x00182010, "f"),
    "DiffusionBValue": (0x00189087, "d"),
    "StudyInstanceUID": (0x0020000D, "s"),
    "SeriesInstanceUID": (0x0020000E, "s"),
    "AcquisitionNumber": (0x00200012, "i"),
    "InstanceNumber": (0x00200013, "i"),
    "ImagePositionPatient": (0x00200032, "f"),
    "ImageOrientationPatient": (0x00200037, "f"),
    "FrameOfReferenceUID": (0x00200052, "s"),
    "TemporalPositionIdentifier": (0x00200100, "i"),
    "SamplesPerPixel": (0x00280002, "u"),
    "PhotometricInterpretation": (0x00280004, "s"),
    "PlanarConfiguration": (0x00280006, "u"),
    "NumberOfFrames": (0x00280008, "i"),
    "Rows": (0x00280010, "u"),
    "Columns": (0x00280011, "u"),
    "PixelSpacing": (0x00280030, "f"),
    "BitsAllocated": (0x00280100, "u"),
    "BitsStored": (0x00280101, "u"),
    "HighBit": (0x00280102, "u"),
    "PixelRepresentation": (0x00280103, "u"),
    "RescaleIntercept": (0x00281052, "f"),
    "RescaleSlope": (0x00281053, "f"),
    "ModalityLUTSequence": (0x00283000, "t"),
    "DoseGridScaling": (0x3004000E, "f"),
    # up to sixteen planes, each in a group of its own, PS3.3 C.9.2
    **{f"OverlayRows{i}": (0x60000010 + (2 * i << 16), "u") for i in range(16)},
    "ExtendedOffsetTable": (0x7FE00001, "b"),
    "SharedFunctionalGroupsSequence": (0x52009229, "t"),
    "PerFrameFunctionalGroupsSequence": (0x52009230, "t"),
}
PIXELS = {
    0x7FE00008: "FloatPixelData",
    0x7FE00009: "DoubleFloatPixelData",
    0x7FE00010: "PixelData",
}
UNDEFINED = 0xFFFFFFFF
LONG_VRS = frozenset(
    name.encode() for name in "OB OD OF OL OV OW SQ SV UC UN UR UT UV".split()
)
SHORT_VRS = frozenset(
    name.encode()
    for name in "AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split()
)


class Record:
    """What the header of one DICOM file says, or why it cannot be used.

    Parameters
    ----------
    file : FileRef
        The file.
    values : dict
        By the names of `WANTED`; what is absent or empty is not in it.
    transfer_syntax : str
        Transfer Syntax UID.
    element : str
        Which pixel data element there is.
    offset, length : int
        Where its value is; a length of -1 means undefined (encapsulated).
    fragments : int
        Where the first item of compressed data is, behind the offset table.
    notes : list of ImageWarning
        What is odd about it.
    groups : dict of str to bytes
        Sequences of functional groups, not yet read.
    reasons : list of str
        What was decided about its frames, and why.
    dataset : pydicom.Dataset, optional
        The whole header without pixels, where pydicom read it.
    """

    __slots__ = (
        "dataset",
        "element",
        "file",
        "fragments",
        "groups",
        "length",
        "notes",
        "offset",
        "reasons",
        "transfer_syntax",
        "values",
    )

    def __init__(
        self,
        file: FileRef,
        values: dict[str, Any],
        transfer_syntax: str,
        element: str,
        offset: int,
        length: int,
        dataset: Dataset | None = None,
        fragments: int = 0,
    ) -> None:
        self.file = file
        self.values = values
        self.transfer_syntax = transfer_syntax
        self.element = element
        self.offset = offset
        self.length = length
        self.dataset = dataset
        self.fragments = fragments
        self.notes: list[ImageWarning] = []
        self.reasons: list[str] = []
        self.groups: dict[str, bytes] = {}
