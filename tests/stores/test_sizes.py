"""Masks have the rows and columns of their slices, wherever they pass by."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import tracemalloc
import zlib
from contextlib import closing

import nibabel
import numpy as np
import pytest
from PIL import Image

from napari_annotate_jobs.errors import (
    CorruptError,
    InvalidValueError,
)
from napari_annotate_jobs.model import (
    Box,
    MaskRef,
    SliceAnnotation,
    decode_mask,
    encode_mask,
    mask_ref,
    mask_size,
)
from napari_annotate_jobs.session import AnnotationSession
from napari_annotate_jobs.stores import FolderStore

JOB = "job-1"
CASE = "case-0"


def painted(kit, rows, columns):
    mask = np.zeros((rows, columns), np.uint16)
    mask[0, 0] = 6
    ref, data = mask_ref(mask)
    return kit.change(SliceAnnotation(index=0, masks={"": ref})), {ref.digest: data}


def bomb(side):
    """Return a PNG of some kB that says side x side pixels of label 6."""

    def chunk(kind, data):
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    line = b"\0" + b"\6" * side
    packed = zlib.compressobj(9)
    pixels = b"".join(packed.compress(line) for _ in range(side)) + packed.flush()
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(*part) for part in ((b"IHDR", head), (b"IDAT", pixels), (b"IEND", b""))
    )


def planted(job_folder, data, pixels):
    """Put a mask into a draft, as somebody else's program may."""
    digest = hashlib.sha256(data).hexdigest()
    work = job_folder / "annotations" / CASE / "ana"
    (work / "masks").mkdir(parents=True, exist_ok=True)
    (work / "masks" / f"0000-{digest[:16]}.png").write_bytes(data)
    mask = {"digest": digest, "pixels": {"6": pixels}}
    slices = {"index:0": {"index": 0, "masks": {"": mask}}}
    annotation = {"case_id": CASE, "person": "ana", "revision": 1, "slices": slices}
    document = {"format": "napari-annotate-jobs annotation", "version": 1}
    document["annotation"] = annotation
    (work / "annotation.json").write_text(json.dumps(document))
    return digest


def test_a_store_that_knows_the_size_refuses_another(store, kit):
    store.note_case(JOB, CASE, n_slices=1, size=(16, 24))
    with pytest.raises(InvalidValueError, match="3 x 7 pixels, the slice 16 x 24"):
        store.save(JOB, CASE, *painted(kit, 3, 7), base=0)
    assert store.load(JOB, CASE).annotation.revision == 0
    assert store.save(JOB, CASE, *painted(kit, 16, 24), base=0) == 1


def test_a_case_has_the_size_that_its_images_were_found_to_have(store, kit):
    assert store.case(JOB, CASE).case.size is None
    store.note_case(JOB, CASE, n_slices=1, size=(16, 24))
    assert store.case(JOB, CASE).case.size == (16, 24)


def test_images_of_another_size_do_not_open_under_boxes(job_folder, kit):
    store = FolderStore(job_folder, "ana")
    box = Box(id="b1", label=5, top=1, left=1, bottom=6, right=6)
    change = kit.change(SliceAnnotation(index=0, boxes=(box,)))
    store.note_case(JOB, CASE, n_slices=1, size=(64, 64))
    store.save(JOB, CASE, change, {}, base=0)
    failures = []
    session = AnnotationSession(store, JOB)
    session.failed.connect(failures.append)
    session.open_case(CASE)
    session.close()
    (error,) = failures
    assert "annotated on images of 64 x 64" in str(error)


def test_the_size_in_the_job_is_the_one_that_counts(job_folder, kit):
    path = job_folder / "job.json"
    found = json.loads(path.read_text())
    found["cases"][0]["size"] = [16, 16]
    path.write_text(json.dumps(found))
    store = FolderStore(job_folder, "ana")
    store.note_case(JOB, CASE, n_slices=1, size=(3, 7))
    with pytest.raises(InvalidValueError, match="the slice 16 x 16"):
        store.save(JOB, CASE, *painted(kit, 3, 7), base=0)
    store.close()


def test_bytes_that_are_no_mask_are_not_saved(store, kit):
    data = b"no PNG at all"
    ref = MaskRef(digest=hashlib.sha256(data).hexdigest(), pixels={6: 1})
    change = kit.change(SliceAnnotation(index=0, masks={"": ref}))
    # A server refuses what it is sent; elsewhere it is the bytes that are damaged.
    with pytest.raises((CorruptError, InvalidValueError), match="PNG"):
        store.save(JOB, CASE, change, {ref.digest: data}, base=0)


def test_a_draft_with_a_mask_of_another_size_is_not_submitted(job_folder, kit):
    planted(job_folder, encode_mask(np.full((3, 7), 6)), 21)
    store = FolderStore(job_folder, "ana")
    store.note_case(JOB, CASE, n_slices=1, size=(16, 16))
    with pytest.raises(CorruptError, match="3 x 7 pixels"):
        store.submit(JOB, CASE, base=1)
    assert store.submissions(JOB, CASE) == []
    store.close()


def test_check_names_masks_of_another_size(job_folder):
    planted(job_folder, encode_mask(np.full((3, 7), 6)), 21)
    store = FolderStore(job_folder, "ana")
    (fault,) = store.check()
    assert "3 x 7 pixels, the slice 16 x 16" in fault.what and "index:0" in fault.what
    store.close()


def test_images_replaced_by_others_of_another_size(job_folder, kit):
    store = FolderStore(job_folder, "ana")
    session = AnnotationSession(store, JOB)
    session.open_next = False
    session.open_case(CASE)
    session.editor.set_masks({(0, ""): np.full((16, 16), 6, np.uint16)})
    session.close_case()
    images = job_folder / "images" / "0"
    shutil.rmtree(images)
    images.mkdir()
    Image.new("L", (40, 30)).save(images / "x.png")
    told = []
    session.failed.connect(told.append)
    session.open_case(CASE)
    assert not session.is_open
    (error,) = told
    assert "30 x 40" in str(error) and "16 x 16" in str(error)
    (fault,) = store.check()
    assert "16 x 16 pixels, the slice 30 x 40" in fault.what
    session.close()


def test_a_submitted_case_does_not_open_on_images_of_another_size(job_folder):
    """And check says where."""
    images = job_folder / "images" / "0"
    (images / "x.png").unlink()
    write_nifti(images / "x.nii", (24, 24, 3))
    session = AnnotationSession(FolderStore(job_folder, "ana"), JOB)
    session.open_next = False
    session.open_case(CASE)
    session.editor.set_masks({(1, ""): np.full((24, 24), 6, np.uint16)})
    session.submit()
    assert session.store.check() == []
    session.close()
    write_nifti(images / "x.nii", (40, 40, 3))
    with closing(FolderStore(job_folder, "ana")) as store:
        faults = store.check()
    assert faults and all("24 x 24" in f.what and "40 x 40" in f.what for f in faults)
    session = AnnotationSession(FolderStore(job_folder, "ana"), JOB)
    told = []
    session.failed.connect(told.append)
    session.open_case(CASE)
    assert not session.is_open
    assert "40 x 40" in str(told[0]) and "24 x 24" in str(told[0])
    session.close()


def write_nifti(path, shape):
    nibabel.save(nibabel.Nifti1Image(np.zeros(shape, np.int16), np.eye(4)), path)


def test_check_compares_the_images_with_the_job(job_folder):
    path = job_folder / "job.json"
    found = json.loads(path.read_text())
    found["cases"][0]["size"] = [40, 30]
    path.write_text(json.dumps(found))
    store = FolderStore(job_folder, "ana")
    (fault,) = store.check()
    assert "16 x 16 pixels, not 40 x 30 as job.json says" in fault.what
    store.close()


def test_an_editor_refuses_masks_of_another_size(job_folder):
    session = AnnotationSession(FolderStore(job_folder, "ana"), JOB)
    session.open_case(CASE)
    editor = session.editor
    for size in ((3, 7), (16, 17), (16,)):
        mask = np.full(size, 6, np.uint16)
        with pytest.raises(InvalidValueError, match="16 x 16"):
            editor.set_masks({(0, ""): mask})
        with pytest.raises(InvalidValueError, match="16 x 16"):
            editor.propose_masks({(0, ""): mask}, provenance="interpolated")
    ready = mask_ref(np.full((3, 7), 6, np.uint16))
    with pytest.raises(InvalidValueError, match="16 x 16"):
        editor.propose_masks(
            {(0, ""): np.zeros((16, 16), np.uint16)},
            provenance="interpolated",
            ready={(0, ""): ready},
        )
    assert editor.annotation.slices == {}
    session.close()


@pytest.mark.parametrize("known", [True, False], ids=["images", "no images"])
def test_a_mask_that_unpacks_to_much_costs_little(job_folder, known):
    side = 4000
    planted(job_folder, bomb(side), side * side)
    if not known:
        shutil.rmtree(job_folder / "images" / "0")
    store = FolderStore(job_folder, "ana")
    tracemalloc.start()
    faults = store.check()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert any("4000 x 4000" in fault.what for fault in faults) == known
    # Counting alone took eight bytes a pixel.
    assert peak < (2 << 20 if known else 5 * side * side + (36 << 20))
    store.close()


def test_a_header_that_its_bytes_cannot_fill_is_refused_before_any_room_is_made():
    good = encode_mask(np.ones((4, 4), np.uint8))
    head = struct.pack(">II", 16000, 16000)
    body = good[:16] + head + good[24:]
    with pytest.raises(CorruptError, match="cannot hold"):
        decode_mask(body)
    with pytest.raises(CorruptError, match="cannot hold"):
        mask_size(good[:16] + struct.pack(">II", 0, 5) + good[24:])
    with pytest.raises(CorruptError, match="4 x 4 pixels, the slice 5 x 5"):
        decode_mask(good, shape=(5, 5))
    assert mask_size(good) == (4, 4)
