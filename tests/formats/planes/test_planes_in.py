"""Annotations of single images from elsewhere, good and bad."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from scipy import ndimage

from napari_annotate_jobs.errors import AnnotateJobsError, InvalidValueError
from napari_annotate_jobs.formats import parse_combination
from napari_annotate_jobs.formats._read_tables import (
    read_parquet_tables,
    read_tables,
)
from napari_annotate_jobs.formats.planes._outline import (
    outlines,
    rle_string,
    with_slits,
)
from napari_annotate_jobs.formats.planes._read_coco import incoming_of, read_coco
from napari_annotate_jobs.formats.planes._read_cvat import read_cvat
from napari_annotate_jobs.formats.planes._read_label_csv import (
    read_class_folders,
    read_label_csv,
)
from napari_annotate_jobs.formats.planes._read_labelme import read_labelme
from napari_annotate_jobs.formats.planes._read_voc import read_voc
from napari_annotate_jobs.formats.planes._read_yolo import read_yolo
from napari_annotate_jobs.formats.planes._runs import paint, polygon_spans, string_spans
from napari_annotate_jobs.model import Method, Provenance

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray


def picture(path: Path, rows: int = 20, columns: int = 30) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((rows, columns), np.uint8)).save(path)
    return path


# ------------------------------------------------------------------------ masks
@given(arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))))
@settings(max_examples=60)
def test_outlines_and_runs_hold_exactly_the_pixels(mask: NDArray[np.bool_]) -> None:
    rings = outlines(mask)
    assert len(rings) == ndimage.label(mask)[1]
    spans = [
        polygon_spans([np.array(with_slits(*ring), float)], mask.shape)
        for ring in rings
    ]
    assert np.array_equal(paint(spans, mask.shape), mask)
    other = ~mask
    texts = [rle_string(part).encode() for part in (mask, mask & other)]
    assert np.array_equal(paint([string_spans(texts, mask.size)], mask.shape), mask)


def test_slits_join_several_holes() -> None:
    mask = np.ones((12, 12), bool)
    for row, column in ((2, 2), (2, 8), (7, 5), (9, 7)):
        mask[row : row + 2, column : column + 2] = False
    ((outer, holes),) = outlines(mask)
    assert len(holes) == 3, "two touch at a corner: they are one"
    ring = np.array(with_slits(outer, holes), float)
    assert np.array_equal(paint([polygon_spans([ring], mask.shape)], mask.shape), mask)


# ------------------------------------------------------------------------- COCO
def coco(**changes: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "images": [
            {"id": 7, "file_name": "a\\b.png", "height": 4, "width": 5},
            {"id": 8, "file_name": "c.png", "height": 4, "width": 5},
        ],
        "categories": [{"id": 3, "name": "Lesion"}, {"id": 9, "name": "lesion "}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 3, "bbox": [1, 0, 2, 3]},
            {
                "id": 2,
                "image_id": 7,
                "category_id": 9,
                "segmentation": [[1, 1, 3, 1, 3, 3, 1, 3]],
            },
            {
                "id": 3,
                "image_id": 7,
                "category_id": 9,
                "iscrowd": 1,
                "segmentation": {"size": [4, 5], "counts": [16, 4]},
            },
        ],
    }
    return {**data, **changes}


def test_coco(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(coco()))
    first, second = read_coco(path)
    assert (first.image, second.image) == ("a/b.png", "c.png")
    assert first.plane == (4, 5)
    one = first.slices[0]
    assert one.boxes == {"Lesion": [(-0.5, 0.5, 2.5, 2.5)]}
    assert list(one.masks) == ["lesion (2)"], "no two labels differ by case only"
    wanted = np.zeros((4, 5), bool)
    wanted[1:3, 1:3] = True
    wanted[:, 4] = True
    assert np.array_equal(one.masks["lesion (2)"], wanted)
    assert second.slices[0].nothing_to_label
    methods = {label.name: (label.method, label.number) for label in first.labels}
    assert methods == {
        "Lesion": (Method.DETECTION, 3),
        "lesion (2)": (Method.SEGMENTATION, 9),
    }


def test_results_of_a_program_need_the_dataset(tmp_path: Path) -> None:
    data = coco()
    results = [{**each, "score": 0.9} for each in data["annotations"][:1]]
    (tmp_path / "results.json").write_text(json.dumps(results))
    (tmp_path / "data.json").write_text(json.dumps({**data, "annotations": []}))
    with pytest.raises(InvalidValueError, match="Name the dataset's file too"):
        read_coco(tmp_path / "results.json")
    first, _ = read_coco(tmp_path / "results.json", dataset=tmp_path / "data.json")
    assert first.provenance is Provenance.PREDICTED
    assert list(first.slices[0].boxes) == ["Lesion"]


def changed(**fields: Any) -> dict[str, Any]:
    """A dataset whose second annotation is changed."""
    data = coco()
    data["annotations"][1] |= fields
    return data


BAD_COCO = {
    "no list": ([1, 2], "no list of images"),
    "no images": (coco(images=None), "no list of images"),
    "image without id": (coco(images=[{"file_name": "x"}]), "image 1: an image with"),
    "same ids": (coco(images=coco()["images"][:1] * 2), r"image 2: two images"),
    "size": (
        coco(images=[{"id": 7, "file_name": "x", "height": -1, "width": 5}]),
        "image 1: an image of -1 x 5 pixels",
    ),
    "huge": (
        coco(images=[{"id": 7, "file_name": "x", "height": 1e9, "width": 1e9}]),
        "image 1: an image of",
    ),
    "no size": (coco(images=[{"id": 7, "file_name": "x"}]), "height is no number"),
    "unknown image": (changed(image_id=99), "annotation 2: .*image_id"),
    "unknown category": (changed(category_id={}), "annotation 2: .*category_id"),
    "category name": (coco(categories=[{"id": 3, "name": 5}]), "category 1: name"),
    "box": (changed(segmentation=[], bbox=[1, 2, 3]), "annotation 2: a bbox is"),
    "box of text": (
        changed(segmentation=0, bbox=["a"] * 4),
        "annotation 2: bbox is no",
    ),
    "segmentation": (changed(segmentation="x"), "annotation 2: a segmentation of no"),
    "odd polygon": (changed(segmentation=[[1, 2, 3]]), "annotation 2: .*three points"),
    "far polygon": (changed(segmentation=[[1e9] * 6]), "annotation 2: .*far outside"),
    "not a number": (changed(segmentation=[[float("nan")] * 6]), "far outside"),
    "text polygon": (changed(segmentation=[["a"] * 6]), "annotation 2: .*no list of n"),
    "rle size": (
        changed(segmentation={"size": [9, 9], "counts": "0"}),
        "annotation 2: .*size is",
    ),
    "rle text": (
        changed(segmentation={"size": [4, 5], "counts": "~~~"}),
        "annotation 2: .*no digit",
    ),
    "rle sum": (
        changed(segmentation={"size": [4, 5], "counts": [3, 4]}),
        "annotation 2: .*do not add up to 20",
    ),
    "rle cut off": (
        changed(segmentation={"size": [4, 5], "counts": "P"}),
        "annotation 2: .*within a number",
    ),
    "rle negative": (
        changed(segmentation={"size": [4, 5], "counts": [-1, 21]}),
        "annotation 2: .*whole numbers",
    ),
}


@pytest.mark.parametrize("name", BAD_COCO)
def test_bad_coco(tmp_path: Path, name: str) -> None:
    data, text = BAD_COCO[name]
    path = tmp_path / "x.json"
    path.write_text(json.dumps(data))
    if isinstance(data, list):
        with pytest.raises(InvalidValueError, match="list of results"):
            read_coco(path)
        return
    with pytest.raises(InvalidValueError, match=text) as caught:
        for incoming in read_coco(path):
            for mask in incoming.slices[0].masks.values():
                assert mask.shape == incoming.plane
    assert str(path) in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "bbox", "counts", "size", "name"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@pytest.mark.slow
@given(
    JSON,
    st.sampled_from(["images", "annotations", "categories"]),
    st.sampled_from(
        ["id", "image_id", "category_id", "bbox", "segmentation", "name", "file_name"]
    ),
)
@settings(max_examples=100)
def test_whatever_stands_in_coco_is_told(value: Any, where: str, key: str) -> None:
    from pathlib import Path

    data = coco()
    data[where][-1][key] = value
    try:
        for incoming in incoming_of(data, Path("x.json")):
            list(incoming.slices[0].masks.values())
    except AnnotateJobsError as error:
        assert "x.json" in str(error)


# ------------------------------------------------------------------------- YOLO
def yolo(tmp_path: Path, rows: str, names: str = "names: [cat, dog]") -> Path:
    picture(tmp_path / "images" / "a.png")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text(rows)
    (tmp_path / "data.yaml").write_text(names)
    return tmp_path


def test_yolo(tmp_path: Path) -> None:
    text = "1 0.5 0.5 0.2 0.1\n0 0 0 0.5 0 0.5 0.5 0 0.5\n1 0.5 0.5 1 1 0.75\n"
    (found,) = read_yolo(yolo(tmp_path, text))
    one = found.slices[0]
    assert found.image == "images/a.png"
    assert found.plane == (20, 30)
    box, whole = one.boxes["dog"]
    assert np.allclose(box, (8.5, 11.5, 10.5, 17.5))
    assert np.allclose(whole, (-0.5, -0.5, 19.5, 29.5))
    mask = np.zeros((20, 30), bool)
    mask[:10, :15] = True
    assert np.array_equal(one.masks["cat"], mask)
    assert found.provenance is Provenance.PREDICTED, "it carries a confidence"


def test_yolo_without_images(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("")
    with pytest.raises(InvalidValueError, match="no file that names the classes"):
        read_yolo(tmp_path)
    with pytest.raises(InvalidValueError, match="its image is not there"):
        read_yolo(tmp_path, names=["cat"])
    (found,) = read_yolo(tmp_path, names=["cat"], plane_of=lambda name: (4, 4))
    assert (found.image, found.slices[0].nothing_to_label) == ("a", True)


@pytest.mark.parametrize(
    ("rows", "names", "text"),
    [
        ("0 0.5 0.5 0.1 0.1\n2 0.5 0.5 0.1 0.1", "", r"a.txt, line 2: class 2"),
        ("0 0.5 0.5", "", r"a.txt, line 1: a row of 3 numbers"),
        ("0 0.5 0.5 0.1 x", "", r"a.txt, line 1: a number of the row"),
        ("0.5 0.5 0.5 0.1 0.1", "", r"line 1: the class is no whole"),
        ("0 55 0.5 0.1 0.1", "", r"line 1: places are parts"),
        ("0 nan 0.5 0.1 0.1", "", r"line 1: a number of the row is no number"),
        ("0 0.5 0.5 0 0.1", "", r"line 1: a box without area"),
        ("", "names: {0: a, 2: b}", "numbered from 0"),
        ("", "nc: 3", "has no names of classes"),
        ("", "names: [a\n", r"data.yaml, line \d: is no YAML"),
        ("", "names: 5", "names is a list"),
        ("", "names: [2030-99-99]", "data.yaml: holds a value that cannot be read"),
    ],
)
def test_bad_yolo(tmp_path: Path, rows: str, names: str, text: str) -> None:
    folder = yolo(tmp_path, rows, names or "names: {0: cat, 1: dog}")
    with pytest.raises(InvalidValueError, match=text):
        read_yolo(folder)


# -------------------------------------------------------------------- label.csv
def test_label_csv_in_its_forms(tmp_path: Path) -> None:
    path = tmp_path / "label.csv"
    path.write_text(
        "\ufeffa.png,cat\nb.png\nc.png,cat,1\nc.png,Dog,0\nc.png,DOG ,0\n"
        "d.png,dog,0\n\ne.png,dog,1,2,3,4\ne.png,cat,0.5,0,1,1\n",
        encoding="utf-8",
    )
    found = {incoming.image: incoming.slices[0] for incoming in read_label_csv(path)}
    assert [one.classes for one in found.values()] == [("cat",), (), ("cat",), (), ()]
    assert [one.nothing_to_label for one in found.values()] == [
        *(False, True, False, True, False)
    ]
    assert found["e.png"].boxes == {
        "Dog": [(1.5, 0.5, 5.5, 3.5)],
        "cat": [(-0.5, 0.0, 0.5, 1.0)],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.png,cat\na.png,dog\n", r"label.csv, line 2: says something else"),
        ("a.png\na.png,dog,1\n", r"line 2: says something else of a.png than line 1"),
        ("a.png,cat,1\na.png,cat,0\n", r"line 2: gives cat another value"),
        ("a.png,cat,2\n", r"line 1: a value is 1 or 0"),
        ("a.png,cat,maybe\n", r"line 1: the value is no number"),
        ("a.png,cat,1,2\n", r"line 1: a row of 4 columns"),
        ("a.png,cat,1,2,3,0\n", r"line 1: a box without area"),
        ("a.png,cat,1,2,3,x\n", r"line 1: height is no number"),
        ("a.png, ,1\n", r"line 1: the class is no name"),
        (",cat\n", r"line 1: an image without a file name"),
        ('a.png,"cat\n', r"line 1: is no comma-separated table"),
        ("\n \n", r"holds no rows"),
    ],
)
def test_bad_label_csv(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "label.csv"
    path.write_text(text)
    with pytest.raises(InvalidValueError, match=message):
        read_label_csv(path)


def test_text_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "label.csv"
    path.write_bytes(b"a.png,cat\nb.png,Gef\xe4\xdf\n")
    with pytest.raises(InvalidValueError, match=r"line 2: is no text in UTF-8"):
        read_label_csv(path)


def test_class_folders(tmp_path: Path) -> None:
    picture(tmp_path / "cat" / "1.png")
    picture(tmp_path / "nothing to label" / "2.png")
    (tmp_path / "cat" / "notes.txt").write_text("x")
    first, second = read_class_folders(tmp_path)
    assert (first.image, first.slices[0].classes) == ("cat/1.png", ("cat",))
    assert second.slices[0].nothing_to_label
    picture(tmp_path / "dog" / "deep" / "3.png")
    with pytest.raises(InvalidValueError, match=r"3\.png: lies deeper"):
        read_class_folders(tmp_path)
    with pytest.raises(InvalidValueError, match="holds no folders of images"):
        read_class_folders(tmp_path / "cat")


# ---------------------------------------------------------------------- LabelMe
def labelme(*shapes: Any, **more: Any) -> dict[str, Any]:
    size = {"imageHeight": 6, "imageWidth": 8}
    return {"shapes": list(shapes), "imagePath": "..\\a.png", **size, **more}


def encoded(mask: NDArray[np.bool_]) -> str:
    out = io.BytesIO()
    Image.fromarray(mask).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def test_labelme(tmp_path: Path) -> None:
    part = np.array([[True, False, True], [True, True, True]])
    data = labelme(
        {"label": "A", "points": [[5, 4], [1, 2]], "shape_type": "rectangle"},
        {"label": "b", "points": [[0, 0], [3, 0], [3, 2], [0, 2]]},
        {
            "label": "B ",
            "points": [[4, 3], [6, 4]],
            "shape_type": "mask",
            "mask": encoded(part),
        },
        {"label": "c", "points": [[1, 1]], "shape_type": "point"},
        {"label": "d", "points": [[4, 3], [6, 3]], "shape_type": "circle"},
        flags={"bad": True, "good": False},
    )
    (tmp_path / "a.json").write_text(json.dumps(data))
    (found,) = read_labelme(tmp_path)
    one = found.slices[0]
    assert found.image == "../a.png"
    assert one.boxes == {"A": [(1.5, 0.5, 3.5, 4.5)]}
    assert one.classes == ("bad",)
    mask = np.zeros((6, 8), bool)
    mask[:2, :3] = True
    mask[3:5, 4:7] = part
    assert np.array_equal(one.masks["b"], mask)
    assert one.masks["d"].sum() == 12, "a circle of radius 2"
    assert found.notes == ("shape 4: a point is not taken over",)
    classes = {x.name for x in found.labels if x.method is Method.CLASSIFICATION}
    assert classes == {"bad", "good"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "no list of shapes"),
        (labelme(imageHeight=None), "imageHeight is no number"),
        (labelme({"label": "", "points": [[1, 1]]}), "shape 1: the label is no name"),
        (labelme({"label": "a", "points": []}), "shape 1: a shape without points"),
        (labelme({"label": "a", "points": [[1, "x"]]}), "shape 1: a point is no"),
        (labelme({"label": "a", "points": [[1, 1]]}), "shape 1: a polygon needs"),
        (
            labelme({"label": "a", "points": [[1, 1]] * 2, "shape_type": "rectangle"}),
            "shape 1: a rectangle without area",
        ),
        (
            labelme(
                {
                    "label": "a",
                    "points": [[1, 1]] * 2,
                    "shape_type": "mask",
                    "mask": "x",
                }
            ),
            "shape 1: a mask whose picture",
        ),
        (
            labelme(
                {
                    "label": "a",
                    "points": [[7, 5], [8, 6]],
                    "shape_type": "mask",
                    "mask": encoded(np.ones((2, 2), bool)),
                }
            ),
            "shape 1: a mask that reaches beyond",
        ),
        (labelme(flags=["a"]), "flags are names"),
        (labelme(7), "shape 1: a shape has a label"),
    ],
)
def test_bad_labelme(tmp_path: Path, data: Any, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(data))
    with pytest.raises(InvalidValueError, match=message) as caught:
        read_labelme(path)
    assert str(path) in str(caught.value)


def test_bad_json_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{\n"shapes": [,]}')
    with pytest.raises(InvalidValueError, match=r"a\.json, line 2: is no JSON"):
        read_labelme(path)
    path.write_text("[" * 100_000)
    with pytest.raises(InvalidValueError, match="is no JSON"):
        read_labelme(path)


# ------------------------------------------------------------------ VOC and CVAT
def voc(objects: str, size: str = "<width>8</width><height>6</height>") -> str:
    head = f"<annotation><filename>a.png</filename><size>{size}</size>"
    return f"{head}{objects}</annotation>"


def voc_object(*sides: object, name: str = "cat") -> str:
    tags = ("xmin", "ymin", "xmax", "ymax")
    inner = "".join(f"<{t}>{v}</{t}>" for t, v in zip(tags, sides, strict=True))
    return f"<object><name>{name}</name><bndbox>{inner}</bndbox></object>"


def test_voc(tmp_path: Path) -> None:
    text = voc(voc_object(1, 1, 1, 1) + voc_object(2, 3, 4.5, 6, name=" Cat"))
    (tmp_path / "a.xml").write_text(text)
    (found,) = read_voc(tmp_path)
    assert found.slices[0].boxes == {
        "cat": [(-0.5, -0.5, 0.5, 0.5), (1.5, 0.5, 5.5, 4.0)]
    }
    assert (found.image, found.plane) == ("a.png", (6, 8))


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
    "<annotation>&b;</annotation>"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation>\n<size>", "line 2: is no XML"),
        ("<root/>", "begins with <root>"),
        (BOMB, "declares a document type"),
        (voc("", size=""), "<size/height> is missing"),
        (voc("", size="<width>8</width><height>0</height>"), "0 x 8 pixels"),
        (voc(voc_object(1, 1, 1, 1) + voc_object(3, 1, 1, 1)), "object 2: a box whose"),
        (voc(voc_object(1, 1, "x", 1)), "object 1: xmax is no number"),
        (voc(voc_object(1, 1, 1, 1, name="")), "object 1: the name is no name"),
        (voc("<object><name>a</name></object>"), "object 1: <bndbox/ymin> is missing"),
    ],
)
def test_bad_voc(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.xml"
    path.write_text(text)
    with pytest.raises(InvalidValueError, match=message) as caught:
        read_voc(path)
    assert str(path) in str(caught.value)


def cvat(inner: str, head: str = "") -> str:
    image = f'<image id="4" name="a.png" width="8" height="6">{inner}</image>'
    return f"<annotations><version>1.1</version>{head}{image}</annotations>"


def test_cvat(tmp_path: Path) -> None:
    text = cvat(
        '<box label="A" source="auto" xtl="1" ytl="2" xbr="4" ybr="5"/>'
        '<polygon label="b" source="auto" points="0,0;3,0;3,2;0,2"/>'
        '<mask label="B" source="auto" rle="1, 2, 1" left="4" top="4" '
        'width="2" height="2"/>'
        '<tag label="c" source="auto"/><points label="d" points="1,1"/>',
        head="<meta><task><labels><label><name>A</name><color>#ff0010</color>"
        "</label></labels></task></meta>",
    )
    (tmp_path / "annotations.xml").write_text(text)
    (found,) = read_cvat(tmp_path)
    one = found.slices[0]
    assert one.boxes == {"A": [(1.5, 0.5, 4.5, 3.5)]}
    mask = np.zeros((6, 8), bool)
    mask[:2, :3] = True
    mask[4, 5] = mask[5, 4] = True
    assert np.array_equal(one.masks["b"], mask)
    assert one.classes == ("c",)
    assert "a points is not taken over" in found.notes[0]
    assert found.provenance is Provenance.PREDICTED
    assert found.label("A").color == "#FF0010"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<a/>", "begins with <a>"),
        ("<annotations><track/></annotations>", "is CVAT for video"),
        (cvat('<box label="a"/>'), r"image 4, box \(1\): ytl is no number"),
        (
            cvat('<box label="a" xtl="1" ytl="1" xbr="1" ybr="2"/>'),
            "image 4, box .*without area",
        ),
        (cvat('<tag label=""/>'), "image 4, tag .*the label is no name"),
        (cvat('<polygon label="a" points="1,2;3"/>'), "image 4, polygon .*three"),
        (cvat('<polygon label="a"/>'), "image 4, polygon"),
        (
            cvat('<mask label="a" rle="9" left="0" top="0" width="2" height="2"/>'),
            "image 4, mask .*do not add up to 4",
        ),
        (
            cvat('<mask label="a" rle="0,4" left="7" top="0" width="2" height="2"/>'),
            "image 4, mask .*beyond the image",
        ),
    ],
)
def test_bad_cvat(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "annotations.xml"
    path.write_text(text)
    with pytest.raises(InvalidValueError, match=message) as caught:
        read_cvat(path)
    assert str(path) in str(caught.value)


# ------------------------------------------------------------------------ others
@pytest.mark.parametrize(
    ("slices", "message"),
    [
        ("case_id,slice\nc,1\n", "line 1: has no column 'decision'"),
        ("case_id,slice,decision\nc,1\n", "line 2: a row of 2 columns"),
        ("case_id,slice,decision\nc,x,labelled\n", "line 2: slice is no number"),
        (
            "case_id,slice,decision,classes\nc,1,labelled,[\n",
            "line 2: classes are a list",
        ),
    ],
)
def test_bad_tables(tmp_path: Path, slices: str, message: str) -> None:
    (tmp_path / "slices.csv").write_text(slices)
    with pytest.raises(InvalidValueError, match=message):
        read_tables(tmp_path)


@pytest.mark.parametrize(
    ("rows", "title", "provenance"),
    [
        (["predicted,net 2", "predicted,net 2"], "net 2", "predicted"),
        (["imported,COCO"], "COCO", "imported"),
        (["manual,"], "Tables (CSV)", "imported"),
        (["manual,", "predicted,net 2"], "Tables (CSV)", "imported"),
    ],
)
def test_tables_tell_what_made_the_boxes(
    tmp_path: Path, rows: list[str], title: str, provenance: str
) -> None:
    (tmp_path / "slices.csv").write_text("case_id,slice,decision\nc,1,labelled\n")
    head = "case_id,slice,label,left,top,right,bottom,provenance,source\n"
    lines = [f"c,1,a,{i},0,{i + 1},1,{row}\n" for i, row in enumerate(rows)]
    (tmp_path / "boxes.csv").write_text(head + "".join(lines))
    (found,) = read_tables(tmp_path)
    assert (found.title, found.provenance) == (title, provenance)
    assert bool(found.notes) == (len(set(rows)) > 1)


READERS: list[Callable[[Path], Any]] = [
    read_coco,
    read_yolo,
    read_voc,
    read_cvat,
    read_labelme,
    read_label_csv,
    read_class_folders,
    read_tables,
    read_parquet_tables,
]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\0", b"{}", b"<", b"1,2\n3"])
def test_no_file_ends_in_a_traceback(
    tmp_path: Path, read: Callable[[Path], Any], content: bytes | None
) -> None:
    path = tmp_path / "data"
    if content is not None:
        path.write_bytes(content)
    try:
        read(path)
    except AnnotateJobsError as error:
        assert str(tmp_path) in str(error)
    else:
        assert read in (read_label_csv, read_yolo)


@pytest.mark.parametrize("table", ["slices", "boxes"])
@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"case_id": ["c"], "slice": [1]}, "has no column '(decision|label)'"),
        ({"case_id": [["c"]]}, "column 'case_id' holds list"),
        (None, "is no readable Parquet file"),
    ],
)
def test_bad_parquet(tmp_path: Path, table: str, columns: Any, message: str) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    good = {"case_id": ["c"], "slice": [1], "decision": ["labelled"]}
    path = tmp_path / f"{table}.parquet"
    parquet.write_table(pa.table(good), tmp_path / "slices.parquet")
    parquet.write_table(pa.table(columns or good), path)
    if columns is None:
        path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InvalidValueError, match=message) as caught:
        read_parquet_tables(tmp_path)
    assert str(path) in str(caught.value)


def test_a_row_of_parquet_is_named(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {"case_id": ["c", "c"], "slice": [1, None], "decision": ["labelled"] * 2}
    parquet.write_table(pa.table(columns), tmp_path / "slices.parquet")
    with pytest.raises(InvalidValueError, match=r"parquet, row 2: slice is no number"):
        read_parquet_tables(tmp_path)


def test_links_are_not_followed(tmp_path: Path) -> None:
    picture(tmp_path / "elsewhere" / "1.png")
    folder = tmp_path / "in"
    (folder / "cat").mkdir(parents=True)
    (folder / "cat" / "1.png").symlink_to(tmp_path / "elsewhere" / "1.png")
    with pytest.raises(InvalidValueError, match="holds no folders of images"):
        read_class_folders(folder)


def bomb(last: str) -> str:
    """Return a few lines of YAML that no memory holds when they are looked through."""
    lists = "".join(
        f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n"
        for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    return f"a: &a [x, x, x]\n{lists}{last}: *i\n"


@pytest.mark.slow
def test_lists_of_lists_of_lists_are_refused_before_they_grow(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text(bomb("names"))
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("")
    with pytest.raises(InvalidValueError, match=r"data\.yaml, line 2: is no YAML"):
        read_yolo(tmp_path)
    (tmp_path / "data.yaml").write_text("names: [liver, [a, b]]\n")
    with pytest.raises(InvalidValueError, match="one name, not a list"):
        read_yolo(tmp_path)
    for text, match in (
        (bomb("combine"), "is no YAML"),
        ("combine: " + "[" * 5000, "holds a value that cannot be read"),
    ):
        with pytest.raises(InvalidValueError, match=match):
            parse_combination(text, where="lesions.yaml")
    assert parse_combination(
        "combine: [{name: &a x, from: [y], method: segmentation}]"
    ).classes


def test_a_device_is_no_table(tmp_path: Path) -> None:
    """It would be read for ever."""
    (tmp_path / "label.csv").symlink_to("/dev/zero")
    with pytest.raises(InvalidValueError, match=r"label\.csv: is no regular file"):
        read_label_csv(tmp_path)
