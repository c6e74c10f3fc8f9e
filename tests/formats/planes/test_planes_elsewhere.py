"""Exports of single images as other programs read them, each in a venv of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_annotate_jobs.formats import export, exporter
from napari_annotate_jobs.formats.planes._planes import case_masks
from napari_annotate_jobs.formats.planes._read_coco import read_coco
from napari_annotate_jobs.stores import StoreSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., Any]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def overlap(overlapping: Any) -> StoreSource:
    return StoreSource(str(overlapping.folder))


def write(source: StoreSource, name: str, out: Path, **options: Any) -> Path:
    return export(source, exporter(name, options), out, workers=1).folder


PYCOCOTOOLS = """
import contextlib, io, json, sys
import numpy as np
from pycocotools.coco import COCO
with contextlib.redirect_stdout(io.StringIO()):
    coco = COCO(sys.argv[1])
out = {}
for image in coco.loadImgs(coco.getImgIds()):
    for each in coco.loadAnns(coco.getAnnIds(imgIds=image["id"])):
        if each["segmentation"]:
            name = coco.cats[each["category_id"]]["name"]
            key = image["file_name"] + "|" + name
            mask = coco.annToMask(each).astype(bool)
            out[key] = out[key] | mask if key in out else mask
np.savez(sys.argv[2], **out)
print(json.dumps({"images": len(coco.imgs), "annotations": len(coco.anns)}))
"""


@pytest.fixture(scope="module")
def pycocotools(tool: Callable[..., Run]) -> Run:
    return tool("pycocotools", "numpy")


@pytest.mark.parametrize("masks", ["polygons", "rle"])
def test_pycocotools_finds_the_pixels(
    pycocotools: Run, overlap: StoreSource, tmp_path: Path, masks: str
) -> None:
    folder = write(overlap, "coco", tmp_path / "out", masks=masks)
    path = folder / "annotations" / "instances_default.json"
    told = pycocotools(PYCOCOTOOLS, path, tmp_path / "masks.npz")
    assert told["images"] == 8
    with np.load(tmp_path / "masks.npz") as found:
        wanted = {}
        for summary in overlap.summaries():
            case = overlap.open(summary)
            for index in case.decided():
                for label, mask in case_masks(case, index):
                    file = f"{case.stem}__{index + 1:04d}.png"
                    wanted[f"{file}|{case.labels[label].name}"] = mask
        assert set(found) == set(wanted)
        for key, mask in wanted.items():
            assert np.array_equal(found[key], mask), key


def test_polygons_and_runs_are_painted_as_pycocotools_does(
    pycocotools: Run, tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)
    images, annotations = [], []
    for number in range(1, 121):
        rows, columns = (int(n) for n in rng.integers(1, 60, 2))
        name = f"{number}.png"
        size = {"height": rows, "width": columns}
        images.append({"id": number, "file_name": name, **size})
        for part in range(int(rng.integers(1, 4))):
            if part == 2:
                counts = np.diff(np.sort(rng.integers(0, rows * columns, 6)), prepend=0)
                counts = [*counts.tolist(), rows * columns - int(counts.sum())]
                segmentation: Any = {"size": [rows, columns], "counts": counts}
            else:
                count = 2 * int(rng.integers(3, 12))
                around = rng.uniform(-0.3, 1.3, count) * max(rows, columns)
                segmentation = [around.round(2).tolist()]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1 + part % 2,
                    "segmentation": segmentation,
                }
            )
    categories = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
    path = tmp_path / "x.json"
    data = {"images": images, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(data))
    pycocotools(PYCOCOTOOLS, path, tmp_path / "masks.npz")
    with np.load(tmp_path / "masks.npz") as wanted:
        for incoming in read_coco(path):
            for name, mask in incoming.slices[0].masks.items():
                assert np.array_equal(mask, wanted[f"{incoming.image}|{name}"])


DATUMARO = """
import json, sys
from datumaro import Dataset
def told(item):
    names = [type(a).__name__ for a in item.annotations]
    boxes = [list(a.points) for a in item.annotations if type(a).__name__ == "Bbox"]
    pixels = sum(
        int((a.image != 0).sum())
        for a in item.annotations
        if type(a).__name__ in ("Mask", "RleMask")
    )
    return [sorted(names), boxes, list(item.media.data.shape), pixels]
pairs = zip(sys.argv[1::2], sys.argv[2::2])
read = [Dataset.import_from(path, kind) for path, kind in pairs]
print(json.dumps([{item.id: told(item) for item in items} for items in read]))
"""


def test_datumaro_reads_them(
    tool: Callable[..., Run], overlap: StoreSource, tmp_path: Path
) -> None:
    run = tool("datumaro")
    stems = {f"ct-lung{n}__000{i}" for n in ("", "-nodule") for i in range(2, 6)}
    case = overlap.open(next(iter(overlap.summaries())))
    pixels = sum(int(mask.sum()) for _, mask in case_masks(case, 3))
    rows = (
        ("coco", "coco_instances", {"masks": "rle"}, [13, 10.5, 45, 30.5]),
        ("yolo", "yolo", {}, [13, 10.5, 45, 30.5]),
        # Datumaro takes VOC's numbers as they are, from 1 and with the last pixel.
        ("voc", "voc_detection", {}, [14, 11.5, 45, 30.5]),
        ("cvat", "cvat", {}, [13, 10.5, 45, 30.5]),
    )
    folders: list[object] = []
    for name, kind, options, _ in rows:
        folders += [write(overlap, name, tmp_path / name, **options), kind]
    for (name, _, _, box), found in zip(rows, run(DATUMARO, *folders), strict=True):
        assert set(found) == stems, name
        assert found["ct-lung__0002"][0] == [], "a negative"
        names, boxes, shape, inside = found["ct-lung__0004"]
        assert "Bbox" in names, name
        assert any(np.allclose(each, box, atol=1e-3) for each in boxes), (name, boxes)
        assert shape[:2] == list(case.plane)
        if name in ("coco", "cvat"):
            assert inside == pixels, name


ULTRALYTICS = """
import ast, json, os, sys
from pathlib import Path
import numpy as np
from PIL import Image
import importlib.util
home = Path(importlib.util.find_spec("ultralytics").origin).parent
# Importing it takes torch; these functions do not.
def taken(path, *names):
    tree = ast.parse((home / path).read_text(encoding="utf-8"))
    body = [n for n in tree.body if getattr(n, "name", None) in names]
    assert len(body) == len(names), names
    future = ast.ImportFrom("__future__", [ast.alias("annotations")], 0)
    module = ast.fix_missing_locations(ast.Module([future, *body], []))
    exec(compile(module, path, "exec"), globals())
def xyxy2xywh(x):
    a, b = x[:, :2], x[:, 2:]
    return np.concatenate([(a + b) / 2, b - a], 1)
def check_image(path):
    with Image.open(path) as image:
        image.verify()
        return "", image.size[::-1]
taken("data/utils.py", "verify_image_label", "img2label_paths")
taken("utils/ops.py", "segments2boxes")
folder, out = Path(sys.argv[1]), {}
images = sorted(str(p) for p in (folder / "images").glob("*"))
for image, label in zip(images, img2label_paths(images)):
    row = verify_image_label((image, label, "", False, int(sys.argv[2]), 0, 0, False))
    _, boxes, shape, segments, _, missing, found, empty, corrupt, said = row
    out[Path(image).stem] = [
        boxes.tolist(), list(shape), len(segments), missing, empty, corrupt, said
    ]
print(json.dumps(out))
"""


def test_the_rules_of_ultralytics_for_labels(
    tool: Callable[..., Run], overlap: StoreSource, tmp_path: Path
) -> None:
    # Its own function that accepts or drops the labels of an image, without torch:
    # no model was trained.
    run = tool("numpy", "pillow", alone=("ultralytics",))
    for name, classes, options in (("yolo", 1, {}), ("yolo-seg", 3, {"holes": "slit"})):
        folder = write(overlap, name, tmp_path / name, **options)
        found = run(ULTRALYTICS, folder, classes)
        assert len(found) == 8
        for stem, (
            boxes,
            shape,
            segments,
            missing,
            empty,
            corrupt,
            said,
        ) in found.items():
            assert (missing, corrupt, said) == (0, 0, ""), stem
            assert shape == [256, 256]
            assert empty == (not boxes)
            assert segments == (len(boxes) if name == "yolo-seg" else 0)
        assert found["ct-lung__0002"][4] == 1, "an empty file is a negative"
        if name == "yolo":
            (box,) = found["ct-lung__0004"][0]
            assert np.allclose(np.array(box[1:]) * 256, [29, 20.5, 32, 20], atol=1e-3)


LABELME = """
import json, sys
from pathlib import Path
from unittest.mock import MagicMock
import numpy as np
# Its window is imported beside its reader, which needs none.
window = ("PyQt5", "PyQt5.QtCore", "PyQt5.QtGui", "PyQt5.QtWidgets")
for name in ("onnxruntime", "skimage", "skimage.measure", *window):
    sys.modules[name] = MagicMock()
from labelme._label_file import LabelFile
from labelme.utils import img_data_to_arr, shapes_to_label
told, masks = {}, {}
for path in sorted(Path(sys.argv[1]).rglob("*__*.json")):
    read = LabelFile(str(path))
    plane = img_data_to_arr(read.image_data).shape[:2]
    keys = ("label", "shape_type", "points")
    shapes = [[each[key] for key in keys] for each in read.shapes]
    told[path.stem] = [list(plane), read.flags, shapes]
    for each in read.shapes:
        if each["shape_type"] == "mask":
            values, _ = shapes_to_label(plane, [each], {each["label"]: 1})
            masks[path.stem + "|" + each["label"]] = values == 1
np.savez(sys.argv[2], **masks)
print(json.dumps(told))
"""


def test_labelmes_own_reader(
    tool: Callable[..., Run], overlap: StoreSource, tmp_path: Path
) -> None:
    parts = ("numpy", "pillow", "loguru", "tifffile", "imgviz")
    run = tool(*parts, alone=("labelme==6.3.1",))
    told = run(LABELME, write(overlap, "labelme", tmp_path / "out"), tmp_path / "m.npz")
    wanted = {}
    for summary in overlap.summaries():
        case = overlap.open(summary)
        for index in case.decided():
            stem = f"{case.stem}__{index + 1:04d}"
            plane, flags, shapes = told.pop(stem)
            assert plane == list(case.plane)
            on = {case.labels[i].name for i in case.said(index).class_labels}
            assert {name for name, yes in flags.items() if yes} == on
            boxes = [
                [case.labels[box.label].name, "rectangle", box.corners]
                for box in case.boxes(index)
            ]
            for (name, kind, points), (label, what, corners) in zip(
                shapes, boxes, strict=False
            ):
                assert (name, kind) == (label, what)
                (left, top), (right, bottom) = points
                found = np.array([top, left, bottom, right]) - 0.5
                assert np.allclose(found, corners)
            for label, mask in case_masks(case, index):
                wanted[f"{stem}|{case.labels[label].name}"] = mask
            assert len(shapes) == len(boxes) + len(list(case_masks(case, index)))
    assert not told
    with np.load(tmp_path / "m.npz") as found:
        assert set(found) == set(wanted)
        for key, mask in wanted.items():
            assert np.array_equal(found[key], mask), key
