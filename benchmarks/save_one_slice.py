"""Save one edited slice, durably: ours against writing the whole label volume.

The volume is 300 x 512 x 512 with 116 structures, as an atlas of the brain has
them. Ours encodes the edited slice and saves it into an annotation in which every
slice has a mask already; the peer writes the volume as ``.nii.gz`` with nibabel,
the usual way, and syncs the file.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
from _bench import compare

from napari_annotate_jobs.model import (
    AnnotationChange,
    Case,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
    SliceAnnotation,
    mask_ref,
)
from napari_annotate_jobs.stores import create_job

SHAPE = (300, 512, 512)
STRUCTURES = 116


def make_volume() -> np.ndarray:
    """Return structures around random centres in a head, each nearest to its own."""
    from scipy.spatial import cKDTree

    rng = np.random.default_rng(1)
    half = np.stack(
        np.meshgrid(
            np.arange(0, SHAPE[0], 2),
            np.arange(0, SHAPE[1], 2),
            np.arange(0, SHAPE[2], 2),
            indexing="ij",
        ),
        axis=-1,
    ).astype(np.float32)
    head = (((half - (150, 256, 256)) / (145, 190, 150)) ** 2).sum(axis=-1) < 1
    centres = half[head][rng.integers(0, int(head.sum()), STRUCTURES)]
    distance, nearest = cKDTree(centres).query(half[head], workers=-1)
    labels = np.zeros(head.shape, dtype=np.uint8)
    labels[head] = np.where(distance < 45, nearest + 1, 0)
    for axis in range(3):
        labels = np.repeat(labels, 2, axis=axis)
    return labels


def main() -> None:
    import nibabel

    volume = make_volume()
    labels = LabelSet(
        labels=tuple(
            Label(id=i, name=f"s{i}", color="#E69F00", method=Method.SEGMENTATION)
            for i in range(1, STRUCTURES + 1)
        )
    )
    job = Job(
        project=Project(name="p", methods=(Method.SEGMENTATION,), label_set=labels)
    )
    case = Case(id="c", name="c", series=(SeriesRef(path="."),))
    with tempfile.TemporaryDirectory() as folder:
        store = create_job(Path(folder) / "job", job, [case], person="bench")
        everything, blobs = {}, {}
        for place, mask in enumerate(volume):
            found = mask_ref(mask)
            if found is not None:
                content = SliceAnnotation(index=place, masks={"": found[0]})
                everything[f"index:{place}"] = content
                blobs[found[0].digest] = found[1]
        state = {
            "revision": store.save(
                job.id, "c", AnnotationChange(slices=everything), blobs, base=0
            ),
            "place": 100,
        }
        work = Path(folder) / "job" / "annotations" / "c" / "bench"
        target = Path(folder) / "labels.nii.gz"

        def edit() -> None:
            """Make a stroke with the brush, on the next slice."""
            state["place"] = 100 + (state["place"] - 99) % 100
            row = 200 + state["revision"] % 90
            volume[state["place"], row : row + 12, 240:252] = 7

        def ours() -> None:
            edit()
            found = mask_ref(volume[state["place"]])
            assert found is not None
            content = SliceAnnotation(index=state["place"], masks={"": found[0]})
            change = AnnotationChange(slices={f"index:{state['place']}": content})
            state["revision"] = store.save(
                job.id, "c", change, {found[0].digest: found[1]}, base=state["revision"]
            )

        def peer() -> None:
            edit()
            nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), target)
            with target.open("rb") as file:
                os.fsync(file.fileno())

        def ours_bytes() -> int:
            before = {path: path.stat().st_size for path in work.rglob("*.*")}
            ours()
            return sum(
                path.stat().st_size - before.get(path, 0) for path in work.rglob("*.*")
            )

        def peer_bytes() -> int:
            peer()
            return target.stat().st_size

        compare("save one slice", ours, peer, repeats=9, goal=1 / 50)
        compare(
            "save one slice: bytes",
            ours_bytes,
            peer_bytes,
            unit="bytes",
            goal=1 / 300,
        )
        store.close()


if __name__ == "__main__":
    main()
