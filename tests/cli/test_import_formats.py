"""The verb import, on files of each format as other programs write them."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from napari_annotate_jobs.model import (
    Case,
    Decision,
    Group,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
)
from napari_annotate_jobs.stores import create_job, open_store

if TYPE_CHECKING:
    from pathlib import Path

WIDTH, HEIGHT = 20, 12
SEG, DET, CLS = Method.SEGMENTATION, Method.DETECTION, Method.CLASSIFICATION
LABELS = LabelSet(
    labels=(
        Label(id=1, name="cat", color="#D55E00", method=SEG),
        Label(id=2, name="dog", color="#0072B2", method=DET),
        Label(id=3, name="good", color="#009E73", method=CLS, group="quality"),
        Label(id=4, name="bad", color="#E69F00", method=CLS, group="quality"),
    ),
    groups=(Group(name="quality", exclusive=True),),
)
BOX = (2.5, 1.5, 8.5, 5.5)
"""Left, top, right, bottom: columns 3 to 8, rows 2 to 5."""


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """Two pictures, a and b."""
    cases = []
    for name in ("a", "b"):
        path = tmp_path / "images" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        picture(path)
        cases.append(Case(id=name, name=name, series=(SeriesRef(path=str(path)),)))
    project = Project(name="Pets", methods=(SEG, DET, CLS), label_set=LABELS)
    create_job(tmp_path / "job", Job(id="job", project=project), cases).close()
    return tmp_path / "job"


def picture(path: Path) -> None:
    Image.fromarray(np.full((HEIGHT, WIDTH), 90, np.uint8)).save(path)


def coco(folder: Path) -> Path:
    images = [
        {"id": n, "file_name": f"{name}.png", "width": WIDTH, "height": HEIGHT}
        for n, name in enumerate("ab", 7)
    ]
    found = {"image_id": 7, "iscrowd": 0, "area": 24}
    outline = [[3, 2, 9, 2, 9, 6, 3, 6]]
    annotations = [
        {**found, "id": 1, "category_id": 11, "bbox": [3, 2, 6, 4], "segmentation": []},
        {**found, "id": 2, "category_id": 12, "segmentation": outline},
    ]
    categories = [{"id": 11, "name": "dog"}, {"id": 12, "name": "cat"}]
    data = {"images": images, "annotations": annotations, "categories": categories}
    path = folder / "instances.json"
    path.write_text(json.dumps(data))
    return path


def yolo(folder: Path) -> Path:
    (folder / "labels").mkdir()
    (folder / "data.yaml").write_text("names: [dog]\n")
    x, y, w, h = 6 / WIDTH, 4 / HEIGHT, 6 / WIDTH, 4 / HEIGHT
    (folder / "labels" / "a.txt").write_text(f"0 {x:.8f} {y:.8f} {w:.8f} {h:.8f}\n")
    (folder / "labels" / "b.txt").write_text("")
    (folder / "images").mkdir()
    for name in ("a", "b"):
        picture(folder / "images" / f"{name}.png")
    return folder


def voc(folder: Path) -> Path:
    box = "<xmin>4</xmin><ymin>3</ymin><xmax>9</xmax><ymax>6</ymax>"
    for name, objects in (
        ("a", f"<object><name>dog</name><bndbox>{box}</bndbox></object>"),
        ("b", ""),
    ):
        size = f"<width>{WIDTH}</width><height>{HEIGHT}</height><depth>1</depth>"
        (folder / f"{name}.xml").write_text(
            f"<annotation><filename>{name}.png</filename><size>{size}</size>{objects}"
            "</annotation>"
        )
    return folder


def cvat(folder: Path) -> Path:
    size = f'width="{WIDTH}" height="{HEIGHT}"'
    path = folder / "annotations.xml"
    path.write_text(
        f'<annotations><version>1.1</version><image id="0" name="a.png" {size}>'
        '<box label="dog" xtl="3" ytl="2" xbr="9" ybr="6" occluded="0"/>'
        '<mask label="cat" rle="0, 24" left="3" top="2" width="6" height="4"/>'
        '<tag label="good"/></image>'
        f'<image id="1" name="b.png" {size}/></annotations>'
    )
    return path


def labelme(folder: Path) -> Path:
    out = io.BytesIO()
    Image.fromarray(np.full((4, 6), 255, np.uint8)).save(out, "PNG")
    mask = base64.b64encode(out.getvalue()).decode()
    base = {"group_id": None, "flags": {}}
    shapes: list[dict[str, Any]] = [
        {**base, "label": "dog", "points": [[3, 2], [9, 6]], "shape_type": "rectangle"},
        {
            **base,
            "label": "cat",
            "points": [[3, 2], [8, 5]],
            "shape_type": "mask",
            "mask": mask,
        },
    ]
    for name, own in (("a", shapes), ("b", [])):
        data = {
            "version": "5.5.0",
            "flags": {"good": True, "bad": False} if own else {},
            "shapes": own,
            "imagePath": f"{name}.png",
            "imageData": None,
            "imageHeight": HEIGHT,
            "imageWidth": WIDTH,
        }
        (folder / f"{name}.json").write_text(json.dumps(data))
    return folder


def label_csv(folder: Path) -> Path:
    path = folder / "label.csv"
    path.write_text("images/a.png,dog,3,2,6,4\nimages/b.png\n")
    return path


def class_csv(folder: Path) -> Path:
    path = folder / "label.csv"
    path.write_text("images/a.png,good\nimages/b.png,bad\n")
    return path


def class_folders(folder: Path) -> Path:
    for name, kind in (("a", "good"), ("b", "bad")):
        (folder / kind).mkdir()
        picture(folder / kind / f"{name}.png")
    return folder


ROWS = {
    "coco": (coco, "coco", {"box", "mask"}, Decision.NOTHING_TO_LABEL),
    "yolo": (yolo, "yolo", {"box"}, Decision.NOTHING_TO_LABEL),
    "voc": (voc, "voc", {"box"}, Decision.NOTHING_TO_LABEL),
    "cvat": (cvat, "cvat", {"box", "mask", "good"}, Decision.NOTHING_TO_LABEL),
    "labelme": (labelme, "labelme", {"box", "mask", "good"}, Decision.NOTHING_TO_LABEL),
    "boxes csv": (label_csv, "label-csv", {"box"}, Decision.NOTHING_TO_LABEL),
    "classes csv": (class_csv, "label-csv", {"good"}, Decision.LABELLED),
    "class folders": (class_folders, "class-folders", {"good"}, Decision.LABELLED),
}


@pytest.mark.parametrize("name", ROWS)
def test_what_others_wrote_comes_in(
    name: str, job: Path, run: Any, tmp_path: Path
) -> None:
    make, kind, wanted, other = ROWS[name]
    (tmp_path / "theirs").mkdir()
    path = make(tmp_path / "theirs")
    command = ["import", job, "--from", path, "--format", kind, "--person", "ana"]
    code, told, err = run(*command, "--preview")
    assert code == 0, told + err
    with open_store(str(job), person="ana") as store:
        assert store.load("job", "a").annotation.is_blank
    code, told, err = run(*command)
    assert code == 0, told + err
    with open_store(str(job), person="ana") as store:
        (said,) = store.load("job", "a").annotation.slices.values()
        (empty,) = store.load("job", "b").annotation.slices.values()
    found = set()
    for box in said.boxes:
        assert (box.label, box.left, box.top, box.right, box.bottom) == pytest.approx(
            (2, *BOX), abs=1e-4
        )
        found.add("box")
    for ref in said.masks.values():
        assert ref.pixels == {1: 24}
        found.add("mask")
    found |= {LABELS[label].name for label in said.class_labels}
    assert found == wanted
    assert empty.decision is other
