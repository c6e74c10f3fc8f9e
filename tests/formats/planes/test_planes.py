"""Formats of single images: what is written, where, and that it comes back the same."""

from __future__ import annotations

import csv
import json
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from napari_annotate_jobs.errors import AnnotateJobsError, CorruptError
from napari_annotate_jobs.errors import InvalidValueError as Refused
from napari_annotate_jobs.formats import (
    AnnotatedCase,
    CaseSource,
    CaseSummary,
    export,
    exporter,
    plan_export,
)
from napari_annotate_jobs.formats._read_tables import (
    read_parquet_tables,
    read_tables,
)
from napari_annotate_jobs.formats.planes._read_coco import read_coco
from napari_annotate_jobs.formats.planes._read_cvat import read_cvat
from napari_annotate_jobs.formats.planes._read_label_csv import (
    read_class_folders,
    read_label_csv,
)
from napari_annotate_jobs.formats.planes._read_labelme import read_labelme
from napari_annotate_jobs.formats.planes._read_voc import read_voc
from napari_annotate_jobs.formats.planes._read_yolo import read_yolo
from napari_annotate_jobs.imaging import open_series
from napari_annotate_jobs.model import (
    Annotation,
    Attribute,
    Box,
    Case,
    Group,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    Scope,
    SeriesRef,
    SliceAnnotation,
    mask_ref,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from napari_annotate_jobs.formats._incoming import Incoming

SEG, DET, CLS = Method.SEGMENTATION, Method.DETECTION, Method.CLASSIFICATION
COLOR = "#E69F00"
LABELS = LabelSet(
    labels=(
        Label(id=1, name="Tumour", color=COLOR, method=SEG),
        Label(id=2, name="Gefäß, links", color=COLOR, method=SEG, overlap_group="b"),
        Label(id=3, name="nodule", color=COLOR, method=DET),
        Label(
            id=4,
            name='a "quoted" / name',
            color=COLOR,
            method=DET,
            attributes=(Attribute(name="shape", choices=("round", "spiky")),),
        ),
        Label(id=5, name="good", color=COLOR, method=CLS, group="quality"),
        Label(id=6, name="bad", color=COLOR, method=CLS, group="quality"),
        Label(id=7, name="contrast", color=COLOR, method=CLS),
        Label(id=8, name="metal", color=COLOR, method=CLS),
        Label(id=9, name="old", color=COLOR, method=CLS, scope=Scope.CASE, group="x"),
    ),
    groups=(Group(name="quality", exclusive=True),),
)
PLANE = 14, 18


def only(*methods: Method, groups: Sequence[str] | None = None) -> LabelSet:
    """Return the labels of some methods (and groups), of slices."""
    return LabelSet(
        labels=tuple(
            label
            for label in LABELS.labels
            if label.method in methods
            and label.scope is Scope.SLICE
            and (groups is None or label.method is not CLS or label.group in groups)
        ),
        groups=LABELS.groups,
    )


@dataclass
class Said:
    """What is said of one slice."""

    boxes: tuple[Box, ...] = ()
    masks: dict[int, NDArray[np.bool_]] = field(default_factory=dict)
    classes: tuple[int, ...] = ()
    nothing: bool = False
    excluded: bool = False


class Memory(CaseSource):
    """One case of a stack of pictures, or of one picture."""

    def __init__(
        self,
        path: Path,
        labels: LabelSet,
        said: dict[int, Said],
        case_labels: tuple[int, ...] = (),
    ) -> None:
        self.path, self.said = path, said
        methods = tuple(m for m in (SEG, DET, CLS) if labels.of(m))
        project = Project(name="p", methods=methods, label_set=labels)
        self.job = Job(id="job", name="a job", project=project)
        self.blobs: dict[str, bytes] = {}
        slices = {}
        for index, each in said.items():
            masks: dict[str, Any] = {}
            for label, mask in each.masks.items():
                group = labels[label].overlap_group
                found = mask_ref(mask.astype(np.uint16) * np.uint16(label))
                if found is not None:
                    masks[group], self.blobs[found[0].digest] = found
            slices[f"index:{index}"] = SliceAnnotation(
                index=index,
                boxes=each.boxes,
                masks=masks,
                class_labels=each.classes,
                nothing_to_label=each.nothing,
                excluded=each.excluded,
            )
        self.annotation = Annotation(
            case_id="c1", person="ana", slices=slices, case_labels=case_labels
        )

    def summaries(self) -> Iterator[CaseSummary]:
        case = Case(id="c1", name="one", series=(SeriesRef(path=str(self.path)),))
        yield CaseSummary(
            case=case, person="ana", annotation=self.annotation, stem="one"
        )

    def open(self, summary: CaseSummary) -> AnnotatedCase:
        series = open_series(self.path)
        labels = self.job.project.label_set
        return AnnotatedCase.of(summary, labels, series, self.blobs.__getitem__)


def stack(folder: Path, count: int, plane: tuple[int, int] = PLANE) -> Path:
    path = folder / "stack.tif"
    pixels = np.random.default_rng(0).integers(0, 255, (count, *plane), np.uint8)
    tifffile.imwrite(path, pixels, photometric="minisblack")
    return path


def pixels_at(*places: tuple[slice, slice]) -> NDArray[np.bool_]:
    mask = np.zeros(PLANE, bool)
    for place in places:
        mask[place] = True
    return mask


RING = pixels_at((slice(2, 9), slice(3, 10)))
RING[4:6, 5:7] = False
BLOB = pixels_at((slice(6, 12), slice(7, 16)), (slice(12, 13), slice(16, 18)))
BOX = Box(label=3, top=1.5, left=3.5, bottom=3.5, right=6.5)
ODD = Box(
    label=4,
    top=-0.25,
    left=2.125,
    bottom=5.75,
    right=9.0625,
    track="t1",
    attributes={"shape": "round"},
)
SAID = {
    1: Said(nothing=True),
    2: Said(boxes=(BOX,), masks={1: RING, 2: BLOB}, classes=(5, 7)),
    3: Said(boxes=(ODD, BOX), classes=(6, 7, 8)),
    4: Said(boxes=(BOX,), masks={1: BLOB}, classes=(5,), excluded=True),
}
"""Of a stack of six: 0 and 5 are undecided."""


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(stack(tmp_path, 6), LABELS, SAID)


def write(source: CaseSource, name: str, out: Path, **options: Any) -> Path:
    return export(source, exporter(name, options), out, workers=1).folder


FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    "coco": ("coco", {}),
    "coco rle": ("coco", {"masks": "rle", "objects": "labels"}),
    "yolo": ("yolo", {}),
    "yolo-seg": ("yolo-seg", {"holes": "slit"}),
    "voc": ("voc", {}),
    "cvat": ("cvat", {}),
    "labelme": ("labelme", {}),
    "boxes csv": ("label-csv", {"kind": "detection"}),
    "single csv": ("label-csv", {"kind": "single"}),
    "multi csv": ("label-csv", {"kind": "multi"}),
    "class-folders": ("class-folders", {}),
}
READERS: dict[str, Any] = {
    "coco": read_coco,
    "yolo": read_yolo,
    "yolo-seg": read_yolo,
    "voc": read_voc,
    "cvat": read_cvat,
    "labelme": read_labelme,
    "label-csv": read_label_csv,
    "class-folders": read_class_folders,
}


def table(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# ------------------------------------------------------------ pixels are counted
def only_box(tmp_path: Path) -> Memory:
    """A box around the pixels of rows 2 and 3 and columns 4 to 6."""
    path = stack(tmp_path, 1, (10, 20))
    return Memory(path, only(DET), {0: Said(boxes=(BOX,))})


def test_where_coco_counts_from(tmp_path: Path) -> None:
    folder = write(only_box(tmp_path), "coco", tmp_path / "out")
    data = json.loads((folder / "annotations" / "instances_default.json").read_text())
    (found,) = data["annotations"]
    assert found["bbox"] == [4, 2, 3, 2]
    assert (found["area"], found["iscrowd"], found["segmentation"]) == (6, 0, [])


def test_where_yolo_counts_from(tmp_path: Path) -> None:
    folder = write(only_box(tmp_path), "yolo", tmp_path / "out")
    text = (folder / "labels" / "one.txt").read_text()
    assert text == "0 0.275 0.3 0.15 0.2\n"
    assert (folder / "images" / "one.png").exists()


@pytest.mark.parametrize("whole", [False, True])
def test_where_voc_counts_from(tmp_path: Path, whole: bool) -> None:
    folder = write(only_box(tmp_path), "voc", tmp_path / "out", whole=whole)
    root = ElementTree.parse(folder / "Annotations" / "one.xml").getroot()
    place = [root.findtext(f"object/bndbox/{t}") for t in ("xmin", "ymin")]
    end = [root.findtext(f"object/bndbox/{t}") for t in ("xmax", "ymax")]
    assert (place, end) == (["5", "3"], ["7", "4"])


def test_voc_widens_boxes_to_whole_pixels(memory: Memory, tmp_path: Path) -> None:
    folder = write(memory, "voc", tmp_path / "out", whole=True)
    root = ElementTree.parse(folder / "Annotations" / "one__0004.xml").getroot()
    names = [item.findtext("name") for item in root.iter("object")]
    assert names == ['a "quoted" / name', "nodule"]
    first = [e.text for e in root.iter("bndbox").__next__()]
    assert first == ["3", "1", "10", "7"]


def test_where_cvat_counts_from(tmp_path: Path) -> None:
    folder = write(only_box(tmp_path), "cvat", tmp_path / "out")
    box = ElementTree.parse(folder / "annotations.xml").find("image/box")
    assert box is not None
    assert [box.get(k) for k in ("xtl", "ytl", "xbr", "ybr")] == ["4", "2", "7", "4"]


def test_where_labelme_counts_from(tmp_path: Path) -> None:
    folder = write(only_box(tmp_path), "labelme", tmp_path / "out")
    data = json.loads((folder / "images" / "one.json").read_text())
    assert data["shapes"][0]["points"] == [[4.0, 2.0], [7.0, 4.0]]
    assert (data["imageHeight"], data["imageWidth"]) == (10, 20)


def test_where_label_csv_counts_from(tmp_path: Path) -> None:
    folder = write(only_box(tmp_path), "label-csv", tmp_path / "out")
    assert (folder / "label.csv").read_text() == "images/one.png,nodule,4,2,3,2\n"


# -------------------------------------------------------- which slices, and truth
@pytest.mark.parametrize("name", FORMATS)
def test_undecided_and_excluded_slices_are_left_out(
    memory: Memory, tmp_path: Path, name: str
) -> None:
    row, options = FORMATS[name]
    folder = write(memory, row, tmp_path / "out", **options)
    slices = [incoming.slices[0].index for incoming in READERS[row](folder)]
    single = name in ("single csv", "class-folders")
    # 1 is a negative; of a single-choice group it is none of the classes.
    assert sorted(slices) == ([2, 3] if single else [1, 2, 3])
    pictures = {path.stem for path in folder.rglob("*.png")}
    assert pictures == {f"one__{index + 1:04d}" for index in slices}


@pytest.mark.parametrize("name", [n for n in FORMATS if n not in ("single csv",)])
def test_negatives_come_back(memory: Memory, tmp_path: Path, name: str) -> None:
    row, options = FORMATS[name]
    folder = write(memory, row, tmp_path / "out", **options)
    found = {i.slices[0].index: i.slices[0] for i in READERS[row](folder)}
    if name == "class-folders":
        assert 1 not in found
    elif name == "multi csv":
        # Of two groups one is single-choice: of that one nothing is said.
        assert not found[1].classes
    else:
        assert found[1].nothing_to_label
    assert not found[2].nothing_to_label


def test_multi_choice_classes(memory: Memory, tmp_path: Path) -> None:
    folder = write(memory, "label-csv", tmp_path / "out", kind="multi", group="")
    rows = table(folder / "label.csv")
    second = [row[1:] for row in rows if row[0] == "images/one__0002.png"]
    assert second == [["contrast", "0"], ["metal", "0"]], "no row of quality"
    third = {row[1]: row[2] for row in rows if row[0] == "images/one__0003.png"}
    assert third == {"good": "1", "bad": "0", "contrast": "1", "metal": "0"}


def test_nothing_to_label_is_a_path_alone(tmp_path: Path) -> None:
    labels = only(CLS, groups=[""])
    said = {0: Said(nothing=True), 1: Said(classes=(7,))}
    source = Memory(stack(tmp_path, 2), labels, said)
    folder = write(source, "label-csv", tmp_path / "out")
    rows = table(folder / "label.csv")
    assert rows == [
        ["images/one__0001.png"],
        ["images/one__0002.png", "contrast", "1"],
        ["images/one__0002.png", "metal", "0"],
    ]
    out = write(source, "class-folders", tmp_path / "folders")
    pictures = {path.relative_to(out).as_posix() for path in out.rglob("*.png")}
    wanted = {"nothing to label/one__0001.png", "contrast/one__0002.png"}
    assert pictures == wanted
    assert [i.slices[0].classes for i in read_class_folders(out)] == [("contrast",), ()]


@pytest.mark.parametrize("name", ["cvat", "labelme"])
def test_single_choice_alone_leaves_nothing_to_label_out(
    tmp_path: Path, name: str
) -> None:
    labels = only(CLS, groups=["quality"])
    said = {0: Said(nothing=True), 1: Said(classes=(5,))}
    source = Memory(stack(tmp_path, 2), labels, said)
    folder = write(source, name, tmp_path / "out")
    assert [path.stem for path in folder.rglob("*.png")] == ["one__0002"]


# ---------------------------------------------------------------- the images
def test_pictures_are_windowed(tmp_path: Path) -> None:
    values = np.arange(-1000, 1000, 2, np.int16).reshape(20, 50)
    path = tmp_path / "ct.tif"
    tifffile.imwrite(path, values)
    source = Memory(path, only(DET), {0: Said(boxes=(BOX,))})
    out = write(source, "coco", tmp_path / "a", window="40/400")
    found = np.asarray(Image.open(out / "images" / "one.png"))
    assert found.dtype == np.uint8
    wanted = np.clip(np.rint((values + 160.0) * 255 / 400), 0, 255)
    assert np.array_equal(found, wanted)
    out = write(source, "coco", tmp_path / "b", images="16-bit", window="full")
    deep = np.asarray(Image.open(out / "images" / "one.png"))
    wanted = np.rint((values + 1000.0) * 65535 / 1998)
    assert deep.max() == 65535
    assert np.array_equal(deep, wanted)
    preset = write(source, "coco", tmp_path / "c", window="lungs")
    assert (preset / "images" / "one.png").read_bytes() != found.tobytes()
    with pytest.raises(Refused, match=r"no window: write LEVEL/WIDTH"):
        exporter("coco", {"window": "pale"})


def secretive(path: Path, **more: Any) -> NDArray[np.uint8]:
    """Write a colour picture with a name in its metadata."""
    pixels = np.random.default_rng(1).integers(0, 255, (*PLANE, 3), np.uint8)
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[0x010E] = "Erika Mustermann"
    for tag, value in more.items():
        exif[int(tag[1:], 16)] = value
    if path.suffix == ".png":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_text("PatientName", "Erika Mustermann")
        info.add_itxt("Comment", "Erika Mustermann", zip=True)
        image.save(path, pnginfo=info, exif=exif)
    else:
        image.save(path, exif=exif, comment=b"Erika Mustermann", quality=90)
    path.write_bytes(path.read_bytes() + b"Erika Mustermann")
    return np.asarray(Image.open(path).convert("RGB"))


@pytest.mark.parametrize("ending", [".png", ".jpg"])
def test_original_files_without_their_metadata(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"photo{ending}"
    pixels = secretive(path)
    source = Memory(path, only(DET), {0: Said(boxes=(BOX,))})
    out = write(source, "coco", tmp_path / "out")
    copy = out / "images" / f"one{ending}"
    data = copy.read_bytes()
    assert b"Erika" not in data
    assert b"Muster" not in data
    with Image.open(copy) as image:
        assert not image.getexif()
        assert np.array_equal(np.asarray(image), pixels)
    # What codes the pixels is the original's, byte for byte.
    mark = b"IDAT" if ending == ".png" else b"\xff\xda"
    original = path.read_bytes()
    start = original.index(mark)
    assert original[start : start + 300] in data
    anew = write(source, "coco", tmp_path / "anew", images="8-bit")
    with Image.open(anew / "images" / "one.png") as image:
        assert np.array_equal(np.asarray(image), pixels), "colour is kept"


def test_turned_photos_are_written_as_they_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    pixels = secretive(path, x0112=6)
    source = Memory(path, only(DET), {0: Said(boxes=(BOX,))})
    out = write(source, "yolo", tmp_path / "out")
    with Image.open(out / "images" / "one.png") as image:
        assert np.array_equal(np.asarray(image), np.rot90(pixels, -1))


def test_a_small_picture_within_a_jpeg_is_left_out(tmp_path: Path) -> None:
    from napari_annotate_jobs.formats.planes._pictures import without_metadata

    path = tmp_path / "photo.jpg"
    secretive(path)
    data = path.read_bytes()
    inner = b"JFXX\0\x10" + b"Erika"
    segment = b"\xff\xe0" + (len(inner) + 2).to_bytes(2, "big") + inner
    path.write_bytes(data[:2] + segment + data[2:])
    found = without_metadata(path)
    assert found is not None
    assert b"JFXX" not in found[0]
    path.write_bytes(data[:400])
    with pytest.raises(AnnotateJobsError):
        without_metadata(path)


# ------------------------------------------------------------- proved and steady
@pytest.mark.parametrize("name", FORMATS)
def test_same_input_same_bytes(memory: Memory, tmp_path: Path, name: str) -> None:
    row, options = FORMATS[name]
    first = write(memory, row, tmp_path / "a", **options)
    assert tree(first) == tree(write(memory, row, tmp_path / "b", **options))


def moved(case: AnnotatedCase) -> AnnotatedCase:
    """Return a case in which everything lies a pixel, or a class, further."""
    slices = {}
    for key, said in case.annotation.slices.items():
        boxes = tuple(box.evolve(right=box.right - 0.1) for box in said.boxes)
        classes = tuple(11 - i if i in (5, 6) else 15 - i for i in said.class_labels)
        slices[key] = said.evolve(boxes=boxes, class_labels=classes)

    def read(index: int, group: str) -> Any:
        mask = case.read_mask(index, group)
        return None if mask is None else np.roll(mask, 1, axis=1)

    annotation = case.annotation.model_copy(update={"slices": slices})
    return case.evolve(annotation=annotation, read_mask=read)


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_read_again_differently_is_not_put_in_place(
    memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    row, options = FORMATS[name]
    writer = exporter(row, options)
    kind: Any = type(writer)
    real = kind.write_plane
    below = kind.below
    monkeypatch.setattr(kind, "below", lambda s, c, i: below(s, moved(c), i))
    monkeypatch.setattr(kind, "write_plane", lambda s, c, p, f: real(s, moved(c), p, f))
    with pytest.raises(CorruptError, match="read again"):
        export(memory, writer, tmp_path / "out", workers=1)
    assert not (tmp_path / "out").exists()


SHARED = {
    "coco": "annotations/instances_default.json",
    "yolo": "data.yaml",
    "voc": "ImageSets/Main/default.txt",
    "cvat": "annotations.xml",
    "boxes csv": "label.csv",
    "class-folders": "classes.csv",
}


@pytest.mark.parametrize("name", SHARED)
def test_common_files_are_proved(
    memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    row, options = FORMATS[name]
    writer = exporter(row, options)
    kind: Any = type(writer)
    real = kind.finish_planes

    def finish(self: Any, plan: Any, folder: Path, written: Any) -> Any:
        names = real(self, plan, folder, written)
        path = folder / SHARED[name]
        text = path.read_text(encoding="utf-8")
        for old, new in (
            ("nodule", "tumor"),
            ("one__0004", "one__0003"),
            ("good", "goog"),
        ):
            if old in text:
                path.write_text(text.replace(old, new, 1), encoding="utf-8")
                return names
        raise AssertionError("nothing to spoil")

    monkeypatch.setattr(kind, "finish_planes", finish)
    with pytest.raises(CorruptError):
        export(memory, writer, tmp_path / "out", workers=1)
    assert not (tmp_path / "out").exists()


def test_a_picture_that_differs_is_found(
    memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_annotate_jobs.formats.planes import _pictures

    real = _pictures.encode_png

    def encode(pixels: Any, **more: Any) -> bytes:
        spoilt = pixels.copy()
        spoilt[3, 3] ^= 1
        return real(spoilt, **more)

    monkeypatch.setattr(_pictures, "encode_png", encode)
    with pytest.raises(CorruptError, match="pixels read again"):
        write(memory, "yolo", tmp_path / "out")


# --------------------------------------------------- what a format cannot hold
def test_holes_in_outlines_are_refused_filled_or_slit(
    memory: Memory, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match=r"Tumour on slice 3 has a hole.*holes=fill"):
        write(memory, "yolo-seg", tmp_path / "no")
    with pytest.raises(Refused, match="has a hole"):
        write(memory, "labelme", tmp_path / "no", masks="polygons")
    filled = read_yolo(write(memory, "yolo-seg", tmp_path / "a", holes="fill"))
    slit = read_yolo(write(memory, "yolo-seg", tmp_path / "b", holes="slit"))
    whole = RING.copy()
    whole[4:6, 5:7] = True
    assert np.array_equal(filled[1].slices[0].masks["Tumour"], whole)
    assert np.array_equal(slit[1].slices[0].masks["Tumour"], RING)


def test_polygons_of_coco_have_no_holes(memory: Memory, tmp_path: Path) -> None:
    folder = write(memory, "coco", tmp_path / "out")
    data = json.loads((folder / "annotations" / "instances_default.json").read_text())
    kinds = [
        type(each["segmentation"]).__name__
        for each in data["annotations"]
        if each["segmentation"]
    ]
    assert kinds == ["dict", "list"], "run lengths for the ring"
    assert {each["iscrowd"] for each in data["annotations"]} == {0}
    assert data["images"][0]["nothing_to_label"]


LOSSES = {
    "coco": "",
    "yolo": "does not hold classification,does not hold segmentation,which boxes are "
    "one object,attributes,cut to it,whole cases",
    "yolo-seg": "does not hold detection,does not hold classification,slits",
    "voc": "does not hold segmentation,which boxes are one object,whole cases",
    "cvat": "",
    "labelme": "'attributes' and 'track',whole cases",
    "boxes csv": "does not hold classes,which boxes are one object,attributes",
    "single csv": "other groups are left out: contrast,does not hold boxes",
    "class-folders": "does not hold detection,other groups",
}


@pytest.mark.parametrize("name", LOSSES)
def test_what_is_lost_is_said(tmp_path: Path, name: str) -> None:
    source = Memory(stack(tmp_path, 6), LABELS, SAID, case_labels=(9,))
    row, options = FORMATS[name]
    writer = exporter(row, options)
    plan = plan_export(source, writer)
    said = "\n".join(writer.losses(plan))
    for part in LOSSES[name].split(","):
        assert part in said
    if name == "cvat":
        assert "attributes" not in said
        assert "whole cases" not in said
    assert writer.is_incompatible(plan) == []


def test_case_labels_attributes_and_tracks(tmp_path: Path) -> None:
    source = Memory(stack(tmp_path, 6), LABELS, SAID, case_labels=(9,))
    out = write(source, "cvat", tmp_path / "cvat")
    assert {i.case_labels for i in read_cvat(out)} == {("old",)}
    root = ElementTree.parse(out / "annotations.xml").getroot()
    box = root.find("image[@name='one__0004.png']/box")
    assert box is not None
    answers = {a.get("name"): a.text for a in box}
    assert answers == {"shape": "round", "object track": "t1"}
    asked = root.find("meta/task/labels/label[name='a \"quoted\" / name']/attributes")
    assert asked is not None
    assert [a.findtext("name") for a in asked] == ["shape", "object track"]
    out = write(source, "coco", tmp_path / "coco")
    data = json.loads((out / "annotations" / "instances_default.json").read_text())
    first = next(a for a in data["annotations"] if a["category_id"] == 4)
    assert (first["attributes"], first["track"]) == ({"shape": "round"}, "t1")
    assert data["images"][0]["case_classes"] == ["old"]


def test_which_kind_of_label_csv_must_be_clear(memory: Memory, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="boxes and classes; choose kind"):
        write(memory, "label-csv", tmp_path / "out")
    with pytest.raises(Refused, match=r"no group 'x'; there are 'quality', ''"):
        write(memory, "label-csv", tmp_path / "out", kind="multi", group="x")


@pytest.mark.parametrize("name", ["label-csv", "class-folders"])
def test_several_classes_are_no_single_one(tmp_path: Path, name: str) -> None:
    said = {0: Said(classes=(7, 8))}
    source = Memory(stack(tmp_path, 1), only(CLS, groups=[""]), said)
    options = {"kind": "single"} if name == "label-csv" else {}
    with pytest.raises(Refused, match="slice 1 of one by ana has several classes"):
        write(source, name, tmp_path / "out", **options)


def test_control_characters_are_refused_by_xml(tmp_path: Path) -> None:
    box = BOX.evolve(attributes={"note": "a\x00b"})
    source = Memory(stack(tmp_path, 1), only(DET), {0: Said(boxes=(box,))})
    for name in ("voc", "cvat"):
        with pytest.raises(Refused, match=r"U\+0000, which XML cannot"):
            write(source, name, tmp_path / "out")
    write(source, "coco", tmp_path / "out")


def test_names_that_differ_by_blanks_are_refused(tmp_path: Path) -> None:
    labels = LabelSet(
        labels=tuple(
            Label(id=i, name=name, color=COLOR, method=DET)
            for i, name in enumerate(("a b", "a  b"), 1)
        )
    )
    said = {0: Said(boxes=(BOX.evolve(label=1),))}
    source = Memory(stack(tmp_path, 1), labels, said)
    with pytest.raises(Refused, match="differ by blanks only"):
        write(source, "coco", tmp_path / "out")


@pytest.mark.parametrize("name", ["csv", "parquet"])
def test_tables_come_back(memory: Memory, tmp_path: Path, name: str) -> None:
    read = read_tables if name == "csv" else read_parquet_tables
    (found,) = read(write(memory, name, tmp_path / "out"))
    assert (found.case, found.image) == ("c1", "one")
    assert [one.index for one in found.slices] == [1, 2, 3, 4]
    assert [one.nothing_to_label for one in found.slices] == [True, *[False] * 3]
    assert [one.excluded for one in found.slices] == [*[False] * 3, True]
    assert not found.slices[3].boxes
    assert found.slices[1].boxes == {"nodule": [BOX.corners]}
    assert found.slices[2].classes == ("bad", "contrast", "metal")
    assert found.slices[2].boxes['a "quoted" / name'] == [ODD.corners]


# -------------------------------------------------------------------- round trips
UGLY = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z")) | st.just(" "),
    min_size=1,
    max_size=120,
).map(lambda text: " ".join(text.split()))
NAMES = st.one_of(
    UGLY,
    st.sampled_from(
        ["a,b", 'say "x"', "a/b", "..", "con", "no", "1", "~", "Ä ä", "#x"]
    ),
    st.just("x" * 120),
    st.just("血" * 120),
).filter(lambda name: bool(name) and name.isprintable())
EDGES = st.integers(0, 8 * 16).map(lambda step: step / 8 - 0.5)


@st.composite
def label_sets(draw: Any, method: Method) -> LabelSet:
    names = draw(
        st.lists(NAMES, min_size=1, max_size=3, unique_by=lambda n: n.casefold())
    )
    return LabelSet(
        labels=tuple(
            Label(
                id=number,
                name=name,
                color=COLOR,
                method=method,
                overlap_group=f"g{number}" if method is SEG else "",
                group="one" if method is CLS else "",
            )
            for number, name in enumerate(names, 1)
        ),
        groups=(Group(name="one", exclusive=True),) if method is CLS else (),
    )


@st.composite
def some_boxes(draw: Any, labels: LabelSet) -> Said:
    boxes = []
    for _ in range(draw(st.integers(0, 3))):
        left, right = sorted(draw(st.lists(EDGES, min_size=2, max_size=2, unique=True)))
        top, bottom = (
            min(edge, PLANE[0] - 0.5)
            for edge in sorted(
                draw(st.lists(EDGES, min_size=2, max_size=2, unique=True))
            )
        )
        if top < bottom:
            label = draw(st.sampled_from([each.id for each in labels.labels]))
            sides = {"top": top, "left": left, "bottom": bottom, "right": right}
            boxes.append(Box(label=label, **sides))
    return Said(boxes=tuple(boxes), nothing=not boxes)


@st.composite
def some_masks(draw: Any, labels: LabelSet) -> Said:
    masks = {}
    for label in labels.labels:
        seed, dense = draw(st.integers(0, 99)), draw(st.floats(0, 1))
        mask = np.random.default_rng(seed).random(PLANE) < dense
        if mask.any() and draw(st.booleans()):
            masks[label.id] = mask
    return Said(masks=masks, nothing=not masks)


@st.composite
def some_classes(draw: Any, labels: LabelSet) -> Said:
    return Said(classes=(draw(st.sampled_from([each.id for each in labels.labels])),))


def stacks(method: Method, said: Any) -> Any:
    """Give label sets, and what is said of two slices."""
    return label_sets(method).flatmap(
        lambda labels: st.tuples(st.just(labels), st.tuples(said(labels), said(labels)))
    )


def there_and_back(
    labels: LabelSet, said: Sequence[Said], names: Sequence[str]
) -> Iterator[tuple[str, dict[int, Incoming]]]:
    """Export in several formats, and read each again."""
    with tempfile.TemporaryDirectory() as folder:
        source = Memory(stack(Path(folder), len(said)), labels, dict(enumerate(said)))
        for name in names:
            row, options = FORMATS[name]
            out = write(source, row, Path(folder) / name, **options)
            found = {i.slices[0].index: i for i in READERS[row](out)}
            yield name, {index: i for index, i in found.items() if index is not None}


@pytest.mark.slow
@given(stacks(DET, some_boxes))
@settings(max_examples=8)
def test_boxes_come_back_the_same_from_each_format(drawn: Any) -> None:
    labels, said = drawn
    names = ("coco", "yolo", "voc", "cvat", "labelme", "boxes csv")
    for name, found in there_and_back(labels, said, names):
        assert set(found) == {0, 1}, name
        for index, incoming in found.items():
            one, wanted = incoming.slices[0], {}
            for box in said[index].boxes:
                wanted.setdefault(labels[box.label].name, []).append(box.corners)
            assert set(one.boxes) == set(wanted), name
            for label, boxes in wanted.items():
                read = sorted(
                    one.boxes[label], key=lambda box: np.round(box, 3).tolist()
                )
                assert np.allclose(sorted(boxes), np.array(read), atol=1e-4), name
            assert one.nothing_to_label == said[index].nothing, name
            assert incoming.case == "c1", name


@pytest.mark.slow
@given(stacks(SEG, some_masks))
@settings(max_examples=8)
def test_masks_come_back_the_same_from_each_format(drawn: Any) -> None:
    labels, said = drawn
    names = ("coco", "coco rle", "yolo-seg", "cvat", "labelme")
    for name, found in there_and_back(labels, said, names):
        assert set(found) == {0, 1}, name
        for index, incoming in found.items():
            one = incoming.slices[0]
            wanted = {labels[i].name: mask for i, mask in said[index].masks.items()}
            assert set(one.masks) == set(wanted), name
            for label, mask in wanted.items():
                assert np.array_equal(one.masks[label], mask), (name, label)
            assert one.nothing_to_label == said[index].nothing, name


@pytest.mark.slow
@given(stacks(CLS, some_classes))
@settings(max_examples=8)
def test_classes_come_back_the_same_from_each_format(drawn: Any) -> None:
    labels, said = drawn
    names = ("cvat", "labelme", "single csv", "multi csv", "class-folders")
    for name, found in there_and_back(labels, said, names):
        for index in (0, 1):
            one = found[index].slices[0]
            wanted = tuple(labels[i].name for i in said[index].classes)
            assert one.classes == wanted, name


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_of_a_real_series(source: Any, tmp_path: Path, name: str) -> None:
    row, options = FORMATS[name]
    folder = write(source, row, tmp_path / "out", **options)
    uids = {
        s.sop_instance_uid
        for summary in source.summaries()
        for s in source.open(summary).header.slices
    }
    found = READERS[row](folder)
    assert len(found) == (4 if name in ("single csv", "class-folders") else 8)
    assert {incoming.slices[0].sop_instance_uid for incoming in found} <= uids
    kept = replace(found[0], notes=("x",))
    assert kept.case in ("ct-lung", "ct-lung-nodule")
