"""The files of changes that could not be saved."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from napari_annotate_jobs.errors import CorruptError
from napari_annotate_jobs.model import (
    AnnotationChange,
    Comment,
    SliceAnnotation,
    mask_ref,
)
from napari_annotate_jobs.session import Kept, Recovery, SaveKind

PLACE = ("/share/job", "job", "case", "Dr. Évé")


@pytest.fixture
def recovery(tmp_path):
    return Recovery(tmp_path / "deep" / "unsaved")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "deep" / "unsaved"


@pytest.fixture
def kept(kit):
    ref, data = mask_ref(kit.mask())
    change = AnnotationChange(
        slices={"1.2.3": SliceAnnotation(index=3, masks={"": ref}), "1.2.4": None},
        case_labels=(4,),
        comments=(Comment(person="Évé", text="größer – 肺"),),
    )
    return Kept(change, {ref.digest: data}, 17, 3)


def test_what_is_kept_comes_back(recovery, kept):
    recovery.keep(kept, *PLACE)
    assert recovery.load(*PLACE) == kept
    assert recovery.load(*PLACE) == kept  # looking does not take it away


def test_cases_and_people_are_told_apart(recovery, kept):
    recovery.keep(kept, *PLACE)
    assert recovery.load(*PLACE[:3], "ana") is None
    assert recovery.load("/share/job", "job", "other", PLACE[3]) is None
    assert recovery.load("/share/jobjob", "", "case", PLACE[3]) is None


def test_the_latest_is_kept(recovery, folder, kept):
    recovery.keep(kept, *PLACE)
    later = Kept(AnnotationChange(case_labels=(9,)), {}, 18, 1)
    recovery.keep(later, *PLACE)
    assert recovery.load(*PLACE) == later
    assert len(list(folder.iterdir())) == 1


def test_clear(recovery, folder, kept):
    recovery.clear(*PLACE)  # nothing there yet
    recovery.keep(kept, *PLACE)
    recovery.clear(*PLACE)
    assert recovery.load(*PLACE) is None
    assert list(folder.iterdir()) == []


def test_set_aside(recovery, folder, kept):
    assert recovery.set_aside(*PLACE) is None
    recovery.keep(kept, *PLACE)
    aside = recovery.set_aside(*PLACE)
    assert aside.exists()
    assert recovery.load(*PLACE) is None
    assert "größer – 肺" in aside.read_text(encoding="utf-8")


def test_a_failed_write_leaves_what_was_there(recovery, folder, kept, monkeypatch):
    recovery.keep(kept, *PLACE)

    def fail(*args):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output"):
        recovery.keep(Kept(AnnotationChange(), {}, 18, 1), *PLACE)
    monkeypatch.undo()
    assert recovery.load(*PLACE) == kept
    assert len(list(folder.iterdir())) == 1


def without(name):
    def edit(document):
        del document[name]

    return edit


def put(name, value):
    def edit(document):
        document[name] = value

    return edit


def spoil_blob(document):
    document["blobs"] = dict.fromkeys(document["blobs"], "AAAA")


DAMAGE = {
    "empty": lambda text: "",
    "cut": lambda text: text[: len(text) // 2],
    "no JSON": lambda text: "\x00" * 100,
    "no UTF-8": lambda text: text.encode("utf-16"),
    "a list": lambda text: "[]",
    "a number": lambda text: "3",
    **{
        f"no {name}": without(name)
        for name in ("format", "version", "base", "count", "change", "blobs")
    },
    "newer": put("version", 3),
    "other": put("format", "something"),
    "base": put("base", "seven"),
    "infinite": put("count", float("inf")),
    "deep": lambda text: "[" * 100_000,
    "change": put("change", {"slices": {"x": {"index": -1}}}),
    "change list": put("change", [1]),
    "blobs list": put("blobs", ["x"]),
    "blob number": put("blobs", {"x": 3}),
    "blob text": put("blobs", {"x": "ü"}),
    "blob bytes": spoil_blob,
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_file_is_set_aside_and_told(recovery, folder, kept, name):
    recovery.keep(kept, *PLACE)
    (path,) = folder.iterdir()
    damage = DAMAGE[name]
    text = path.read_text(encoding="utf-8")
    try:
        new = damage(text)
    except TypeError:
        document = json.loads(text)
        damage(document)
        new = json.dumps(document)
    path.write_bytes(new if isinstance(new, bytes) else new.encode())
    before = path.read_bytes()

    with pytest.raises(CorruptError) as caught:
        recovery.load(*PLACE)
    (aside,) = folder.iterdir()
    assert "damaged" in aside.name
    assert aside.read_bytes() == before
    assert str(aside) in str(caught.value)
    assert recovery.load(*PLACE) is None
    recovery.keep(kept, *PLACE)  # the place is free again
    assert recovery.load(*PLACE) == kept
    assert aside.read_bytes() == before


def test_a_case_with_a_damaged_file_opens_and_says_so(desk):
    session = desk.session()
    desk.store.fault = OSError("away")
    session.editor.set_class([1], 1, True)
    session.close()
    (path,) = desk.kept_files()
    path.write_text("{", encoding="utf-8")
    desk.store.fault = None
    desk.failed.clear()

    again = desk.session()
    assert again.is_open
    assert again.saving.state.kind is SaveKind.CLEAN
    (error,) = desk.failed
    assert isinstance(error, CorruptError)
    (aside,) = desk.kept_files()
    assert str(aside) in str(error)
    again.editor.set_class([2], 1, True)
    assert again.saving.state.kind is SaveKind.SAVED
    assert desk.kept_files() == [aside]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="asks Linux")
def test_what_is_kept_is_on_disk_before_it_takes_its_place(
    recovery, folder, kept, monkeypatch
):
    """File, then name, then folder: after a power cut it is there, and whole."""
    done = []
    sync, replace = os.fsync, os.replace

    def synced(handle):
        place = os.readlink(f"/proc/self/fd/{handle}")
        if os.path.isdir(place):
            done.append(f"sync {os.path.basename(place)}")
        else:
            held = json.loads(Path(place).read_bytes())
            assert held.get("base", 17) == 17
            done.append("sync the file" if "base" in held else "sync the list")
        sync(handle)

    def replaced(source, target):
        done.append("replace")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    recovery.keep(kept, *PLACE)
    assert done == [
        "sync the list",
        "sync deep",
        "sync the file",
        "replace",
        "sync unsaved",
    ]


def test_a_folder_that_cannot_be_synced_is_no_trouble(recovery, kept, monkeypatch):
    """Some shares cannot: the file itself was."""
    real = os.open

    def refuse(path, flags, *args, **kwargs):
        if os.path.isdir(path):
            raise OSError(22, "Invalid argument")
        return real(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    recovery.keep(kept, *PLACE)
    assert recovery.load(*PLACE) == kept


def test_the_list_of_other_folders_may_get_long_and_short_again(
    recovery, tmp_path, kept
):
    places = [(*PLACE[:3], f"person {i}") for i in range(60)]
    other = tmp_path / ("other" * 10)
    other.mkdir()
    for place in places:
        assert recovery.keep_in(other, kept, *place)[1]
    for place in places[1:]:
        recovery.clear(*place)
    again = Recovery(recovery.folder)
    assert again.load(*places[0]) == kept
    assert again.load(*places[1]) is None
