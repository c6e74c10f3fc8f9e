"""What standard and vendors allow beyond the plain series, on crafted files."""

from __future__ import annotations

import gzip
import struct
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pydicom
import pytest
import tifffile
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    generate_uid,
)

from napari_annotate_jobs.errors import NoImageError, UnreadableImageError
from napari_annotate_jobs.imaging import (
    SeriesHeader,
    find_series,
    inspect,
    layer_data,
    open_series,
    read_series,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., Path]


def _codes(header: SeriesHeader) -> set[str]:
    return {warning.code for warning in header.warnings}


def _item(**elements: Any) -> Dataset:
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return item


# ---- nuclear medicine, ultrasound, dose, PET ------------------------------------


def _tomo(write_slice: Write, gap: float | None, **more: Any) -> Path:
    pixels = np.arange(4 * 3 * 5, dtype=np.int16).reshape(4, 3, 5)
    detector = _item(
        ImagePositionPatient=[-9, -8, 50], ImageOrientationPatient=[1, 0, 0, 0, 1, 0]
    )
    return write_slice(
        "nm.dcm",
        pixels,
        Modality="NM",
        ImageType=["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"],
        NumberOfFrames=4,
        ImagePositionPatient=None,
        ImageOrientationPatient=None,
        DetectorInformationSequence=[detector],
        **({} if gap is None else {"SpacingBetweenSlices": gap}),
        **more,
    )


@pytest.mark.parametrize("gap", [4.0, -4.0])
def test_nuclear_medicine_is_where_its_detector_says(
    write_slice: Write, gap: float
) -> None:
    volume = read_series(_tomo(write_slice, gap))
    assert volume.spacing == (4.0, 0.5, 0.25)
    assert volume.affine is not None
    for frame in range(4):  # each at its height, whatever the order
        there = [i for i, s in enumerate(volume.slices) if s.frame == frame + 1]
        place = volume.affine @ (there[0], 0, 0, 1)
        np.testing.assert_allclose(place[:3], (-9, -8, 50 + gap * frame))
        assert volume.voxels[there[0], 0, 0] == frame * 15


def test_gated_tomo_has_an_axis_of_time_slots(write_slice: Write) -> None:
    path = _tomo(
        write_slice, 4.0, SliceVector=[1, 2, 1, 2], TimeSlotVector=[1, 1, 2, 2]
    )
    header = open_series(path).header
    assert header.shape == (2, 3, 5)
    assert [v.split.by for v in header.volumes if v.split] == ["time slot"] * 2


def test_tomo_gated_in_two_ways_names_both(write_slice: Write) -> None:
    path = _tomo(
        write_slice,
        4.0,
        SliceVector=[1, 1, 1, 1],
        RRIntervalVector=[1, 1, 2, 2],
        TimeSlotVector=[1, 2, 1, 2],
    )
    header = open_series(path).header
    assert header.shape == (4, 3, 5)
    assert [s.frame for s in header.slices] == [1, 2, 3, 4]
    assert "one-place" in _codes(header)


def test_dynamic_planar_images_are_a_stack_in_their_order(write_slice: Write) -> None:
    pixels = np.arange(4 * 3 * 5, dtype=np.int16).reshape(4, 3, 5)
    path = write_slice(
        "nm.dcm",
        pixels,
        Modality="NM",
        ImageType=["ORIGINAL", "PRIMARY", "DYNAMIC", "EMISSION"],
        NumberOfFrames=4,
        ImagePositionPatient=None,
        ImageOrientationPatient=None,
        DetectorVector=[1, 1, 2, 2],
        PhaseVector=[1, 1, 1, 1],
        TimeSliceVector=[1, 2, 1, 2],
    )
    volume = read_series(path)
    np.testing.assert_array_equal(volume.voxels, pixels)
    assert volume.affine is None
    assert "slice-distance-unknown" in _codes(volume.header)


def test_an_unknown_distance_of_slices_is_told(write_slice: Write) -> None:
    header = open_series(_tomo(write_slice, None)).header
    assert header.affine is None
    assert "slice-distance-unknown" in _codes(header)


def test_one_slice_is_as_thick_as_its_distance(write_slice: Write) -> None:
    header = open_series(write_slice("a.dcm", SpacingBetweenSlices=6.5)).header
    assert header.spacing[0] == 6.5


def _region(**changes: Any) -> Dataset:
    elements = {
        "RegionSpatialFormat": 1,
        "PhysicalUnitsXDirection": 3,
        "PhysicalUnitsYDirection": 3,
        "PhysicalDeltaX": 0.02,
        "PhysicalDeltaY": -0.03,
    }
    return _item(**elements | changes)


@pytest.mark.parametrize(
    ("regions", "spacing"),
    [
        ([{}], (0.3, 0.2)),
        ([{}, {"RegionSpatialFormat": 3, "PhysicalUnitsXDirection": 4}], (0.3, 0.2)),
        ([{}, {"PhysicalDeltaX": 0.05}], None),
        ([{"PhysicalUnitsXDirection": 1}], None),
    ],
)
def test_ultrasound_regions_say_how_large_pixels_are(
    write_slice: Write,
    regions: list[dict[str, Any]],
    spacing: tuple[float, float] | None,
) -> None:
    path = write_slice(
        "us.dcm",
        Modality="US",
        PixelSpacing=None,
        ImagePositionPatient=None,
        ImageOrientationPatient=None,
        SequenceOfUltrasoundRegions=[_region(**changes) for changes in regions],
    )
    header = open_series(path).header
    assert header.has_spacing == (spacing is not None)
    if spacing is not None:
        assert header.spacing[1:] == pytest.approx(spacing)
        assert any("Ultrasound Regions" in reason for reason in header.reasons)


def test_dose_is_in_gray(write_slice: Write) -> None:
    pixels = np.arange(60, dtype=np.uint32).reshape(3, 4, 5)
    path = write_slice(
        "dose.dcm",
        pixels,
        Modality="RTDOSE",
        NumberOfFrames=3,
        GridFrameOffsetVector=[0, 2, 4],
        DoseGridScaling="0.001",
        DoseUnits="GY",
    )
    volume = read_series(path)
    assert (volume.unit, volume.spacing[0]) == ("Gy", 2.0)
    np.testing.assert_allclose(volume.voxels, pixels * 0.001)


_PET: dict[str, Any] = {
    "Modality": "PT",
    "Units": "BQML",
    "CorrectedImage": ["ATTN", "DECY"],
    "DecayCorrection": "START",
    "PatientWeight": 70,
    "SeriesDate": "20200102",
    "SeriesTime": "110000",
    "AcquisitionDate": "20200102",
    "AcquisitionTime": "110500",
}


def _pet(write_slice: Write, **changes: Any) -> SeriesHeader:
    dose = _item(
        RadionuclideTotalDose=3.7e8,
        RadionuclideHalfLife=6586.2,
        RadiopharmaceuticalStartTime="100000.00",
    )
    elements = _PET | {"RadiopharmaceuticalInformationSequence": [dose]} | changes
    return open_series(write_slice("pt.dcm", **elements)).header


def test_suv_of_pet(write_slice: Write) -> None:
    header = _pet(write_slice)
    assert header.suv == pytest.approx(70_000 / (3.7e8 * 2 ** (-3600 / 6586.2)))
    assert any("QIBA" in reason for reason in header.reasons)
    assert header.unit == "BQML"
    again = SeriesHeader.from_json(header.to_json())
    assert again.suv == header.suv


@pytest.mark.parametrize(
    "changes",
    [
        {"CorrectedImage": ["DECY"]},
        {"PatientWeight": 0},
        {"DecayCorrection": "NONE"},
        {"Units": "CNTS"},
        {"SeriesTime": "120000", "AcquisitionTime": "110500"},
    ],
)
def test_no_suv_where_the_header_does_not_allow(
    write_slice: Write, changes: dict[str, Any]
) -> None:
    assert _pet(write_slice, **changes).suv is None


@pytest.mark.parametrize(
    ("changes", "factor", "source"),
    [
        pytest.param(
            # the patient weighs 70 kg, and was given 370 MBq 90 minutes before the scan
            {"SeriesTime": "113000", "AcquisitionTime": "113000"},
            70_000 / (3.7e8 * 2 ** (-5400 / 6586.2)),
            "QIBA",
            id="start",
        ),
        pytest.param(
            {"DecayCorrection": "ADMIN"},
            70_000 / 3.7e8,
            "the injection",
            id="injection",
        ),
        pytest.param({"Units": "GML"}, 1.0, "as stored", id="stored"),
        pytest.param({"Units": "GML", "SUVType": "LBM"}, None, "", id="lean body"),
        pytest.param(
            # injected before midnight, scanned after
            {"SeriesTime": "003000", "AcquisitionTime": "003500"},
            70_000 / (3.7e8 * 2 ** (-(14.5 * 3600) / 6586.2)),
            "QIBA",
            id="midnight",
        ),
    ],
)
def test_suv_by_the_header(
    write_slice: Write, changes: dict[str, Any], factor: float | None, source: str
) -> None:
    # RSNA QIBA, vendor-neutral pseudo-code: SUVbw = value x weight in g / dose left
    header = _pet(write_slice, **changes)
    assert header.suv == (None if factor is None else pytest.approx(factor))
    assert factor is None or any(source in reason for reason in header.reasons)


def _private(path: Path, group: int, creator: str, **elements: Any) -> SeriesHeader:
    dataset = pydicom.dcmread(path)
    block = dataset.private_block(group, creator, create=True)
    for place, (vr, value) in elements.items():
        block.add_new(int(place[1:], 16), vr, value)
    dataset.save_as(path)
    return open_series(path).header


def test_suv_of_ge_from_the_date_of_its_own_scan(write_slice: Write) -> None:
    # a series made afterwards has a later date: GE's PET scan date counts instead
    changes = {"SeriesTime": "120000", "Manufacturer": "GE MEDICAL SYSTEMS"}
    assert _pet(write_slice, **changes).suv is None
    path = next(iter(_pet(write_slice, **changes).files)).path
    scan = {"x0D": ("DT", "20200102110000.00")}
    header = _private(path, 0x0009, "GEMS_PETD_01", **scan)
    assert header.suv == pytest.approx(70_000 / (3.7e8 * 2 ** (-3600 / 6586.2)))


def test_suv_of_philips_by_its_own_factor(write_slice: Write) -> None:
    path = next(iter(_pet(write_slice, Units="CNTS").files)).path
    factor = {"x00": ("DS", "0.000551")}
    header = _private(path, 0x7053, "Philips PET Private Group", **factor)
    assert header.suv == pytest.approx(0.000551)
    assert any("(7053,1000)" in reason for reason in header.reasons)


def test_a_narrow_window_is_honoured(write_slice: Write) -> None:
    path = write_slice("a.dcm", Modality="PT", WindowCenter="0.25", WindowWidth="0.5")
    (window,) = open_series(path).header.windows
    assert window.limits == (0.0, 0.5)


# ---- twelve bits ----------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 4, 6), (3, 3, 5)])
@pytest.mark.parametrize("signed", [0, 1])
def test_packed_twelve_bits(
    write_slice: Write, shape: tuple[int, ...], signed: int
) -> None:
    low = -2048 if signed else 0
    values = np.random.default_rng(0).integers(low, low + 4096, shape)
    cells = np.append(values.ravel() & 0xFFF, [0] * (values.size % 2)).astype(int)
    a, b = cells[::2], cells[1::2]
    raw = np.stack([a & 255, a >> 8 | (b & 15) << 4, b >> 4], 1).astype(np.uint8)
    path = write_slice(
        "p.dcm",
        np.zeros(shape, np.int16 if signed else np.uint16),
        NumberOfFrames=shape[0],
        BitsAllocated=12,
        BitsStored=12,
        HighBit=11,
        ImagePositionPatient=None,
        PixelData=raw.tobytes() + b"\0" * (raw.size % 2),
    )
    np.testing.assert_array_equal(read_series(path).voxels, values)


# ---- split, join, warn ----------------------------------------------------------


def test_two_passes_are_two_series(write_stack: Write) -> None:
    first, second = [0, 5, 10, 15, 20], [12, 17, 22, 27]
    folder = write_stack(
        first + second, AcquisitionNumber=(1,) * len(first) + (2,) * len(second)
    )
    found = find_series(folder)
    assert [header.shape[0] for header in found] == [5, 4]
    assert all("uneven-gaps" not in _codes(header) for header in found)
    assert all("Acquisition Number" in header.reasons[0] for header in found)


def test_uneven_gaps_of_one_pass_stay_one_series(write_stack: Write) -> None:
    folder = write_stack([0, 5, 10, 20.5, 31, 41], AcquisitionNumber=1)
    (header,) = find_series(folder)
    assert "uneven-gaps" in _codes(header)
    assert header.origins is not None
    np.testing.assert_allclose(header.origins[:, 2], [0, 5, 10, 20.5, 31, 41])
    (told,) = inspect(folder)["series"]
    assert [place[2] for place in told["origins"]] == [0, 5, 10, 20.5, 31, 41]
    assert header.place((3, 0, 0)) == pytest.approx([0, 0, 20.5])
    metadata = layer_data(read_series(folder))[1]["metadata"]
    np.testing.assert_array_equal(metadata["origins"], header.origins)


def test_a_slice_without_rescale_is_told(
    write_stack: Write, write_slice: Write
) -> None:
    folder = write_stack([0, 5, 10], RescaleSlope=1, RescaleIntercept=-1024)
    write_slice(
        "study/bare",
        ImagePositionPatient=[0, 0, 15],
        InstanceNumber=4,
    )
    (header,) = find_series(folder)
    (note,) = [w for w in header.warnings if w.code == "rescale-missing"]
    assert note.text.startswith("1 file without")


def test_other_images_under_one_name_are_kept(write_stack: Write) -> None:
    uid = generate_uid()
    folder = write_stack([0, 5, 10], SOPInstanceUID=uid)
    (header,) = find_series(folder)
    assert header.shape[0] == 3
    assert len({item.key for item in header.slices}) == 3
    assert "same-name" in _codes(header)


def test_slices_with_a_series_each_are_joined(write_stack: Write) -> None:
    uids = tuple(generate_uid() for _ in range(4))
    folder = write_stack([0, 5, 10, 15], SeriesInstanceUID=uids, StudyInstanceUID="1.2")
    (header,) = find_series(folder)
    assert header.shape[0] == 4
    assert "series-joined" in _codes(header)
    assert any(reason.startswith("joined") for reason in header.reasons)


@pytest.mark.parametrize(
    "changes", [{"StudyInstanceUID": ("1.2", "1.3", "1.4")}, {"heights": [0, 5, 40]}]
)
def test_other_series_of_one_slice_are_not_joined(
    write_stack: Write, changes: dict[str, Any]
) -> None:
    uids = tuple(generate_uid() for _ in range(3))
    heights = changes.pop("heights", [0, 5, 10])
    elements = {"StudyInstanceUID": "1.2", "SeriesInstanceUID": uids} | changes
    assert len(find_series(write_stack(heights, **elements))) == 3


def _overlay(path: Path, group: int, **elements: Any) -> None:
    dataset = pydicom.dcmread(path)
    dataset.add_new((group, 0x10), "US", 4)
    dataset.add_new((group, 0x11), "US", 5)
    for place, (vr, value) in elements.items():
        dataset.add_new((group, int(place[1:], 16)), vr, value)
    dataset.save_as(path)


@pytest.mark.parametrize("group", [0x6000, 0x6002, 0x601E])
@pytest.mark.parametrize("pydicom_reads", [False, True])
def test_overlay_planes_are_told(
    write_slice: Write, group: int, pydicom_reads: bool
) -> None:
    path = write_slice("a.dcm")
    _overlay(path, group, x3000=("OW", bytes(4)), x0100=("US", 1), x0102=("US", 0))
    if pydicom_reads:
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        dataset.save_as(path)
    told = [w for w in open_series(path).header.warnings if w.code == "overlay-planes"]
    assert f"(group {group:04X})" in told[0].text


def test_overlays_in_unused_bits_are_told_and_kept_out_of_the_values(
    write_slice: Write,
) -> None:
    values = np.arange(20, dtype=np.uint16).reshape(4, 5)
    drawn = values | np.eye(4, 5, dtype=np.uint16) << 12
    path = write_slice("a.dcm", drawn, BitsStored=12, HighBit=11)
    _overlay(path, 0x6004, x0100=("US", 16), x0102=("US", 12))
    volume = read_series(path)
    np.testing.assert_array_equal(volume.voxels[0], values)
    assert "overlay-planes" in _codes(volume.header)


@pytest.mark.parametrize(
    ("kind", "derivation"),
    [
        (["ORIGINAL", "PRIMARY", "AXIAL"], 0),
        (["DERIVED", "PRIMARY", "ADC"], 1),
        (["DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE"], 2),
        (["DERIVED", "SECONDARY", "AXIAL", "CT_SOM5 MPR"], 2),
    ],
)
def test_what_was_acquired_and_what_was_made_of_it(
    write_slice: Write, kind: list[str], derivation: int
) -> None:
    header = open_series(write_slice("a.dcm", ImageType=kind)).header
    assert header.derivation == derivation


def test_inspect_tells_why(write_slice: Write) -> None:
    (told,) = inspect(_tomo(write_slice, 4.0))["series"]
    assert "Detector Information" in told["reasons"][0]


# ---- TIFF, PNG, animations ------------------------------------------------------


def _grid(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape)).reshape(shape).astype(np.uint16)


@pytest.mark.parametrize("axes", ["ZCYX", "TZCYX", "CYX", "TYX", "TZYX", "ZYX"])
@pytest.mark.parametrize("kind", ["ome", "imagej"])
def test_channels_and_times_are_axes_of_their_own(
    tmp_path: Path, axes: str, kind: str
) -> None:
    sizes = {"T": 3, "Z": 4, "C": 2, "Y": 5, "X": 6}
    data = _grid(*(sizes[axis] for axis in axes))
    path = tmp_path / ("a.ome.tif" if kind == "ome" else "a.tif")
    tifffile.imwrite(path, data, imagej=kind == "imagej", metadata={"axes": axes})
    series = open_series(path)
    slices = 4 if "Z" in axes else 1
    assert series.header.shape == (slices, 5, 6)
    full = data if "Z" in axes else np.expand_dims(data, -3)
    if "Z" in axes:
        full = np.moveaxis(data, axes.index("Z"), -3)
    np.testing.assert_array_equal(
        series.read_all().reshape(-1, slices, 5, 6), full.reshape(-1, slices, 5, 6)
    )
    by = series.header.split.by if series.header.split else ""
    names = {"T": "time", "C": "channel"}
    assert by == " and ".join(names[a] for a in axes if a in names)


def test_a_large_imagej_file_describes_its_first_plane_only(tmp_path: Path) -> None:
    data = _grid(4, 2, 5, 6)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, data, imagej=True, metadata={"axes": "ZCYX"}, truncate=True)
    with tifffile.TiffFile(path) as file:
        assert len(file.pages) == 1
    np.testing.assert_array_equal(open_series(path).read_all(), np.moveaxis(data, 1, 0))


@pytest.mark.parametrize(
    ("unit", "scale"), [("mm", 1.0), ("\u00b5m", 1e-3), ("nm", 1e-6), ("cm", 10.0)]
)
def test_sizes_of_ome(tmp_path: Path, unit: str, scale: float) -> None:
    sizes = {f"PhysicalSize{a}": v for a, v in zip("XYZ", (0.5, 0.25, 2), strict=True)}
    units = {f"{name}Unit": unit for name in sizes}
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, _grid(3, 5, 6), metadata={"axes": "ZYX", **sizes, **units})
    header = open_series(path).header
    assert header.spacing == pytest.approx((2 * scale, 0.25 * scale, 0.5 * scale))
    assert "spacing-unknown" not in _codes(header)
    assert any("OME" in reason for reason in header.reasons)


@pytest.mark.parametrize("size", [(20, 30), (7, 9), (3, 8)])
def test_one_bit_tiff(tmp_path: Path, size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).random(size) > 0.5
    Image.fromarray(image).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(
        read_series(tmp_path / "a.tif").voxels[0], image * np.uint8(255)
    )


def test_sixteen_bit_colour_png(tmp_path: Path) -> None:
    codecs = pytest.importorskip("imagecodecs")
    image = _grid(5, 6, 3) * 700
    (tmp_path / "a.png").write_bytes(codecs.png_encode(image))
    volume = read_series(tmp_path / "a.png")
    np.testing.assert_array_equal(volume.voxels[0], image)


@pytest.mark.parametrize("ending", ["gif", "webp"])
def test_an_animation_is_a_stack(tmp_path: Path, ending: str) -> None:
    frames = [
        Image.fromarray(np.full((8, 9, 3), (20 * i, 200, 50), np.uint8))
        for i in range(4)
    ]
    path = tmp_path / f"a.{ending}"
    more = {"lossless": True} if ending == "webp" else {}
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=50, **more)
    voxels = read_series(path).voxels
    assert voxels.shape == (4, 8, 9, 3)
    np.testing.assert_allclose(voxels[:, 0, 0, 0], [0, 20, 40, 60], atol=6)


# ---- NIfTI ----------------------------------------------------------------------


def _nifti(path: Path) -> Path:
    data = np.arange(120, dtype=np.float32).reshape(4, 5, 6)
    image = nib.Nifti1Image(data, np.diag([2.0, 3.0, 4.0, 1.0]))
    nib.save(image, path)
    return path


@pytest.mark.parametrize(
    ("change", "told"),
    [(np.zeros((4, 4)), False), (np.eye(4) * 5e-4, False), (np.eye(4) * 0.01, True)],
)
def test_qform_and_sform(tmp_path: Path, change: np.ndarray, told: bool) -> None:
    image = nib.load(_nifti(tmp_path / "a.nii"))
    place = np.diag([2.0, 3.0, 4.0, 1.0])
    image.set_sform(place, 1)
    moved = place.copy()
    moved[:3, 3] += change[0, 0]
    image.set_qform(moved, 1)
    nib.save(image, tmp_path / "b.nii")
    header = open_series(tmp_path / "b.nii").header
    notes = [w for w in header.warnings if w.code == "qform-sform-conflict"]
    assert bool(notes) == told
    assert not told or ("sform [[" in notes[0].text and "qform [[" in notes[0].text)


def test_a_mirrored_qform_is_called_one(tmp_path: Path) -> None:
    image = nib.load(_nifti(tmp_path / "a.nii"))
    image.set_sform(np.diag([2, 3, 4, 1.0]), 1)
    image.set_qform(np.diag([-2, 3, 4, 1.0]), 1)
    nib.save(image, tmp_path / "b.nii")
    (note,) = open_series(tmp_path / "b.nii").header.warnings
    assert "mirror" in note.text


def test_a_zero_sform_gives_way_to_a_good_qform(tmp_path: Path) -> None:
    path = _nifti(tmp_path / "a.nii")
    raw = bytearray(path.read_bytes())
    struct.pack_into("<hh", raw, 252, 1, 1)
    struct.pack_into("<12f", raw, 280, *[0.0] * 12)
    path.write_bytes(bytes(raw))
    header = open_series(path).header
    assert header.spacing == (4.0, 3.0, 2.0)
    assert "qform" in header.reasons[0]
    struct.pack_into("<hh", raw, 252, 0, 1)
    path.write_bytes(bytes(raw))
    with pytest.raises(UnreadableImageError, match="neither sform nor qform"):
        open_series(path)


def test_texts_that_help(tmp_path: Path) -> None:
    plain = _nifti(tmp_path / "a.nii").read_bytes()
    (tmp_path / "packed.nii").write_bytes(gzip.compress(plain))
    with pytest.raises(UnreadableImageError, match=r"Rename it to packed\.nii\.gz"):
        open_series(tmp_path / "packed.nii")
    (tmp_path / "cut.nii.gz").write_bytes(gzip.compress(plain)[:120])
    with pytest.raises(UnreadableImageError, match="cut off"):
        read_series(tmp_path / "cut.nii.gz")
    nib.save(nib.Nifti1Pair(np.zeros((2, 3, 4)), np.eye(4)), tmp_path / "pair.img")
    (tmp_path / "pair.img").unlink()
    with pytest.raises(UnreadableImageError, match=r"pair\.img, which is not there"):
        open_series(tmp_path / "pair.hdr")
    with pytest.raises(NoImageError):
        open_series(tmp_path / "gone.nii")


def test_places_are_from_each_slice_itself(write_stack: Write) -> None:
    header = open_series(write_stack([0, 5, 10, 20.5, 31, 60])).header
    place = header.place((5, 1, 2))
    assert place is not None
    np.testing.assert_allclose(place, (0.5, 0.5, 60))
    assert header.unevenness > 1
    assert f"{header.unevenness:.3g} mm off" in next(
        w.text for w in header.warnings if w.code == "uneven-gaps"
    )
    assert open_series(write_stack([0, 5, 10], "even")).header.unevenness < 1e-6
