"""Read 1,000 COCO images and decode their masks: ours against pycocotools.

Half of the 7,000 objects are polygons, half compressed run lengths, on images of
640 x 480 pixels, as COCO's own. Ours gives a mask for each class of an image, ready
for a slice; the peer loads the file into its index and decodes every annotation.
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from pathlib import Path

import numpy as np
from _bench import compare, processors

from napari_annotate_jobs.formats.planes._outline import rle_string
from napari_annotate_jobs.formats.planes._read_coco import read_coco

IMAGES, OBJECTS, PLANE = 1000, 7, (480, 640)


def make_dataset(path: Path) -> None:
    """Write ellipses with wavy borders: 7 objects of 5 classes an image."""
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[: PLANE[0], : PLANE[1]]
    turns = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    images, annotations = [], []
    for image in range(1, IMAGES + 1):
        size = {"height": PLANE[0], "width": PLANE[1]}
        images.append({"id": image, "file_name": f"{image}.png", **size})
        for number in range(OBJECTS):
            x, y = rng.uniform(60, 580), rng.uniform(60, 420)
            wide, high = rng.uniform(8, 60, 2)
            if number % 2:
                inside = ((columns - x) / wide) ** 2 + ((rows - y) / high) ** 2 < 1
                segmentation = {"size": list(PLANE), "counts": rle_string(inside)}
            else:
                waves = 1 + 0.1 * np.sin(5 * turns)
                xs = x + wide * waves * np.cos(turns)
                ys = y + high * waves * np.sin(turns)
                points = np.stack([xs, ys], axis=1).round(2).ravel()
                segmentation = [points.tolist()]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": int(rng.integers(1, 6)),
                    "bbox": [x - wide, y - high, 2 * wide, 2 * high],
                    "area": float(wide * high * np.pi),
                    "iscrowd": 0,
                    "segmentation": segmentation,
                }
            )
    categories = [{"id": i, "name": f"class {i}"} for i in range(1, 6)]
    data = {"images": images, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(data), encoding="utf-8")


def main() -> None:
    from pycocotools.coco import COCO

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "annotations.json"
        make_dataset(path)

        def ours() -> None:
            for one in read_coco(path):
                masks = one.slices[0].masks
                for name in masks:
                    masks[name]

        def peer() -> None:
            with contextlib.redirect_stdout(io.StringIO()):
                coco = COCO(str(path))
            for image in coco.getImgIds():
                for each in coco.loadAnns(coco.getAnnIds(imgIds=image)):
                    coco.annToMask(each)

        compare("import of 1,000 COCO images", ours, peer, goal=1.0)
        compare(
            "import of 1,000 COCO images, time of processors",
            lambda: processors(ours),
            lambda: processors(peer),
            unit="processor s",
            goal=1.0,
        )


if __name__ == "__main__":
    main()
