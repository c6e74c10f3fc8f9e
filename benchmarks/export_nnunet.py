"""An nnU-Net export of 50 cases, beside a plain copy of its files through nibabel.

Both sides read and pack the same voxels. The export reads the images of the job,
decodes masks, hashes what it wrote, reads it again and compares; the peer loads each
file of the export and saves it again. The export is measured on all cores, as it runs
by default, and on one, by the clock and by the time that processors worked. The last
rows are memory: what a process takes at its peak while it exports so many cases, beyond
what it had before, against one volume.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
from _bench import compare, processors, report

from napari_annotate_jobs.formats import export, exporter
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
from napari_annotate_jobs.stores import StoreSource, create_job

CASES = 50
SHAPE = (192, 192, 30)
LARGE = (512, 512, 120)
LABELS = LabelSet(
    labels=tuple(
        Label(id=i, name=name, color="#D55E00", method=Method.SEGMENTATION)
        for i, name in enumerate(("liver", "tumour"), 1)
    )
)


def make_job(folder: Path, count: int, shape: tuple[int, int, int]) -> Path:
    """Make a job of noisy images, every slice annotated and all cases submitted."""
    random = np.random.default_rng(0)
    cases = []
    (folder / "images").mkdir(parents=True)
    for number in range(count):
        voxels = random.normal(40, 30, shape).astype(np.int16)
        path = folder / "images" / f"{number}.nii"
        nib.save(nib.Nifti1Image(voxels, np.diag([-0.8, -0.8, 3, 1])), path)
        ref = SeriesRef(path=str(path))
        cases.append(Case(id=f"c{number}", name=f"c{number}", series=(ref,)))
    project = Project(name="Job", methods=(Method.SEGMENTATION,), label_set=LABELS)
    columns, rows, _slices = shape
    mask = np.zeros((rows, columns), np.uint8)
    mask[rows // 4 : rows // 2, columns // 4 : columns // 2] = 1
    mask[rows // 3 : rows // 2, columns // 3 : columns // 2] = 2
    found = mask_ref(mask)
    assert found is not None
    ref, data = found
    with create_job(folder / "job", Job(id="job", project=project), cases) as store:
        for case in cases:
            header = store.open_series("job", case.id).header
            change = AnnotationChange(
                slices={
                    name.key: SliceAnnotation(index=i, masks={"": ref})
                    for i, name in enumerate(header.slices)
                }
            )
            base = store.save("job", case.id, change, {ref.digest: data}, base=0)
            store.submit("job", case.id, base=base)
    return folder / "job"


def run(job: Path, out: Path, workers: int | None) -> None:
    shutil.rmtree(out, ignore_errors=True)
    source = StoreSource(str(job))
    export(source, exporter("nnunet"), out, workers=workers)
    source.close()


def copy(made: Path, out: Path) -> None:
    shutil.rmtree(out, ignore_errors=True)
    for path in sorted(made.rglob("*.nii.gz")):
        image = nib.load(path)
        target = out / path.relative_to(made)
        target.parent.mkdir(parents=True, exist_ok=True)
        voxels = np.asanyarray(image.dataobj)
        nib.save(nib.Nifti1Image(voxels, image.affine, image.header), target)


def peak(small: Path, job: Path, out: Path) -> None:
    """Print by how much the peak of memory grew; runs in a process of its own."""
    run(small, out, 1)
    before = high_water()
    run(job, out, 1)
    print(json.dumps(high_water() - before))


def high_water() -> int:
    """Return the peak of this process in bytes; ru_maxrss knows its parent's too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (each for each in lines if each.startswith("VmHWM:"))
    return 1024 * int(line.split()[1])


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job = make_job(folder / "many", CASES, SHAPE)
        made = folder / "made"
        run(job, made, None)
        for text, workers in (("all cores", None), ("one core", 1)):

            def ours(workers: int | None = workers) -> None:
                run(job, folder / "ours", workers)

            def peer() -> None:
                copy(made, folder / "peer")

            what = f"nnU-Net export of {CASES} cases: {text}"
            goal = 1.2 if workers is None else None
            compare(what, ours, peer, goal=goal, cores=os.cpu_count())
            compare(
                f"{what}, time of processors",
                lambda ours=ours: processors(ours),
                lambda peer=peer: processors(peer),
                unit="processor s",
            )
        shutil.rmtree(job.parent)
        small = make_job(folder / "small", 1, (32, 32, 4))
        for count in (1, 4):
            large = make_job(folder / f"large{count}", count, LARGE)
            command = [sys.executable, __file__, str(small), str(large)]
            command.append(str(folder / "out"))
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            report(
                f"nnU-Net export: memory, {count} large cases",
                float(done.stdout.splitlines()[-1]),
                float(np.prod(LARGE)) * 2,
                unit="bytes",
                goal=1.5,
            )
            shutil.rmtree(large.parent)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        peak(*(Path(each) for each in sys.argv[1:4]))
    else:
        main()
