"""DICOM files become series: grouped, ordered, and honest about what is odd."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedMRImageStorage, generate_uid

from napari_annotate_jobs.errors import (
    Cancelled,
    ImagingError,
    NoImageError,
    UnreadableImageError,
    UnsupportedImageError,
)
from napari_annotate_jobs.imaging import (
    FoundSeries,
    SeriesHeader,
    find_series,
    inspect,
    open_series,
    read_series,
)
from napari_annotate_jobs.imaging._axis import along_axes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., Path]


def _codes(header: Any) -> set[str]:
    return {warning.code for warning in header.warnings}


def test_slices_are_ordered_by_position_not_by_name(write_stack: Write) -> None:
    folder = write_stack([4.0, 0.0, 6.0, 2.0])
    volume = read_series(folder)
    assert volume.voxels[:, 0, 0].tolist() == [100, 300, 0, 200]
    assert volume.spacing == (2.0, 0.5, 0.25)
    assert volume.voxels.dtype == np.int16
    assert not volume.warnings
    uids = [
        pydicom.dcmread(path).SOPInstanceUID
        for path in sorted(
            folder.iterdir(), key=lambda p: pydicom.dcmread(p).ImagePositionPatient[2]
        )
    ]
    assert [item.key for item in volume.slices] == uids


@pytest.mark.parametrize(
    ("heights", "code", "words", "slices"),
    [
        pytest.param(
            [0, 1, 2, 4, 5], "missing-slices", "1 after slice 3", (2,), id="one"
        ),
        pytest.param(
            [0, 1, 4, 5, 6, 8, 9], "missing-slices", "3 slices are", (1, 4), id="three"
        ),
        pytest.param(
            [0, 1, 2.2, 3.2, 4.2], "uneven-gaps", "from 1 to 1.2 mm", (1,), id="uneven"
        ),
    ],
)
def test_gaps_are_reported(
    write_stack: Write,
    heights: list[float],
    code: str,
    words: str,
    slices: tuple[int, ...],
) -> None:
    header = open_series(write_stack(heights)).header
    (warning,) = header.warnings
    assert warning.code == code
    assert words in warning.text
    assert warning.slices == slices
    assert header.origins is not None
    assert header.origins[:, 2].tolist() == heights
    # the step between neighbours that are there, or the mean where all are
    step = 1 if code == "missing-slices" else heights[-1] / (len(heights) - 1)
    assert header.spacing[0] == pytest.approx(step)
    assert header.affine is not None
    assert header.affine[2, 0] == pytest.approx(step)


def test_gantry_tilt_is_kept_as_shear(write_stack: Write) -> None:
    steps = np.arange(5)
    positions = tuple(
        [0, float(y), float(z)] for y, z in zip(steps * 0.5, steps * 2.0, strict=True)
    )
    header = open_series(write_stack([0.0] * 5, ImagePositionPatient=positions)).header
    assert _codes(header) == {"gantry-tilt"}
    assert "14.0 degrees" in header.warnings[0].text
    assert header.spacing[0] == pytest.approx(2.0)
    assert header.affine is not None
    np.testing.assert_allclose(header.affine[:3, 0], [0, 0.5, 2.0])


def test_a_file_copied_twice_counts_once(write_stack: Write) -> None:
    folder = write_stack([0, 1, 2])
    shutil.copy(folder / "001", folder / "copy of 001")
    header = open_series(folder).header
    assert header.shape[0] == 3
    assert _codes(header) == {"duplicates"}


@pytest.mark.parametrize(
    ("elements", "by", "values"),
    [
        pytest.param(
            {"EchoTime": (10, 10, 80, 80)}, "echo time", ["10", "80"], id="echo"
        ),
        pytest.param(
            {"TemporalPositionIdentifier": (1, 1, 2, 2), "EchoTime": (1, 1, 2, 2)},
            "time",
            ["1", "2"],
            id="time-first",
        ),
        pytest.param(
            {"DiffusionBValue": (0.0, 0.0, 1000.0, 1000.0)},
            "b-value",
            ["0", "1000"],
            id="b-value",
        ),
        pytest.param(
            {"AcquisitionNumber": (3, 3, 4, 4)}, "acquisition", ["3", "4"], id="acq"
        ),
        pytest.param({}, "repeat", ["1", "2"], id="nothing-tells"),
    ],
)
def test_volumes_of_one_series_are_told_apart(
    write_stack: Write, elements: dict[str, Any], by: str, values: list[str]
) -> None:
    folder = write_stack([0, 1, 0, 1], **elements)
    (header,) = find_series(folder)
    volumes = header.volumes
    assert header.shape[0] == 2
    assert len(header.all_files) == 4
    assert [h.split.by for h in volumes if h.split] == [by, by]
    assert [h.split.value for h in volumes if h.split] == values
    assert len({h.key for h in volumes}) == 2
    # values 0 and 100 were written first, so they are the first volume
    series = open_series(folder)
    assert series.header == header
    assert [v.read()[:, 0, 0].tolist() for v in series.volumes] == [
        [0, 100],
        [200, 300],
    ]
    assert series.shape == (2, *header.shape)
    other = open_series(folder, series_uid=volumes[1].key)
    assert other.read()[:, 0, 0].tolist() == [200, 300]
    assert [v.header.key for v in other.volumes] == [h.key for h in volumes]
    assert not other.header.siblings[0].siblings


def test_volumes_are_remembered_with_their_series(write_stack: Write) -> None:
    folder = write_stack([0, 1, 0, 1], EchoTime=(10, 10, 80, 80))
    (header,) = find_series(folder)
    again = SeriesHeader.from_json(header.to_json())
    assert again == header
    assert again.volumes == header.volumes
    assert again.is_current()
    header.siblings[0].files[1].path.touch()
    assert not again.is_current()
    report = inspect(folder)["series"][0]
    assert report["volumes"] == {"by": "echo time", "values": ["10", "80"]}
    assert report["files"] == 4


def test_volumes_that_cover_different_slices_stay_series(write_stack: Write) -> None:
    folder = write_stack([0, 1, 2, 0, 1], EchoTime=(10, 10, 10, 80, 80))
    found = find_series(folder)
    assert [h.shape[0] for h in found] == [3, 2]
    assert [h.siblings for h in found] == [(), ()]
    assert all("volumes-differ" in _codes(h) for h in found)
    assert "(echo time) do not all cover the same" in found[0].warnings[-1].text


def test_one_volume_that_lacks_a_slice_is_set_apart(write_stack: Write) -> None:
    echoes = (10, 10, 10, 20, 20, 20, 30, 30)
    found = find_series(write_stack([0, 1, 2, 0, 1, 2, 0, 1], EchoTime=echoes))
    assert [len(h.volumes) for h in found] == [2, 1]
    assert [h.shape[0] for h in found] == [3, 2]
    assert all("volumes-differ" in _codes(h) for h in found)
    third = open_series(found[0].path, series_uid=found[1].key)
    assert third.read()[:, 0, 0].tolist() == [600, 700]
    assert third.header.volume == 0


def test_planes_side_by_side_are_no_cine(write_stack: Write) -> None:
    places = ([0, 0, 0], [50, 0, 0], [0, 50, 0])
    found = find_series(write_stack([0, 0, 0], ImagePositionPatient=places))
    assert not any("one-place" in _codes(h) for h in found)


def test_magnitude_and_phase_are_series_of_their_own(write_stack: Write) -> None:
    kinds = (["ORIGINAL", "PRIMARY", "M"],) * 2 + (["ORIGINAL", "PRIMARY", "P"],) * 2
    found = find_series(write_stack([0, 1, 0, 1], ImageType=kinds))
    assert [h.split.by for h in found if h.split] == ["image type"] * 2
    assert [h.siblings for h in found] == [(), ()]


@pytest.mark.parametrize(
    ("elements", "order", "words"),
    [
        pytest.param(
            {"TriggerTime": (30.0, 10.0, 20.0, 0.0)}, [3, 1, 2, 0], "trigger", id="cine"
        ),
        pytest.param({}, [0, 1, 2, 3], "numbers", id="nothing-tells"),
    ],
)
def test_one_plane_seen_again_and_again_is_a_stack(
    write_stack: Write, elements: dict[str, Any], order: list[int], words: str
) -> None:
    series = open_series(write_stack([0, 0, 0, 0], **elements))
    assert series.header.shape[0] == 4
    assert series.header.split is None
    assert _codes(series.header) == {"one-place"}
    assert words in series.header.warnings[0].text
    assert (series.read()[:, 0, 0] // 100).tolist() == order


def test_one_plane_with_several_echoes_has_an_axis_of_them(write_stack: Write) -> None:
    (header,) = find_series(write_stack([0, 0, 0], EchoTime=(10, 20, 30)))
    assert header.shape[0] == 1
    assert [h.split.value for h in header.volumes if h.split] == ["10", "20", "30"]


def test_what_nothing_tells_apart_is_left_out_by_name(write_stack: Write) -> None:
    header = open_series(write_stack([0, 1, 1, 2])).header
    assert header.shape[0] == 3
    assert _codes(header) == {"same-place"}


def test_localisers_come_last_and_are_not_chosen(
    write_slice: Write, write_stack: Write
) -> None:
    folder = write_stack([0, 1])
    write_slice("study/0", None, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    found = find_series(folder)
    assert [h.localizer for h in found] == [False, True]
    assert open_series(folder).header.shape[0] == 2


def test_sizes_and_orientations_are_told_apart(
    write_slice: Write, write_stack: Write
) -> None:
    folder = write_stack([0, 1, 2])
    write_slice("study/wide", np.zeros((4, 6), np.int16))
    write_slice("study/side", ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    found = find_series(folder)
    assert sorted(h.shape for h in found) == [(1, 4, 5), (1, 4, 6), (3, 4, 5)]
    assert {h.split.by for h in found if h.split} == {"size"}
    with pytest.raises(NoImageError, match=r"holds 3 series.*Name one"):
        open_series(folder)


def test_encodings_are_told_apart(write_slice: Write, write_stack: Write) -> None:
    folder = write_stack([0, 1, 2])
    write_slice(
        "study/deep", np.zeros((4, 5), np.int32), ImagePositionPatient=[0, 0, 3]
    )
    found = find_series(folder)
    assert sorted(h.shape[0] for h in found) == [1, 3]
    assert {h.split.by for h in found if h.split} == {"encoding"}
    with pytest.raises(NoImageError, match="holds 2 series"):
        open_series(folder)


def test_spinning_planes_become_a_stack(write_stack: Write) -> None:
    angles = np.linspace(0, np.pi, 6, endpoint=False)
    cosines = tuple([np.cos(a), np.sin(a), 0, 0, 0, -1] for a in angles)
    cosines = tuple([round(float(c), 6) for c in item] for item in cosines)
    header = open_series(write_stack([0.0] * 6, ImageOrientationPatient=cosines)).header
    assert header.shape[0] == 6
    assert header.affine is None
    assert _codes(header) == {"orientations-differ"}


def test_two_series_in_one_folder(write_stack: Write) -> None:
    folder = write_stack([0, 1])
    other = generate_uid()
    write_stack([0, 1, 2], folder="study/sub", SeriesInstanceUID=other)
    found = find_series(folder)
    assert sorted(h.shape[0] for h in found) == [2, 3]
    assert read_series(folder, series_uid=other).shape[0] == 3
    with pytest.raises(NoImageError, match=r"no series '1\.2'"):
        open_series(folder, series_uid="1.2")


@pytest.mark.parametrize(
    ("elements", "spacing", "known", "code"),
    [
        pytest.param(
            {"PixelSpacing": [0, 0]}, (1, 1), False, "spacing-unknown", id="zero"
        ),
        pytest.param(
            {"PixelSpacing": None}, (1, 1), False, "spacing-unknown", id="none"
        ),
        pytest.param(
            {"PixelSpacing": None, "ImagerPixelSpacing": [0.2, 0.1]},
            (0.2, 0.1),
            True,
            "spacing-at-detector",
            id="detector",
        ),
    ],
)
def test_spacing_is_said_or_said_to_be_unknown(
    write_slice: Write,
    elements: dict[str, Any],
    spacing: tuple[float, float],
    known: bool,
    code: str,
) -> None:
    path = write_slice(
        "x",
        None,
        **elements,
        ImagePositionPatient=None,
        ImageOrientationPatient=None,
    )
    header = open_series(path).header
    assert header.spacing == (1.0, *spacing)
    assert header.has_spacing is known
    assert header.affine is None
    assert _codes(header) == {code}


def test_no_position_means_order_by_instance_number(write_stack: Write) -> None:
    folder = write_stack(
        [0, 0, 0],
        ImagePositionPatient=None,
        ImageOrientationPatient=None,
        InstanceNumber=(3, 1, 2),
    )
    volume = read_series(folder)
    assert volume.voxels[:, 0, 0].tolist() == [100, 200, 0]
    assert volume.affine is None


def test_without_preamble_and_with_trailing_garbage(
    write_slice: Write, tmp_path: Path
) -> None:
    path = write_slice("whole")
    expected = read_series(path).voxels
    raw = path.read_bytes()
    (tmp_path / "bare").write_bytes(raw[132:])
    (tmp_path / "tail").write_bytes(raw + bytes(5000))
    for name in ("bare", "tail"):
        np.testing.assert_array_equal(read_series(tmp_path / name).voxels, expected)
    dataset = pydicom.dcmread(path)
    del dataset.file_meta
    dataset.preamble = None
    dataset.save_as(tmp_path / "headless", implicit_vr=True, little_endian=True)
    assert (tmp_path / "headless").read_bytes()[:4] == b"\x08\x00\x16\x00"
    np.testing.assert_array_equal(read_series(tmp_path / "headless").voxels, expected)


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        pytest.param(
            b"hello, world" * 40, UnreadableImageError, "not an image", id="text"
        ),
        pytest.param(b"", UnreadableImageError, "not an image", id="empty"),
        pytest.param(
            bytes(128) + b"DICM" + b"\xff" * 400, ImagingError, "DICOM", id="noise"
        ),
    ],
)
def test_no_image_says_so(
    tmp_path: Path, content: bytes, error: type[Exception], words: str
) -> None:
    path = tmp_path / "thing"
    path.write_bytes(content)
    with pytest.raises(error, match=words) as caught:
        read_series(path)
    assert "thing" in str(caught.value)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(NoImageError, match="is not there"):
        find_series(tmp_path / "gone")
    with pytest.raises(NoImageError, match="holds no image"):
        open_series(tmp_path)


def test_a_faulty_file_leaves_the_others_usable(write_stack: Write) -> None:
    folder = write_stack([0, 1, 2, 3])
    victim = folder / "001"
    victim.write_bytes(victim.read_bytes()[:-7])
    found = find_series(folder)
    assert isinstance(found, FoundSeries)
    assert [h.shape[0] for h in found] == [3]
    (fault,) = found.faults
    assert fault.path == victim
    assert "cut off: 33 bytes of 40" in str(fault.error)


@pytest.mark.parametrize(
    ("elements", "error", "words"),
    [
        pytest.param({"BitsStored": 20}, UnreadableImageError, "20 bits", id="bits"),
        pytest.param({"BitsAllocated": 12}, UnreadableImageError, "12 alloc", id="12"),
        pytest.param({"BitsAllocated": None}, UnreadableImageError, "how many", id="0"),
        pytest.param(
            {"PhotometricInterpretation": "X"}, UnsupportedImageError, "of X", id="x"
        ),
        pytest.param({"Rows": 0}, UnsupportedImageError, "without an image", id="rows"),
        pytest.param({"NumberOfFrames": 9}, UnreadableImageError, "of 360", id="frame"),
        pytest.param({"Rows": 65535, "Columns": 65535, "NumberOfFrames": 10000},
                     UnreadableImageError, "cut off", id="huge"),
    ],
)  # fmt: skip
def test_contradictory_headers(
    write_slice: Write, elements: dict[str, Any], error: type[Exception], words: str
) -> None:
    path = write_slice("bad", None, **elements)
    with pytest.raises(error, match=words) as caught:
        read_series(path)
    assert "bad" in str(caught.value)


def test_unknown_transfer_syntax(write_slice: Write) -> None:
    path = write_slice("odd")
    raw = path.read_bytes()
    assert raw.count(b"1.2.840.10008.1.2.1\0") == 1
    path.write_bytes(raw.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.99999.1.2.1\0"))
    with pytest.raises(ImagingError, match="transfer syntax") as caught:
        read_series(path)
    assert "odd" in str(caught.value)


def test_reading_reports_progress_and_can_be_cancelled(write_stack: Write) -> None:
    folder = write_stack([0, 1, 2, 3, 4])
    steps: list[tuple[int, int]] = []
    find_series(folder, progress=lambda done, total: steps.append((done, total)))
    assert steps == [(i, 5) for i in range(1, 6)]
    steps.clear()
    read_series(folder, progress=lambda done, total: steps.append((done, total)))
    assert steps == [(i, 5) for i in range(1, 6)]
    with pytest.raises(Cancelled):
        find_series(folder, cancelled=lambda: True)
    with pytest.raises(Cancelled):
        read_series(folder, cancelled=lambda: len(steps) == 5)
    with pytest.raises(Cancelled):
        open_series(folder).read(cancelled=lambda: True)


def test_order_is_followed_and_slices_announced(write_stack: Write) -> None:
    series = open_series(write_stack([0, 1, 2, 3]))
    seen: list[int] = []
    out = np.full(series.header.shape, -1, np.int16)
    series.read(out, order=[2, 0], on_slice=seen.append, workers=1)
    assert seen == [2, 0]
    assert out[:, 0, 0].tolist() == [0, -1, 200, -1]


def _enhanced(path: Path, order: list[int]) -> None:
    """Write an enhanced MR of three planes, in the given order, each rescaled."""
    ds = pydicom.dcmread(path)
    ds.SOPClassUID = EnhancedMRImageStorage
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(ds, keyword)
    shared = Dataset()
    plane = Dataset()
    plane.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    shared.PlaneOrientationSequence = Sequence([plane])
    measures = Dataset()
    measures.PixelSpacing = [0.75, 0.5]
    shared.PixelMeasuresSequence = Sequence([measures])
    ds.SharedFunctionalGroupsSequence = Sequence([shared])
    groups = []
    for k in order:
        group, position, transform = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = [4.0 * k, 0, 0]
        group.PlanePositionSequence = Sequence([position])
        transform.RescaleSlope, transform.RescaleIntercept = k + 1, -k
        transform.RescaleType = "US"
        group.PixelValueTransformationSequence = Sequence([transform])
        window = Dataset()
        window.WindowCenter, window.WindowWidth = 100 * k, 50
        group.FrameVOILUTSequence = Sequence([window])
        groups.append(group)
    ds.PerFrameFunctionalGroupsSequence = Sequence(groups)
    ds.NumberOfFrames = len(order)
    planes = [np.full((4, 5), 10 * k, np.int16) for k in order]
    ds.PixelData = np.stack(planes).tobytes()
    ds.save_as(path)


def test_enhanced_multi_frame(write_slice: Write) -> None:
    path = write_slice("enhanced")
    _enhanced(path, [1, 2, 0])
    volume = read_series(path)
    assert volume.spacing == (4.0, 0.75, 0.5)
    assert volume.header.orientation == "sagittal"
    assert volume.voxels[:, 0, 0].tolist() == [20 * 3 - 2, 10 * 2 - 1, 0]
    assert [item.frame for item in volume.slices] == [2, 1, 3]
    assert [window.center for window in volume.windows] == [100]
    assert volume.rescale is None
    assert volume.affine is not None
    np.testing.assert_allclose(
        volume.affine, [[-4, 0, 0, 8], [0, 0, 0.5, 0], [0, -0.75, 0, 0], [0, 0, 0, 1]]
    )


def test_dicomdir_opens_what_it_lists(tmp_path: Path) -> None:
    from pydicom.data import get_testdata_file

    source = get_testdata_file("DICOMDIR")
    assert isinstance(source, str)
    found = find_series(source)
    assert sum(h.shape[0] for h in found) + len(found.faults) > 30
    assert all(isinstance(f.error, NoImageError) for f in found.faults)
    lonely = tmp_path / "DICOMDIR"
    shutil.copy(source, lonely)
    found = find_series(lonely)
    assert not found
    assert "Copy the whole disc" in str(found.faults[0].error)


def test_volumes_of_which_one_has_places_of_its_own_stay_apart(
    write_stack: Write,
) -> None:
    """Uneven slices are told by their places: those without lie on another grid."""
    folder = write_stack([0, 1, 0, 1], EchoTime=(10, 10, 80, 80))
    (whole,) = find_series(folder)
    origins = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    places = {(True, True): [2], (True, False): [1, 1], (False, True): [1, 1]}
    for (one, other), expected in places.items():
        headers = [
            replace(header, siblings=(), origins=origins if there else None)
            for header, there in zip(whole.volumes, (one, other), strict=True)
        ]
        assert [len(header.volumes) for header in along_axes(headers)] == expected
