"""Draws docs/pictures/formats*.png: the demo's jobs in every format, opened elsewhere.

The job of masks is drawn in all formats, converted where one holds none; those of boxes
and of classes in each that holds them. Each part shows the arrays, outlines or names
that a reader other than this program's gives back, drawn by matplotlib. It needs
matplotlib, pycocotools, pandas, pynrrd and dcmqi beside the extra ``all``.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_annotate_jobs.session import AnnotationSession

OUTPUT = Path(__file__).parents[1] / "docs" / "pictures"
JOB, CASE, SLICE = "lung-tumours", "ct-lung", 5
COLORS = ListedColormap(["#D55E00", "#56B4E9", "#009E73", "#CC79A7"])
BOXES = ("--convert", "labels-to-boxes")


@contextmanager
def annotating(job: Path, case: str) -> Iterator[AnnotationSession]:
    """Open a case of a demo job, and submit what was said of it."""
    from napari_annotate_jobs.session import AnnotationSession
    from napari_annotate_jobs.stores import open_store

    session = AnnotationSession(open_store(str(job), person="ana"), job.name)
    session.open_next = False
    session.open_case(case)
    yield session
    session.submit()
    session.close()


def annotate_classes(job: Path) -> None:
    """Say of every slice of a brain at which level it lies."""
    with annotating(job, "mr-brain") as session:
        session.editor.set_class(range(5), 1, True)
        session.editor.set_class(range(5, 14), 2, True)
        session.editor.set_class(range(14, 20), 3, True)
        session.editor.set_class(range(4, 8), 5, True)
        session.editor.set_case_label(6)


def annotate_boxes(job: Path) -> None:
    """Draw two boxes on an X-ray of a chest."""
    from napari_annotate_jobs.model import Box

    with annotating(job, "xray-chest") as session:
        assert session.case is not None
        rows, columns = session.case.series.header.shape[1:3]
        places = (1, 0.3, 0.28, 0.42, 0.38), (3, 0.62, 0.55, 0.7, 0.72)
        session.editor.set_boxes(
            {
                0: [
                    Box(
                        label=label,
                        top=round(top * rows),
                        left=round(left * columns),
                        bottom=round(bottom * rows),
                        right=round(right * columns),
                    )
                    for label, left, top, right, bottom in places
                ]
            }
        )


def annotate_masks(job: Path) -> None:
    """Paint on one CT, and say what is on it."""
    with annotating(job, CASE) as session:
        paint(session)


def paint(session: AnnotationSession) -> None:
    """Paint a lung and what lies in it."""
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


def export(job: Path, out: Path, name: str, *more: str) -> Path:
    """Export it as a person does, and return the folder."""
    from napari_annotate_jobs.cli import main

    arguments = ["export", str(job), "--format", name, "--out", str(out / name)]
    assert main([*arguments, "--workers", "1", *more]) == 0, name
    return out / name


def is_shown(name: str) -> bool:
    """Whether a file is that of the slice that is drawn."""
    return f"__{SLICE + 1:04d}." in name


def only(folder: Path, pattern: str) -> Path:
    """Return the one file of a pattern, or that of the slice."""
    found = sorted(folder.rglob(pattern))
    here = [path for path in found if is_shown(path.name)]
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


Boxes = list[tuple[float, ...]]


def yolo_boxes(made: Path) -> Boxes:
    """Return the boxes of YOLO's text, in pixels."""
    size = Image.open(only(made / "images", "*.png")).size
    boxes = []
    for line in only(made / "labels", "*.txt").read_text().splitlines():
        _, x, y, w, h = map(float, line.split())
        box = np.array([x - w / 2, y - h / 2, w, h]) * [*size, *size]
        boxes.append(tuple(box))
    return boxes


def voc_boxes(made: Path) -> Boxes:
    """Return the boxes of Pascal VOC, whose corners count from 1."""
    boxes = []
    for item in ET.parse(only(made / "Annotations", "*.xml")).iter("bndbox"):
        left, top, right, bottom = (
            float(item.findtext(k) or "") for k in ("xmin", "ymin", "xmax", "ymax")
        )
        boxes.append((left - 1, top - 1, right - left + 1, bottom - top + 1))
    return boxes


def cvat_boxes(made: Path) -> Boxes:
    """Return the boxes of CVAT's XML."""
    items = list(ET.parse(made / "annotations.xml").iter("image"))
    item = [i for i in items if is_shown(i.get("name", ""))] or items
    boxes = []
    for box in item[0].iter("box"):
        left, top, right, bottom = (
            float(box.get(k, "")) for k in ("xtl", "ytl", "xbr", "ybr")
        )
        boxes.append((left, top, right - left, bottom - top))
    return boxes


def labelme_boxes(made: Path) -> Boxes:
    """Return the rectangles of LabelMe's JSON."""
    shapes = json.loads(only(made / "images", "*.json").read_text())["shapes"]
    return [(*s["points"][0], *np.diff(s["points"], axis=0)[0]) for s in shapes]


def label_csv_boxes(made: Path) -> Boxes:
    """Return the rows of the picture in ``label.csv``."""
    with (made / "label.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    here = [r for r in rows if is_shown(r[0])] or [
        r for r in rows if r[0] == rows[0][0]
    ]
    return [tuple(map(float, row[2:])) for row in here]


def csv_boxes(made: Path) -> Boxes:
    """Return the rows of the slice in ``boxes.csv``."""
    with (made / "boxes.csv").open(newline="", encoding="utf-8") as file:
        return table_boxes(list(csv.DictReader(file)))


def parquet_boxes(made: Path) -> Boxes:
    """Return the rows of the slice in ``boxes.parquet``."""
    return table_boxes(pandas.read_parquet(made / "boxes.parquet").to_dict("records"))


def table_boxes(rows: list[dict[str, Any]]) -> Boxes:
    """Return the boxes of the slice, or of the first case where it has one slice."""
    case = rows[0]["case"]
    here = [row for row in rows if int(row["slice"]) == SLICE + 1]
    return [corners(row) for row in here or [r for r in rows if r["case"] == case]]


def coco_boxes(made: Path) -> Boxes:
    """Return the boxes as pycocotools has them."""
    from pycocotools.coco import COCO

    coco = COCO(made / "annotations" / "instances_default.json")
    first = sorted(coco.loadImgs(coco.getImgIds()), key=lambda i: i["file_name"])[0]
    return [tuple(a["bbox"]) for a in coco.imgToAnns[first["id"]]]


def report_lines(made: Path) -> list[Any]:
    """Return the outlines in a DICOM SR; DICOM counts from the outer corner."""
    report = pydicom.dcmread(only(made, "*.dcm"))
    graphics = [e.value for e in report.iterall() if e.keyword == "GraphicData"]
    # The same boxes on five slices.
    return list(np.unique(np.array(graphics), axis=0).reshape(-1, 5, 2) - 0.5)


BOX_READERS = {
    "yolo": ("numpy", yolo_boxes),
    "voc": ("ElementTree", voc_boxes),
    "cvat": ("ElementTree", cvat_boxes),
    "labelme": ("json", labelme_boxes),
    "label-csv": ("csv", label_csv_boxes),
    "csv": ("csv", csv_boxes),
    "parquet": ("pandas", parquet_boxes),
}
KINDS = {"label-csv": ("--set", "kind=detection")}


def report_classes(made: Path) -> list[str]:
    """Return the findings of the slice in a DICOM SR."""
    report = pydicom.dcmread(only(made, "*.dcm"))
    images = report.CurrentRequestedProcedureEvidenceSequence[0]
    uids = [
        item.ReferencedSOPInstanceUID
        for series in images.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    ]
    (body,) = (i for i in report.ContentSequence if i.ValueType == "CONTAINER")
    found = []
    for group in body.ContentSequence:
        items = group.ContentSequence
        if any(
            image.ReferencedSOPInstanceUID == uids[SLICE]
            for item in items
            for image in item.get("ReferencedSOPSequence", ())
        ):
            codes = [i.ConceptCodeSequence[0] for i in items if i.ValueType == "CODE"]
            found += [code.CodeMeaning for code in codes]
    return found


def cvat_classes(made: Path) -> list[str]:
    """Return the tags of the picture in CVAT's XML."""
    for item in ET.parse(made / "annotations.xml").iter("image"):
        if is_shown(item.get("name", "")):
            return [tag.get("label", "") for tag in item.iter("tag")]
    return []


def labelme_classes(made: Path) -> list[str]:
    """Return the flags of the picture in LabelMe's JSON."""
    flags = json.loads(only(made / "images", "*.json").read_text())["flags"]
    return [name for name, on in flags.items() if on]


def label_csv_classes(made: Path) -> list[str]:
    """Return the rows of the picture in ``label.csv`` that have a 1."""
    with (made / "label.csv").open(newline="") as file:
        rows = [row for row in csv.reader(file) if is_shown(row[0])]
    return [row[1] for row in rows if row[2] == "1"]


def csv_classes(made: Path) -> list[str]:
    """Return the classes of the slice in ``slices.csv``."""
    with (made / "slices.csv").open(newline="", encoding="utf-8") as file:
        row = list(csv.DictReader(file))[SLICE]
    return [*json.loads(row["classes"]), *json.loads(row["case_classes"])]


def parquet_classes(made: Path) -> list[str]:
    """Return the classes of the slice in ``slices.parquet``."""
    row = pandas.read_parquet(made / "slices.parquet").iloc[SLICE]
    return [*json.loads(row["classes"]), *json.loads(row["case_classes"])]


def folder_class(made: Path) -> list[str]:
    """Return in which folder the picture lies."""
    return [only(made, "*.png").parent.name]


CLASS_READERS = {
    "dicom-sr": ("pydicom", report_classes),
    "csv": ("csv", csv_classes),
    "parquet": ("pandas", parquet_classes),
    "cvat": ("ElementTree", cvat_classes),
    "labelme": ("json", labelme_classes),
    "label-csv": ("csv", label_csv_classes),
    "class-folders": ("folders", folder_class),
}


def draw_others(jobs: Path, out: Path, output: Path) -> None:
    """Draw the jobs of boxes and of classes in each format that holds them."""
    figure, grid = plt.subplots(2, 9, figsize=(12, 3.6), dpi=80)
    for axes in grid.ravel():
        axes.set_axis_off()
    job = jobs / "bone-and-chest-x-rays"
    annotate_boxes(job)
    made = export(job, out / "boxes", "coco")
    picture = Image.open(only(made / "images", "*.png"))
    parts = iter(grid[0])

    def part(title: str) -> Any:
        axes = next(parts)
        axes.set_title(title, fontsize=7)
        return axes

    draw_boxes(part("coco · pycocotools"), picture, coco_boxes(made))
    made = export(job, out / "boxes", "dicom-sr")
    draw_outlines(part("dicom-sr · pydicom"), picture, report_lines(made))
    for name, (by, read) in BOX_READERS.items():
        made = export(job, out / "boxes", name, *KINDS.get(name, ()))
        draw_boxes(part(f"{name} · {by}"), picture, read(made))
    job = jobs / "brain-slices"
    annotate_classes(job)
    made = export(job, out / "classes", "labelme")
    picture = Image.open(only(made, "*.png"))
    parts = iter(grid[1])
    for name, (by, tell) in CLASS_READERS.items():
        if name != "labelme":
            made = export(job, out / "classes", name)
        axes = part(f"{name} · {by}")
        draw_background(axes, picture)
        text = "\n".join(tell(out / "classes" / name))
        axes.text(0, 262, text, fontsize=6.5, va="top")
    save(figure, output)


def save(figure: Any, output: Path) -> None:
    """Write a figure as a small file."""
    figure.tight_layout()
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output)
    Image.open(output).convert("RGB").quantize(96).save(output, optimize=True)


def main(output: Path) -> None:
    """Export the jobs in every format, and draw what others read."""
    from napari_annotate_jobs.demo._jobs import make_demo_jobs

    with tempfile.TemporaryDirectory() as name:
        jobs, out = Path(name) / "jobs", Path(name) / "out"
        make_demo_jobs(jobs)
        for kind in ("masks", "boxes", "classes"):
            (out / kind).mkdir(parents=True)
        draw_masks(jobs / JOB, out / "masks", output / "formats.png")
        draw_others(jobs, out, output / "formats-others.png")


def draw_masks(job: Path, out: Path, output: Path) -> None:
    """Draw the job of masks in every format."""
    from pycocotools.coco import COCO

    from napari_annotate_jobs.samples import sample_paths

    annotate_masks(job)
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
    values = dcmqi_plane(only(made, "*.dcm"), out)
    draw_values(part("dicom-seg · dcmqi"), scan, values)
    made = export(job, out, "rtstruct")
    lines = rtstruct_lines(only(made, "*.dcm"), sample_paths()[CASE])
    draw_outlines(part("rtstruct · pydicom"), scan, lines)
    made = export(job, out, "dicom-sr", *BOXES)
    draw_outlines(part("dicom-sr · pydicom"), scan, report_lines(made))
    made = export(job, out, "coco")
    coco = COCO(made / "annotations" / "instances_default.json")
    (info,) = (i for i in coco.loadImgs(coco.getImgIds()) if is_shown(i["file_name"]))
    found = coco.loadAnns(coco.getAnnIds(imgIds=[info["id"]]))
    values = sum(coco.annToMask(a).astype(int) * a["category_id"] for a in found)
    picture = Image.open(made / "images" / Path(info["file_name"]).name)
    draw_values(part("coco · pycocotools"), picture, values)
    made = export(job, out, "yolo-seg", "--set", "holes=slit")
    lines = []
    for line in only(made / "labels", "*.txt").read_text().splitlines():
        points = np.array(line.split()[1:], float).reshape(-1, 2)
        lines.append(points * picture.size - 0.5)
    draw_outlines(part("yolo-seg · numpy"), picture, lines)
    for name, (by, read) in BOX_READERS.items():
        made = export(job, out, name, *BOXES, *KINDS.get(name, ()))
        draw_boxes(part(f"{name} · {by}"), picture, read(made))
    made = export(job, out, "class-folders")
    (path,) = made.rglob(f"*__{SLICE + 1:04d}.*")
    draw_background(part(f"class-folders · {path.parent.name}/"), Image.open(path))
    save(figure, output)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUT)
