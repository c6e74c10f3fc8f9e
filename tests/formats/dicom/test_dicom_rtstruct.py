"""RTSTRUCT, by our reader and by dcmrtstruct2nii."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import points_in_poly

from napari_annotate_jobs.errors import CorruptError, InvalidValueError
from napari_annotate_jobs.formats import exporter
from napari_annotate_jobs.formats.dicom._contours import fill_outlines, outlines_of
from napari_annotate_jobs.formats.dicom._read_rtstruct import read_rtstruct
from napari_annotate_jobs.imaging import open_series

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("highdicom")


def write(case: Any, folder: Path, **options: Any) -> Path:
    writer = exporter("rtstruct", options)
    folder.mkdir(exist_ok=True)
    done = writer.write_case(case, folder)
    writer.verify_case(case, folder, done)
    return folder / done.files[0]


def some(kit: Any, folder: Path) -> Any:
    shape = open_series(folder).header.shape
    masks = {i: m for i, m in kit.shapes(shape[1:3]).items() if i < shape[0]}
    return kit.case(folder, masks, kit.labels)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_any_mask_comes_back_from_its_outlines(mask: Any) -> None:
    # Written to a hundredth of a micrometre, on pixels of 0.3 mm and turned.
    turn = np.array([[0.8, -0.6], [0.6, 0.8]]) * 0.3
    back = np.linalg.inv(turn)
    lines = [np.round(line @ turn, 5) @ back for line in outlines_of(mask)]
    assert np.array_equal(fill_outlines(lines, mask.shape), mask)


def test_outlines_through_the_centres_of_pixels() -> None:
    """As programs write them that connect the centres of the outermost pixels."""
    outer = [(2, 2), (2, 8), (8, 8), (8, 2)]
    hole = [(4, 4), (4, 6), (6, 6), (6, 4)]
    mask = np.zeros((10, 11), bool)
    mask[2:9, 2:9] = True
    assert np.array_equal(fill_outlines([outer], (10, 11)), mask)
    mask[5, 5] = False
    assert np.array_equal(fill_outlines([outer, hole], (10, 11)), mask)
    assert fill_outlines([[(3, 4)]], (10, 11)).sum() == 1


def test_outlines_that_leave_the_image_are_cut() -> None:
    found = fill_outlines([[(-5, -5), (-5, 20), (2.5, 20), (2.5, -5)]], (6, 7))
    assert found[:3].all()
    assert not found[3:].any()


@pytest.mark.slow
def test_every_geometry(kit: Any, geometry: Path, tmp_path: Path) -> None:
    case = some(kit, geometry)
    found = read_rtstruct(write(case, tmp_path / "out"), case.header)
    assert not found.notes
    said = {
        (i, label)
        for i in range(case.n_slices)
        for ref in case.said(i).masks.values()
        for label in ref.pixels
    }
    names = {label.id: label.name for label in kit.labels.labels}
    assert {(s.index, n) for s in found.slices for n in s.masks} == {
        (i, names[label]) for i, label in said
    }


@pytest.mark.parametrize(
    "how",
    ["axial", "oblique", "sagittal", "flipped", "tilted", "uneven", "multi-frame"],
)
def test_pydicom_and_scikit_image_find_the_pixels(
    kit: Any, how: str, tmp_path: Path
) -> None:
    folder = kit.series(tmp_path / "images", **kit.geometries.get(how, {}))
    if how == "multi-frame":
        kit.enhanced(folder, tmp_path / "enhanced" / "image.dcm")
        folder = tmp_path / "enhanced"
    case = some(kit, folder)
    dataset = pydicom.dcmread(write(case, tmp_path / "out"))
    places = _places(folder)
    rows, columns = case.plane
    pixels = np.stack(np.mgrid[:rows, :columns], axis=-1).reshape(-1, 2)
    names = {r.ROINumber: r.ROIName for r in dataset.StructureSetROISequence}
    labels = {label.name: label for label in kit.labels.labels}
    found: dict[tuple[int, int], Any] = {}
    for roi in dataset.ROIContourSequence:
        label = labels[names[roi.ReferencedROINumber]]
        for contour in roi.ContourSequence:
            image = contour.ContourImageSequence[0]
            frame = int(image.get("ReferencedFrameNumber", 0))
            index, origin, across, down = places[image.ReferencedSOPInstanceUID, frame]
            points = np.reshape(np.array(contour.ContourData, float), (-1, 3)) - origin
            normal = np.cross(across, down)
            off = points @ normal / np.linalg.norm(normal)
            assert np.abs(off).max() < 1e-3, "on the plane of its own image"
            outline = np.stack([points @ v / (v @ v) for v in (down, across)], axis=1)
            inside = points_in_poly(pixels, outline).reshape(rows, columns)
            known = found.get((index, label.id), np.zeros_like(inside))
            found[index, label.id] = known ^ inside  # even and odd
    wanted = {
        (i, label): case.mask(i, group) == label
        for i in range(case.n_slices)
        for group, ref in case.said(i).masks.items()
        for label in ref.pixels
    }
    assert set(found) == set(wanted)
    for key, mask in wanted.items():
        assert np.array_equal(found[key], mask), key


def _places(folder: Path) -> dict[tuple[str, int], Any]:
    """Return index, origin and steps (across, down) of each frame, mm, by its UID."""
    out = {}
    for path in sorted(folder.iterdir()):
        image = pydicom.dcmread(path, stop_before_pixels=True)
        frames = image.get("PerFrameFunctionalGroupsSequence", [None])
        for number, group in enumerate(frames):
            if group is None:
                own, place, axes = image, image, image
            else:
                shared = image.SharedFunctionalGroupsSequence[0]
                own = shared.PixelMeasuresSequence[0]
                place = group.PlanePositionSequence[0]
                axes = shared.PlaneOrientationSequence[0]
            turn = np.reshape(np.array(axes.ImageOrientationPatient, float), (2, 3))
            down, across = (float(v) for v in own.PixelSpacing)
            key = image.SOPInstanceUID, 0 if group is None else number + 1
            origin = np.array(place.ImagePositionPatient, float)
            out[key] = [origin, turn[0] * across, turn[1] * down]
    normal = np.cross(*next(iter(out.values()))[1:])
    ordered = sorted(out, key=lambda key: float(out[key][0] @ normal))
    return {key: (n, *out[key]) for n, key in enumerate(ordered)}


def test_holes_islands_codes_and_references(kit: Any, tmp_path: Path) -> None:
    case = some(kit, kit.series(tmp_path / "images"))
    dataset = pydicom.dcmread(write(case, tmp_path / "out"))
    kidney = dataset.ROIContourSequence[0].ContourSequence
    # Outside, hole and island on each of two slices, and no pin holes.
    assert len(kidney) == 6
    assert {c.ContourGeometricType for c in kidney} == {"CLOSED_PLANAR"}
    uids = {c.ContourImageSequence[0].ReferencedSOPInstanceUID for c in kidney}
    assert uids == {case.header.slices[i].sop_instance_uid for i in (2, 3)}
    code = dataset.RTROIObservationsSequence[0].RTROIIdentificationCodeSequence[0]
    side = code.SegmentedPropertyTypeModifierCodeSequence[0]
    assert (code.CodeValue, side.CodeMeaning) == ("64033007", "Left")
    assert (dataset.PatientID, str(dataset.PatientName)) == ("4711", "Müller^Jörg")
    frame = dataset.ReferencedFrameOfReferenceSequence[0]
    assert frame.FrameOfReferenceUID == case.header.frame_of_reference
    images = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence[0]
    assert len(images.ContourImageSequence) == 6
    names = [roi.ROIName for roi in dataset.StructureSetROISequence]
    assert names == ["Left kidney", "Gefäß, 血管", "over"]
    marked = pydicom.dcmread(write(case, tmp_path / "xor", holes="xor"))
    kinds = {
        contour.ContourGeometricType
        for roi in marked.ROIContourSequence
        for contour in roi.ContourSequence
    }
    assert kinds == {"CLOSEDPLANAR_XOR"}


def test_same_input_same_bytes(kit: Any, tmp_path: Path) -> None:
    case = some(kit, kit.series(tmp_path / "images"))
    first = write(case, tmp_path / "a").read_bytes()
    assert first == write(case, tmp_path / "b").read_bytes()


def test_a_single_image_without_a_place_is_refused(kit: Any, tmp_path: Path) -> None:
    folder = kit.series(tmp_path / "images", heights=(0,), FrameOfReferenceUID=None)
    with pytest.raises(InvalidValueError, match=r"nothing but places.*dicom-seg"):
        write(some(kit, folder), tmp_path / "out")


def test_an_outline_that_moves_is_seen(kit: Any, tmp_path: Path) -> None:
    case = some(kit, kit.series(tmp_path / "images"))
    writer = exporter("rtstruct")
    done = writer.write_case(case, tmp_path)
    path = tmp_path / done.files[0]
    dataset = pydicom.dcmread(path)
    contour = dataset.ROIContourSequence[0].ContourSequence[0]
    good = [float(v) for v in contour.ContourData]
    shifts = ((0, 0, 0.01), "off their plane"), ((0.6, 0, 0), "not the one")
    for shift, match in shifts:
        contour.ContourData = [v + shift[i % 3] for i, v in enumerate(good)]
        dataset.save_as(path)
        with pytest.raises(CorruptError, match=match):
            writer.verify_case(case, tmp_path, done)


def test_what_cannot_come_in_is_said(kit: Any, tmp_path: Path) -> None:
    case = some(kit, kit.series(tmp_path / "images"))
    path = write(case, tmp_path / "out")
    dataset = pydicom.dcmread(path)
    first, second, third, *_ = dataset.ROIContourSequence[0].ContourSequence
    first.ContourGeometricType = "POINT"
    second.ContourData = [
        float(v) + (100 if i % 3 == 2 else 0) for i, v in enumerate(second.ContourData)
    ]
    third.ContourData = [
        float(v) + (i if i % 3 == 2 else 0) for i, v in enumerate(third.ContourData)
    ]
    dataset.save_as(path)
    notes = " / ".join(read_rtstruct(path, case.header).notes)
    for part in ("kind POINT", "on no slice", "across the slices"):
        assert "1 outlines of Left kidney" in notes
        assert part in notes
    other = open_series(kit.series(tmp_path / "other")).header
    with pytest.raises(InvalidValueError, match="another frame of reference"):
        read_rtstruct(path, other)
    with pytest.raises(InvalidValueError, match="no RTSTRUCT"):
        read_rtstruct(tmp_path / "images" / "000.dcm", case.header)


@pytest.mark.slow
# It lays all slices on one even grid, with axes at right angles: the others are read
# by test_pydicom_and_scikit_image_find_the_pixels.
@pytest.mark.parametrize("how", ["axial", "oblique", "sagittal", "flipped"])
def test_dcmrtstruct2nii_reads_the_same(
    kit: Any, foreign: Path, tmp_path: Path, how: str
) -> None:
    sitk = pytest.importorskip("SimpleITK")
    plane = (30, 30)  # it mixes rows and columns up where they are not as many
    folder = kit.series(tmp_path / "images", plane=plane, **kit.geometries[how])
    case = kit.case(folder, kit.shapes(plane), kit.labels)
    path = write(case, tmp_path / "out")
    script = (
        "import sys, pydicom; pydicom.read_file = pydicom.dcmread\n"
        "from dcmrtstruct2nii import dcmrtstruct2nii\n"
        "dcmrtstruct2nii(*sys.argv[1:], mask_foreground_value=1)"
    )
    subprocess.run(
        [foreign / "python", "-c", script, path, folder, tmp_path / "read"],
        check=True,
        capture_output=True,
        timeout=120,
    )
    files = {p.name for p in (tmp_path / "read").glob("mask_*")}
    assert len(files) == 3
    wanted = {
        label.name: sum(
            int(ref.pixels.get(label.id, 0))
            for i in range(6)
            for ref in case.said(i).masks.values()
        )
        for label in kit.labels.labels
    }
    for name, label in (("Left-kidney", 1), ("over", 300)):
        image = sitk.ReadImage(str(tmp_path / "read" / f"mask_{name}.nii.gz"))
        voxels = sitk.GetArrayFromImage(image)
        for index in range(6):
            place = image.TransformPhysicalPointToContinuousIndex(
                [float(v) for v in case.header.origins[index]]
            )
            mask = np.zeros(plane, bool)
            for group in case.said(index).masks:
                found = case.mask(index, group)
                mask |= found == label
            assert np.array_equal(voxels[int(np.rint(place[2]))] > 0, mask), index
    assert all(wanted.values())
