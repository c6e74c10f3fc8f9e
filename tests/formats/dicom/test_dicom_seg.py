"""DICOM SEG, by our reader, highdicom's and dcmqi's."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest

from napari_annotate_jobs.errors import (
    CorruptError,
    InvalidValueError,
    UnreadableImageError,
)
from napari_annotate_jobs.formats import export, exporter
from napari_annotate_jobs.formats.dicom._read_seg import read_seg
from napari_annotate_jobs.model import Decision, Label, LabelSet, Method, Provenance
from napari_annotate_jobs.stores import StoreSource

if TYPE_CHECKING:
    from pathlib import Path

hd = pytest.importorskip("highdicom")


def write(case: Any, folder: Path, priority: Any = (), **options: Any) -> Path:
    """Write and prove one case."""
    writer = exporter("dicom-seg", options, priority=priority)
    folder.mkdir(exist_ok=True)
    done = writer.write_case(case, folder)
    writer.verify_case(case, folder, done)
    assert sorted(p.name for p in folder.iterdir()) == sorted(done.files)
    return folder / done.files[0]


def content(case: Any) -> dict[tuple[str, int], Any]:
    """Return masks by SOP Instance UID and label id."""
    return {
        (case.header.slices[i].sop_instance_uid, label): case.mask(i, group) == label
        for i in range(case.n_slices)
        for group, ref in case.said(i).masks.items()
        for label in ref.pixels
    }


def some(kit: Any, folder: Path, **more: Any) -> Any:
    """Return a case with those of the shapes that there are slices for."""
    from napari_annotate_jobs.imaging import open_series

    shape = open_series(folder).header.shape
    masks = {i: m for i, m in kit.shapes(shape[1:3]).items() if i < shape[0]}
    return kit.case(folder, masks, kit.labels, **more)


@pytest.mark.slow
def test_highdicom_reads_the_same_masks(
    kit: Any, geometry: Path, tmp_path: Path
) -> None:
    case = some(kit, geometry)
    seg = hd.seg.segread(write(case, tmp_path / "out"))
    ids = {label.name: label.id for label in kit.labels.labels}
    for (uid, label), mask in content(case).items():
        number = next(
            item.SegmentNumber
            for item in seg.SegmentSequence
            if ids[item.SegmentDescription] == label
        )
        found = seg.get_pixels_by_source_instance(
            [uid], segment_numbers=[number], assert_missing_frames_are_empty=True
        )
        assert np.array_equal(found[0, ..., 0], mask), (uid, label)
    origins = [
        np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
        for frame in seg.PerFrameFunctionalGroupsSequence
    ]
    for origin in origins:
        off = np.linalg.norm(case.header.origins - origin, axis=1)
        assert off.min() < 1e-3


def test_header_is_what_highdicom_writes_alone(kit: Any, tmp_path: Path) -> None:
    """All but UIDs, names and times are as if highdicom had made the whole file."""
    folder = kit.series(tmp_path / "images")
    case = some(kit, folder)
    ours = pydicom.dcmread(write(case, tmp_path / "out", empty_frames=True))
    sources = [pydicom.dcmread(p) for p in sorted(folder.iterdir())]
    stack = np.zeros((6, *case.plane, 3), np.uint8)
    numbers = {1: 0, 2: 1, 300: 2}
    places = {s.SOPInstanceUID: i for i, s in enumerate(sources)}
    for (uid, label), mask in content(case).items():
        stack[places[uid], ..., numbers[label]] = mask
    peer = hd.seg.Segmentation(
        sources,
        stack,
        "BINARY",
        [hd.seg.SegmentDescription.from_dataset(item) for item in ours.SegmentSequence],
        ours.SeriesInstanceUID,
        300,
        ours.SOPInstanceUID,
        1,
        "napari-annotate-jobs",
        "napari-annotate-jobs",
        "1",
        "1",
        omit_empty_frames=False,
        transfer_syntax_uid=ours.file_meta.TransferSyntaxUID,
    )
    peer.SpecificCharacterSet = "ISO_IR 192"
    peer.save_as(tmp_path / "peer.dcm")
    peer = pydicom.dcmread(tmp_path / "peer.dcm")
    own = {e.keyword for e in ours}
    assert {e.keyword for e in peer} - {"PositionReferenceIndicator"} <= own
    for keyword in (
        "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate",
        "StudyID", "AccessionNumber", "StudyInstanceUID", "FrameOfReferenceUID",
        "ReferencedSeriesSequence", "SegmentSequence", "SegmentsOverlap", "Rows",
        "SharedFunctionalGroupsSequence", "NumberOfFrames", "BitsAllocated",
    ):  # fmt: skip
        assert ours[keyword].value == peer[keyword].value, keyword
    ordered = sorted(
        range(len(peer.PerFrameFunctionalGroupsSequence)), key=lambda n: _order(peer, n)
    )
    for number, other in enumerate(ordered):
        frame = ours.PerFrameFunctionalGroupsSequence[number]
        theirs = peer.PerFrameFunctionalGroupsSequence[other]
        for keyword in ("DerivationImageSequence", "PlanePositionSequence"):
            assert frame[keyword].value == theirs[keyword].value
    pixels = peer.pixel_array[ordered]
    assert np.array_equal(ours.pixel_array, pixels)


def _order(seg: Any, number: int) -> tuple[int, float]:
    frame = seg.PerFrameFunctionalGroupsSequence[number]
    segment = frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber
    return segment, float(frame.PlanePositionSequence[0].ImagePositionPatient[2])


def test_codes_colours_provenance(kit: Any, tmp_path: Path) -> None:
    folder = kit.series(tmp_path / "images")
    path = write(
        some(kit, folder, provenance=Provenance.INTERPOLATED), tmp_path / "out"
    )
    first, second, _ = pydicom.dcmread(path).SegmentSequence
    kind = first.SegmentedPropertyTypeCodeSequence[0]
    assert (kind.CodeValue, kind.CodingSchemeDesignator) == ("64033007", "SCT")
    side = kind.SegmentedPropertyTypeModifierCodeSequence[0]
    assert side.CodeMeaning == "Left"
    assert first.SegmentAlgorithmType == "SEMIAUTOMATIC"
    assert first.SegmentAlgorithmName == "interpolated"
    assert second.SegmentedPropertyTypeCodeSequence[0].CodeValue == "label-2"
    found = read_seg(path)
    assert [label.name for label in found.labels] == [
        "Left kidney",
        "Gefäß, 血管",
        "over",
    ]
    assert found.labels[0].concept == kit.labels[1].concept
    for label, mine in zip(found.labels, kit.labels.labels, strict=True):
        assert label.color is not None
        near = [int(label.color[i : i + 2], 16) for i in (1, 3, 5)]
        assert np.allclose(near, 255 * np.array(mine.rgb), atol=2)
    assert "napari-annotate-jobs" in found.title
    assert found.provenance is Provenance.IMPORTED
    manual = pydicom.dcmread(write(some(kit, folder), tmp_path / "by-hand"))
    assert {s.SegmentAlgorithmType for s in manual.SegmentSequence} == {"MANUAL"}


def test_overlap_is_kept_and_said(kit: Any, tmp_path: Path) -> None:
    case = some(kit, kit.series(tmp_path / "images"))
    path = write(case, tmp_path / "out")
    assert pydicom.dcmread(path).SegmentsOverlap == "YES"
    (both,) = (s for s in read_seg(path).slices if len(s.masks) == 2)
    assert (both.masks["Left kidney"] & both.masks["over"]).any()


def test_label_map_needs_a_priority_for_overlap(kit: Any, tmp_path: Path) -> None:
    case = some(kit, kit.series(tmp_path / "images"))
    with pytest.raises(InvalidValueError, match=r"masks overlap on slice 3.*priority"):
        write(case, tmp_path / "no", type="labelmap")
    path = write(case, tmp_path / "out", priority=[300, 1], type="labelmap")
    dataset = pydicom.dcmread(path)
    assert dataset.file_meta.TransferSyntaxUID == pydicom.uid.RLELossless
    assert dataset.BitsAllocated == 16
    frame = np.asarray(dataset.pixel_array)[1]
    assert np.array_equal(frame, case.label_map(2, [300, 1]))
    assert {label.number for label in read_seg(path).labels} == {1, 2, 300}


def test_empty_frames_on_request(kit: Any, tmp_path: Path) -> None:
    case = some(kit, kit.series(tmp_path / "images"))
    few = pydicom.dcmread(write(case, tmp_path / "few"))
    full = pydicom.dcmread(write(case, tmp_path / "full", empty_frames=True))
    assert few.NumberOfFrames == len(content(case)) == 5
    assert full.NumberOfFrames == 3 * 6
    assert int(few.pixel_array.sum()) == int(full.pixel_array.sum())


def test_a_verified_negative_is_a_file_of_all_labels(kit: Any, tmp_path: Path) -> None:
    folder = kit.series(tmp_path / "images")
    case = kit.case(folder, {}, kit.labels, nothing_to_label={4: True})
    assert case.decision(4) is Decision.NOTHING_TO_LABEL
    for kind in ("binary", "labelmap"):
        found = read_seg(write(case, tmp_path / kind, type=kind))
        assert len(found.labels) == 3
        assert not any(m.any() for s in found.slices for m in s.masks.values())


@pytest.mark.slow
def test_same_input_same_bytes(drawn: Any, tmp_path: Path) -> None:
    source = StoreSource(str(drawn.folder))
    for options in ({}, {"type": "labelmap"}):
        files = [
            (
                export(source, exporter("dicom-seg", options), tmp_path / n, workers=1)
            ).folder
            / "ct-lung.seg.dcm"
            for n in (f"a{len(options)}", f"b{len(options)}")
        ]
        assert files[0].read_bytes() == files[1].read_bytes()


def test_names_equal_after_trimming(kit: Any, tmp_path: Path) -> None:
    long = "x" * 119
    names = [long + "1", long + "2", 'a,"b\\c', "a  b", "a b", "Ж" * 120]
    labels = LabelSet(
        labels=tuple(
            Label(
                id=i,
                name=name,
                color="#112233",
                method=Method.SEGMENTATION,
                overlap_group=f"g{i}",
            )
            for i, name in enumerate(names, 1)
        )
    )
    masks = {}
    for i in range(1, 7):
        mask = np.zeros((24, 30), bool)
        mask[i, i : i + 3] = True
        masks[i] = mask
    case = kit.case(kit.series(tmp_path / "images"), {1: masks}, labels)
    path = write(case, tmp_path / "out")
    found = pydicom.dcmread(path).SegmentSequence
    short = [item.SegmentLabel for item in found]
    assert len(set(short)) == 6
    assert max(map(len, short)) == 64
    assert [item.SegmentDescription for item in found] == names


@pytest.mark.parametrize(
    ("tags", "match"),
    [
        ({"FrameOfReferenceUID": None}, "no Frame of Reference UID"),
        ({"PixelSpacing": None}, "no position, orientation or pixel spacing"),
    ],
)
def test_several_slices_without_a_place(
    kit: Any, tmp_path: Path, tags: Any, match: str
) -> None:
    case = some(kit, kit.series(tmp_path / "images", **tags))
    with pytest.raises(InvalidValueError, match=match):
        write(case, tmp_path / "out")


@pytest.mark.parametrize("kind", ["binary", "labelmap"])
def test_one_image_without_a_place(kit: Any, tmp_path: Path, kind: str) -> None:
    tags = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1", "Modality": "CR"}
    tags |= dict.fromkeys(
        ("FrameOfReferenceUID", "ImagePositionPatient", "ImageOrientationPatient")
    )
    case = some(kit, kit.series(tmp_path / "images", heights=(0,), **tags))
    seg = pydicom.dcmread(write(case, tmp_path / "out", type=kind))
    assert "FrameOfReferenceUID" not in seg
    image = seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0]
    assert image.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.1"


def test_colour_images(kit: Any, tmp_path: Path) -> None:
    case = some(kit, kit.series(tmp_path / "images", channels=3))
    assert case.header.is_color
    write(case, tmp_path / "out")


def test_damaged_patient_tags_do_not_stop_it(kit: Any, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Invalid value"):
        folder = kit.series(
            tmp_path / "images",
            PatientSex="UNKNOWN",
            PatientBirthDate="anonymous",
            PatientAge="old",
            StudyID=None,
        )
    dataset = pydicom.dcmread(write(some(kit, folder), tmp_path / "out"))
    assert (dataset.PatientSex, dataset.PatientBirthDate) == ("", "")
    assert (dataset.PatientID, str(dataset.PatientName)) == ("4711", "Müller^Jörg")
    assert "PatientAge" not in dataset


def test_frames_of_a_multi_frame_image(kit: Any, tmp_path: Path) -> None:
    enhanced = tmp_path / "images" / "enhanced.dcm"
    kit.enhanced(kit.series(tmp_path / "single"), enhanced)
    case = some(kit, enhanced.parent)
    assert [s.frame for s in case.header.slices] == [1, 2, 3, 4, 5, 6]
    seg = pydicom.dcmread(write(case, tmp_path / "out"))
    numbers = {
        f.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber
        for f in seg.PerFrameFunctionalGroupsSequence
    }
    assert numbers == {1, 3, 4, 6}


def test_images_that_are_not_dicom_are_refused_first() -> None:
    from napari_annotate_jobs.formats import CaseSummary, ExportJob
    from napari_annotate_jobs.model import (
        Annotation,
        Case,
        Job,
        Project,
        SeriesRef,
        SliceAnnotation,
    )

    said = SliceAnnotation(index=0, nothing_to_label=True)
    summary = CaseSummary(
        case=Case(id="n", name="n", series=(SeriesRef(path="n.nii.gz"),)),
        person="ana",
        annotation=Annotation(case_id="n", person="ana", slices={"index:0": said}),
        stem="n",
    )
    labels = LabelSet(
        labels=(Label(id=1, name="a", color="#112233", method=Method.SEGMENTATION),)
    )
    project = Project(name="p", methods=(Method.SEGMENTATION,), label_set=labels)
    plan = ExportJob(job=Job(id="j", project=project), labels=labels, cases=[summary])
    for name in ("dicom-seg", "rtstruct", "dicom-sr"):
        reasons = exporter(name).is_incompatible(plan)
        assert any("n by ana" in reason and "nifti" in reason for reason in reasons)


def test_a_bit_that_flips_is_seen(kit: Any, tmp_path: Path) -> None:
    case = some(kit, kit.series(tmp_path / "images"))
    writer = exporter("dicom-seg")
    done = writer.write_case(case, tmp_path)
    path = tmp_path / done.files[0]
    good = path.read_bytes()
    path.write_bytes(good[:-40] + bytes([good[-40] ^ 4]) + good[-39:])
    with pytest.raises(CorruptError, match="not the one written"):
        writer.verify_case(case, tmp_path, done)
    seg = pydicom.dcmread(tmp_path / done.files[0])
    path.write_bytes(good)
    seg = pydicom.dcmread(path)
    place = seg.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0]
    place.ImagePositionPatient = [v + 0.01 for v in place.ImagePositionPatient]
    seg.save_as(path)
    with pytest.raises(CorruptError, match="mm off"):
        writer.verify_case(case, tmp_path, done)


# ---------------------------------------------------------------------- coming in
def test_a_file_that_is_no_segmentation(kit: Any, tmp_path: Path) -> None:
    folder = kit.series(tmp_path / "images", heights=(0,))
    with pytest.raises(InvalidValueError, match="no DICOM segmentation"):
        read_seg(folder / "000.dcm")


def test_a_file_that_is_cut_short(kit: Any, tmp_path: Path) -> None:
    path = write(some(kit, kit.series(tmp_path / "images")), tmp_path / "out")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UnreadableImageError):
        found = read_seg(path)
        [m.any() for s in found.slices for m in s.masks.values()]


def test_the_order_of_frames_does_not_count(kit: Any, tmp_path: Path) -> None:
    """Frames belong where their groups say; segments may lack some, and overlap."""
    case = some(kit, kit.series(tmp_path / "images"))
    path = write(case, tmp_path / "out")
    dataset = pydicom.dcmread(path)
    order = [3, 0, 4, 2, 1]
    groups = dataset.PerFrameFunctionalGroupsSequence
    dataset.PerFrameFunctionalGroupsSequence = [groups[n] for n in order]
    frames = np.asarray(dataset.pixel_array)[order]
    dataset.PixelData = np.packbits(frames.ravel(), bitorder="little").tobytes()
    dataset.save_as(path)
    found = read_seg(path)
    names = {label.name: label.id for label in kit.labels.labels}
    masks = {
        (each.sop_instance_uid, names[name]): mask
        for each in found.slices
        for name, mask in each.masks.items()
    }
    wanted = content(case)
    assert masks.keys() == wanted.keys()
    assert all(np.array_equal(masks[key], wanted[key]) for key in wanted)


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
@pytest.mark.parametrize("syntax", ["native", "rle", "implicit"])
def test_what_highdicom_writes_comes_in(
    kit: Any, tmp_path: Path, kind: str, syntax: str
) -> None:
    if (kind, syntax) == ("BINARY", "rle"):
        pytest.skip("a bit a pixel cannot be compressed by RLE")
    folder = kit.series(tmp_path / "images", plane=(23, 31))
    sources = [pydicom.dcmread(p) for p in sorted(folder.iterdir())]
    rng = np.random.default_rng(1)
    stack = (rng.random((6, 23, 31, 2)) > 0.7).astype(np.uint8)
    stack[..., 1] &= 1 - stack[..., 0]
    code = pydicom.sr.codedict.codes.SCT.Tissue
    seg = hd.seg.Segmentation(
        sources,
        stack.copy(),  # highdicom writes into it
        kind,
        [
            hd.seg.SegmentDescription(
                n,
                "same",
                code,
                code,
                "AUTOMATIC",
                hd.AlgorithmIdentificationSequence("Net", code, "2.1"),
            )
            for n in (1, 2)
        ],
        hd.UID(),
        1,
        hd.UID(),
        1,
        "Maker",
        "Model",
        "3",
        "1",
        transfer_syntax_uid=pydicom.uid.ImplicitVRLittleEndian
        if syntax == "implicit"
        else pydicom.uid.ExplicitVRLittleEndian,
    )
    seg.save_as(tmp_path / "theirs.dcm")
    if syntax == "rle":
        # Not by highdicom, which takes GDCM's encoder where that is installed: it
        # aborts on frames that do not get smaller.
        seg = pydicom.dcmread(tmp_path / "theirs.dcm")
        seg.compress(pydicom.uid.RLELossless, encoding_plugin="pydicom")
        seg.save_as(tmp_path / "theirs.dcm")
    found = read_seg(tmp_path / "theirs.dcm")
    assert [label.name for label in found.labels] == ["same", "same (2)"]
    assert found.provenance is Provenance.PREDICTED
    assert found.title.endswith("Maker Model 3, Net")
    places = {s.SOPInstanceUID: i for i, s in enumerate(sources)}
    assert len(found.slices) == 6
    for each in found.slices:
        index = places[each.sop_instance_uid]
        for channel, name in enumerate(("same", "same (2)")):
            mask = each.masks[name]
            assert mask.dtype == bool
            assert np.array_equal(mask, stack[index, ..., channel])


# ---------------------------------------------------------------------- elsewhere
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["binary", "labelmap"])
@pytest.mark.parametrize(
    "how",
    ["axial", "oblique", "sagittal", "flipped", "tilted", "multi-frame"],
)
def test_dcmqi_reads_the_same(
    kit: Any, foreign: Path, tmp_path: Path, how: str, kind: str
) -> None:
    sitk = pytest.importorskip("SimpleITK")
    folder = kit.series(tmp_path / "images", **kit.geometries.get(how, {}))
    if how == "multi-frame":
        kit.enhanced(folder, tmp_path / "enhanced" / "image.dcm")
        folder = tmp_path / "enhanced"
    case = some(kit, folder)
    path = write(case, tmp_path / "out", priority=[300], type=kind)
    wanted = {
        (index, label.id): mask
        for index in range(case.n_slices)
        for label in kit.labels.labels
        if (mask := mask_of(case, index, label, kind)).any()
    }
    read = tmp_path / "read"
    read.mkdir()
    subprocess.run(
        [
            foreign / "segimage2itkimage",
            *("--inputDICOM", path, "--outputDirectory", read),
            *("--mergeSegments", "--prefix", "x", "--outputType", "nrrd"),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    meta = json.loads((read / "x-meta.json").read_text("utf-8"))
    ids = {label.name: label.id for label in kit.labels.labels}
    left = dict(wanted)
    for number, segments in enumerate(meta["segmentAttributes"], 1):
        image = sitk.ReadImage(str(read / f"x-{number}.nrrd"))
        voxels = sitk.GetArrayFromImage(image)
        for segment in segments:
            label = ids[segment["SegmentDescription"]]
            for index in range(case.n_slices):
                mask = wanted.get((index, label))
                if mask is None:
                    continue
                i, j, k = image.TransformPhysicalPointToContinuousIndex(
                    [float(v) for v in case.header.origins[index]]
                )
                # ITK has no axes that lean: it keeps the pixels of a tilted slice,
                # and its place along the normal.
                if how != "tilted":
                    assert np.allclose((i, j), 0, atol=1e-3)
                assert abs(k - round(k)) < 1e-3
                assert np.array_equal(voxels[round(k)] == segment["labelID"], mask)
                del left[index, label]
    assert not left


def mask_of(case: Any, index: int, label: Label, kind: str) -> Any:
    """Return a label's pixels; in a label map the overlapping one wins."""
    if kind == "labelmap":
        return case.label_map(index, [300]) == label.id
    found = case.mask(index, label.overlap_group)
    return np.zeros(case.plane, bool) if found is None else found == label.id
