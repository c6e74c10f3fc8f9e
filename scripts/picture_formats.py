"""Draws docs/pictures/formats.png: the demo's job in every format, opened elsewhere.

Each part shows the arrays or outlines that a reader other than this program's gives
back, drawn by matplotlib. It needs matplotlib, pycocotools and dcmqi beside the extra
``all``.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import matplotlib
import nibabel as nib
import nrrd
import numpy as np
import pandas
import pydicom
import SimpleITK as sitk
from PIL import Image

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.colors import ListedColormap
from matplotlib.patches import Polygon, Rectangle

OUTPUT = Path(__file__).parents[1] / "docs" / "pictures" / "formats.png"
JOB, CASE, SLICE = "lung-tumours", "ct-lung", 5
COLORS = ListedColormap(["#D55E00", "#56B4E9", "#009E73", "#CC79A7"])
BOXES = ("--convert", "labels-to-boxes")


def make_job(folder: Path) -> Path:
    """Make the demo's job of masks with one case annotated by hand."""
    from napari_annotate_jobs.demo._jobs import make_demo_jobs
    from napari_annotate_jobs.session import AnnotationSession
    from napari_annotate_jobs.stores import open_store

    make_demo_jobs(folder)
    session = AnnotationSession(open_store(str(folder / JOB), person="ana"), JOB)
    session.open_next = False
    session.open_case(CASE)
    assert session.case is not None
    rows, columns = session.case.series.header.shape[1:3]
    y, x = np.mgrid[:rows, :columns]
    mask = np.zeros((rows, columns), np.uint16)
    lung = ((y - rows * 0.5) / 70) ** 2 + ((x - columns * 0.28) / 38) ** 2 < 1
    mask[lung] = 2
    mask[(y - rows * 0.62) ** 2 + (x - columns * 0.29) ** 2 < 14**2] = 1
    session.editor.set_masks({(i, ""): mask for i in range(3, 8)})
    session.editor.set_class(range(3, 8), 3, True)
    session.editor.set_nothing_to_label([0, 1, 2])
    session.submit()
    session.close()
    return folder / JOB


def export(job: Path, out: Path, name: str, *more: str) -> Path:
    """Export it as a person does, and return the folder."""
    from napari_annotate_jobs.cli import main

    arguments = ["export", str(job), "--format", name, "--out", str(out / name)]
    assert main([*arguments, "--workers", "1", *more]) == 0, name
    return out / name


def only(folder: Path, pattern: str) -> Path:
    """Return the one file of a pattern, or that of the slice."""
    found = sorted(folder.rglob(pattern))
    here = [path for path in found if f"__{SLICE + 1:04d}." in path.name]
    return (here or found)[0]


def nibabel_plane(path: Path) -> Any:
    """Return a slice as it is shown, from NIfTI."""
    return np.asanyarray(nib.load(path).dataobj)[:, :, SLICE].T


def itk_plane(path: Path) -> Any:
    """Return a slice by SimpleITK."""
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[SLICE]


def dcmqi_plane(path: Path, work: Path) -> Any:
    """Return a slice of a DICOM SEG as dcmqi converts it, at its place."""
    program = Path(sys.executable).with_name("segimage2itkimage")
    command = [program, "--inputDICOM", path, "--outputDirectory", work]
    subprocess.run(
        [*map(str, command), "-t", "nrrd", "--mergeSegments"],
        check=True,
        capture_output=True,
    )
    labels = sitk.ReadImage(str(next(work.glob("*.nrrd"))))
    used = [plane for plane in sitk.GetArrayFromImage(labels) if plane.any()]
    return used[len(used) // 2]


def draw_background(axes: Any, image: Any) -> None:
    """Show the picture below."""
    axes.imshow(image, cmap="gray", interpolation="nearest")
    axes.set_axis_off()


def draw_values(axes: Any, image: Any, values: Any) -> None:
    """Show label values over an image."""
    draw_background(axes, image)
    shown = np.ma.masked_equal(values, 0)
    axes.imshow(
        (shown - 1) % 4, cmap=COLORS, alpha=0.6, vmin=0, vmax=3, interpolation="nearest"
    )


def draw_boxes(axes: Any, image: Any, boxes: list[tuple[float, ...]]) -> None:
    """Show left, top, width and height, counted from the outer corner."""
    draw_background(axes, image)
    for number, (left, top, width, height) in enumerate(boxes):
        color = COLORS(number % 4)
        corner = left - 0.5, top - 0.5
        axes.add_patch(Rectangle(corner, width, height, fill=False, ec=color, lw=1.5))


def draw_outlines(axes: Any, image: Any, lines: list[Any]) -> None:
    """Show closed lines of x and y, pixels counted from the centre of the first."""
    draw_background(axes, image)
    for number, line in enumerate(lines):
        axes.add_patch(
            Polygon(line, closed=True, fill=False, ec=COLORS(number % 4), lw=1.5)
        )


def corners(row: dict[str, Any]) -> tuple[float, ...]:
    """Return left, top, width and height of a row of boxes, from the outer corner."""
    left, top, right, bottom = (
        float(row[name]) for name in ("left", "top", "right", "bottom")
    )
    return left + 0.5, top + 0.5, right - left, bottom - top


def rtstruct_lines(path: Path, images: Path) -> list[Any]:
    """Return the outlines of the slice, from patient mm to pixels."""
    headers = {d.SOPInstanceUID: d for d in map(pydicom.dcmread, images.glob("*.dcm"))}
    places = sorted(headers.values(), key=lambda d: float(d.ImagePositionPatient[2]))
    here = places[SLICE]
    found = []
    for roi in pydicom.dcmread(path).ROIContourSequence:
        for item in roi.get("ContourSequence", ()):
            image = item.ContourImageSequence[0].ReferencedSOPInstanceUID
            if image == here.SOPInstanceUID:
                points = np.array(item.ContourData, float).reshape(-1, 3)
                origin = np.array(here.ImagePositionPatient, float)
                rows, columns = map(float, here.PixelSpacing)
                found.append((points - origin)[:, :2] / (columns, rows))
    return found


def main(output: Path) -> None:
    """Export the job in every format, and draw what others read."""
    from pycocotools.coco import COCO

    from napari_annotate_jobs.samples import sample_paths

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job, out = make_job(folder / "jobs"), folder / "out"
        out.mkdir()
        figure, grid = plt.subplots(3, 6, figsize=(12, 6.4), dpi=80)
        parts = iter(grid.ravel())

        def part(title: str) -> Any:
            axes = next(parts)
            axes.set_title(title, fontsize=7)
            return axes

        raw = export(job, out, "nnunet")
        scan = nibabel_plane(only(raw / "imagesTr", "*.nii.gz"))
        scan = np.clip(scan, -1000, 400)
        values = itk_plane(only(raw / "labelsTr", "*.nii.gz"))
        draw_values(part("nnunet · SimpleITK"), scan, values)
        made = export(job, out, "nifti")
        values = nibabel_plane(only(made, "*.nii.gz"))
        draw_values(part("nifti · nibabel"), scan, values)
        made = export(job, out, "seg-nrrd")
        data, _ = nrrd.read(str(only(made, "*.seg.nrrd")))
        draw_values(part("seg-nrrd · pynrrd"), scan, data[..., SLICE].T)
        made = export(job, out, "decathlon", "--set", "unknown=ignore")
        values = nibabel_plane(only(made / "labelsTr", "*.nii.gz"))
        draw_values(part("decathlon · nibabel"), scan, values)
        made = export(job, out, "bids")
        values = nibabel_plane(only(made, "*_dseg.nii.gz"))
        draw_values(part("bids · nibabel"), scan, values)
        made = export(job, out, "dicom-seg")
        values = dcmqi_plane(only(made, "*.dcm"), folder)
        draw_values(part("dicom-seg · dcmqi"), scan, values)
        made = export(job, out, "rtstruct")
        lines = rtstruct_lines(only(made, "*.dcm"), sample_paths()[CASE])
        draw_outlines(part("rtstruct · pydicom"), scan, lines)
        made = export(job, out, "dicom-sr", *BOXES)
        report = pydicom.dcmread(only(made, "*.dcm"))
        graphics = [e.value for e in report.iterall() if e.keyword == "GraphicData"]
        # The same boxes on five slices; DICOM counts from the outer corner.
        lines = np.unique(np.array(graphics), axis=0).reshape(-1, 5, 2) - 0.5
        draw_outlines(part("dicom-sr · pydicom"), scan, list(lines))
        made = export(job, out, "coco")
        coco = COCO(made / "annotations" / "instances_default.json")
        (info,) = (
            i
            for i in coco.loadImgs(coco.getImgIds())
            if f"__{SLICE + 1:04d}." in i["file_name"]
        )
        found = coco.loadAnns(coco.getAnnIds(imgIds=[info["id"]]))
        values = sum(coco.annToMask(a).astype(int) * a["category_id"] for a in found)
        picture = Image.open(made / "images" / Path(info["file_name"]).name)
        draw_values(part("coco · pycocotools"), picture, values)
        made = export(job, out, "yolo", *BOXES)
        picture = Image.open(only(made / "images", "*.png"))
        boxes = []
        for line in only(made / "labels", "*.txt").read_text().splitlines():
            _, x, y, w, h = map(float, line.split())
            boxes.append(((x - w / 2), (y - h / 2), w, h))
        scale = np.array([*picture.size, *picture.size])
        draw_boxes(part("yolo · numpy"), picture, [tuple(b * scale) for b in boxes])
        made = export(job, out, "yolo-seg", "--set", "holes=slit")
        lines = []
        for line in only(made / "labels", "*.txt").read_text().splitlines():
            points = np.array(line.split()[1:], float).reshape(-1, 2)
            lines.append(points * picture.size - 0.5)
        draw_outlines(part("yolo-seg · numpy"), picture, lines)
        made = export(job, out, "voc", *BOXES)
        picture = Image.open(only(made / "JPEGImages", "*.*"))
        boxes = []
        for item in ET.parse(only(made / "Annotations", "*.xml")).iter("bndbox"):
            left, top, right, bottom = (
                float(item.findtext(k)) for k in ("xmin", "ymin", "xmax", "ymax")
            )
            boxes.append((left - 1, top - 1, right - left + 1, bottom - top + 1))
        draw_boxes(part("voc · ElementTree"), picture, boxes)
        made = export(job, out, "cvat", *BOXES)
        root = ET.parse(made / "annotations.xml")
        (item,) = (
            i for i in root.iter("image") if f"__{SLICE + 1:04d}." in i.get("name", "")
        )
        boxes = []
        for box in item.iter("box"):
            left, top, right, bottom = (
                float(box.get(k)) for k in ("xtl", "ytl", "xbr", "ybr")
            )
            boxes.append((left, top, right - left, bottom - top))
        draw_boxes(part("cvat · ElementTree"), picture, boxes)
        made = export(job, out, "labelme", *BOXES)
        shapes = json.loads(only(made, "*.json").read_text())["shapes"]
        boxes = [(*s["points"][0], *np.diff(s["points"], axis=0)[0]) for s in shapes]
        draw_boxes(part("labelme · json"), picture, boxes)
        made = export(job, out, "label-csv", *BOXES, "--set", "kind=detection")
        with (made / "label.csv").open(newline="") as file:
            rows = [r for r in csv.reader(file) if f"__{SLICE + 1:04d}." in r[0]]
        boxes = [tuple(map(float, row[2:])) for row in rows]
        draw_boxes(part("label-csv · csv"), picture, boxes)
        made = export(job, out, "class-folders")
        (path,) = made.rglob(f"*__{SLICE + 1:04d}.*")
        draw_background(part(f"class-folders · {path.parent.name}/"), Image.open(path))
        made = export(job, out, "csv", *BOXES)
        with (made / "boxes.csv").open(newline="", encoding="utf-8") as file:
            rows = [r for r in csv.DictReader(file) if int(r["slice"]) == SLICE + 1]
        draw_boxes(part("csv · csv"), picture, [corners(row) for row in rows])
        made = export(job, out, "parquet", *BOXES)
        frame = pandas.read_parquet(made / "boxes.parquet")
        rows = frame[frame["slice"] == SLICE + 1].to_dict("records")
        draw_boxes(part("parquet · pandas"), picture, [corners(row) for row in rows])
        figure.tight_layout()
        output.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(output)
        Image.open(output).convert("RGB").quantize(96).save(output, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUT)
