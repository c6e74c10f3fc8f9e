"""Work that is saved nowhere is never dropped: leaving asks."""

from __future__ import annotations

import errno
import json

import pytest

from napari_annotate_jobs.errors import StoreAccessError, UnsavedWorkError
from napari_annotate_jobs.session import Recovery, SaveKind
from napari_annotate_jobs.session import _recovery as recovery_module

LESION, GOOD = 1, 2


def label(session, index, label_id=LESION):
    session.editor.set_class([index], label_id, True)


def labelled(desk, case="one"):
    slices = desk.draft(case).slices.values()
    return sorted(content.index for content in slices if content.has_labels)


class Disk:
    """Lets the job, and the folder of unsaved work, be full or not."""

    def __init__(self, desk, monkeypatch):
        self.desk, self.full = desk, False
        self.rooms = set()
        place = recovery_module.write_privately

        def write(path, data, **how):
            if self.full and path.parent not in self.rooms:
                raise OSError(errno.ENOSPC, "No space left on device")
            place(path, data, **how)

        monkeypatch.setattr(recovery_module, "write_privately", write)

    def fill(self):
        self.full = True
        cause = OSError(errno.ENOSPC, "No space left on device")
        fault = StoreAccessError(
            "cannot be written (No space left on device)",
            where="changes.jsonl",
            remedy="Free some space there",
        )
        fault.__cause__ = cause
        self.desk.store.fault = fault

    def free(self):
        self.full, self.desk.store.fault = False, None


@pytest.fixture
def disk(desk, monkeypatch):
    return Disk(desk, monkeypatch)


@pytest.fixture
def at_risk(desk, disk):
    """Return a session with work on slices 2, 5 and 6 that is saved nowhere."""
    session = desk.session()
    label(session, 0)
    disk.fill()
    for index in (1, 4, 5):
        label(session, index)
    session.editor.add_comment("look here")
    desk.failed.clear()
    return session


def go(session):
    session.go(1)


def open_case(session):
    session.open_case("three")


def open_first(session):
    session.open_first()


ASKED = {"go": go, "open": open_case, "first": open_first}


@pytest.mark.parametrize("way", ASKED)
def test_going_elsewhere_asks_and_stays(desk, at_risk, way):
    ASKED[way](at_risk)
    (error,) = desk.failed
    assert isinstance(error, UnsavedWorkError)
    assert at_risk.case.row.case.id == "one"
    unsaved = error.unsaved
    assert (unsaved.slices, unsaved.count) == ((1, 4, 5), 4)
    assert unsaved.text == (
        "4 changes of One (slices 2, 5, 6, comments) are saved nowhere."
    )
    assert "No space left" in unsaved.reason
    assert "Free some space" in unsaved.reason
    assert at_risk.editor.content(4).has_labels
    label(at_risk, 7)  # one can go on


@pytest.mark.parametrize("way", ["close_case", "close"])
def test_closing_raises_and_stays(at_risk, desk, way):
    with pytest.raises(UnsavedWorkError, match="slices 2, 5, 6"):
        getattr(at_risk, way)()
    assert at_risk.is_open
    assert not desk.store.closed
    assert at_risk.editor.content(4).has_labels


@pytest.mark.parametrize("way", [*ASKED, "close_case", "close"])
def test_discarding_leaves(desk, disk, at_risk, way):
    if way in ASKED:
        ASKED[way](at_risk)
        error = desk.failed.pop()
    else:
        with pytest.raises(UnsavedWorkError) as caught:
            getattr(at_risk, way)()
        error = caught.value
    at_risk.saving.discard_unsaved()
    at_risk.executor.tick()  # a try in between changes nothing
    error.go_on()
    assert at_risk.is_open == (way in ASKED)
    if at_risk.is_open:  # the first remaining case is the same one, opened anew
        assert not at_risk.editor.content(4).has_labels
    disk.free()
    assert labelled(desk) == [0]
    again = desk.session()
    assert not again.editor.content(4).has_labels


def test_what_is_drawn_after_discarding_is_asked_about_again(desk, at_risk):
    at_risk.saving.discard_unsaved()
    label(at_risk, 7)
    at_risk.go(1)
    assert at_risk.case.row.case.id == "one"
    assert 7 in desk.failed[-1].unsaved.slices


def test_discarded_for_a_way_that_led_nowhere_is_not_given_up(desk, at_risk):
    at_risk.saving.discard_unsaved()
    at_risk.go(-1)  # it is the first case
    assert at_risk.case.row.case.id == "one"
    at_risk.go(1)
    assert at_risk.case.row.case.id == "one"
    assert isinstance(desk.failed[-1], UnsavedWorkError)


def test_saved_elsewhere_is_found_again(desk, disk, at_risk, tmp_path, kit):
    at_risk.editor.set_masks({(6, ""): kit.mask()})
    at_risk.go(1)
    stick = tmp_path / "stick"
    stick.mkdir()
    disk.rooms.add(stick)
    path = at_risk.saving.save_elsewhere(stick)
    assert path.parent == stick
    assert str(stick) in desk.told[-1]
    assert at_risk.saving.state.kept
    desk.failed.pop().go_on()
    assert at_risk.case.row.case.id == "two"

    # Still full: it can be seen and worked on.
    again = desk.session()
    assert again.editor.content(4).has_labels
    assert (again.editor.mask(6) == kit.mask()).all()
    label(again, 7)  # goes into the same folder
    assert again.saving.state.kept
    assert again.saving.state.text.endswith(f"kept in {stick}")
    assert f"kept in {stick} and" in again.saving.state.message
    again.close()

    disk.free()
    third = desk.session()
    assert labelled(desk) == [0, 1, 4, 5, 6, 7]
    assert third.saving.state.kind is SaveKind.SAVED
    assert list(stick.iterdir()) == []
    assert any("found" in text for text in desk.told)


def test_a_folder_that_is_not_there_is_named(desk, disk, at_risk, tmp_path):
    stick = tmp_path / "stick"
    stick.mkdir()
    disk.rooms.add(stick)
    at_risk.saving.save_elsewhere(stick)
    at_risk.close()
    stick.rename(tmp_path / "pulled")
    disk.free()
    desk.failed.clear()
    desk.session().close()
    assert any(str(stick) in str(error) for error in desk.failed)
    (tmp_path / "pulled").rename(stick)
    desk.session()
    assert labelled(desk) == [0, 1, 4, 5]


def test_a_folder_that_cannot_be_noted_down_can_be_taken_by_hand(
    desk, disk, at_risk, tmp_path, monkeypatch
):
    stick = tmp_path / "stick"
    stick.mkdir()
    disk.rooms.add(stick)
    monkeypatch.setattr(Recovery, "_remember", lambda self, others: False)
    path = at_risk.saving.save_elsewhere(stick)
    folder = desk.recovery().folder
    assert path.name in desk.told[-1] and str(folder) in desk.told[-1]
    at_risk.close()
    disk.free()
    folder.mkdir(exist_ok=True)
    path.rename(folder / path.name)
    desk.session()
    assert labelled(desk) == [0, 1, 4, 5]


def test_room_for_the_list_of_folders_is_reserved(desk):
    desk.session()
    place = desk.path / "unsaved-elsewhere.json"
    assert place.stat().st_size == recovery_module.RESERVED
    inode = place.stat().st_ino
    recovery = desk.recovery()
    (desk.path / "stick").mkdir()
    recovery.keep_in(desk.path / "stick", recovery_kept(), "a", "b", "c", "d")
    assert place.stat().st_ino == inode  # written in place: a full disk takes it
    assert place.stat().st_size == recovery_module.RESERVED
    (folder,) = json.loads(place.read_text()).values()
    assert folder == str(desk.path / "stick")


def recovery_kept():
    from napari_annotate_jobs.model import AnnotationChange
    from napari_annotate_jobs.session import Kept

    return Kept(AnnotationChange(case_labels=(4,)), {}, 3, 1)


def test_a_folder_that_is_no_better_is_told(desk, at_risk, tmp_path):
    with pytest.raises(StoreAccessError, match="disk full"):
        at_risk.saving.save_elsewhere(tmp_path)
    at_risk.go(1)
    assert at_risk.case.row.case.id == "one"


def test_room_that_was_made_lets_one_go(desk, disk, at_risk):
    at_risk.go(1)
    disk.full = False  # the job's disk is still full
    at_risk.go(1)
    assert at_risk.case.row.case.id == "two"
    desk.store.fault = None
    desk.session()
    assert labelled(desk) == [0, 1, 4, 5]


def test_without_a_folder_for_unsaved_work_leaving_asks_too(desk):
    session = desk.session(recovery=False)
    desk.store.fault = StoreAccessError("the share is not mounted")
    label(session, 1)
    assert session.saving.state.text == "offline · 1 change not saved"
    session.open_case("two")
    assert session.case.row.case.id == "one"
    assert isinstance(desk.failed[-1], UnsavedWorkError)


def test_a_save_that_fails_while_one_leaves_is_waited_for(desk, disk, slow):
    session = desk.session(executor=slow)
    slow.drain()
    label(session, 3)
    session.go(1)
    disk.fill()
    slow.drain()
    assert session.case.row.case.id == "one"
    assert isinstance(desk.failed[-1], UnsavedWorkError)
    assert session.editor.content(3).has_labels


def test_what_is_only_under_way_is_not_asked_about(desk, disk, slow):
    session = desk.session(executor=slow)
    slow.drain()
    disk.full = True  # only this computer's
    label(session, 1)
    session.go(1)
    slow.drain()
    assert session.case.row.case.id == "two"
    assert labelled(desk) == [1]
    assert desk.failed == []


def test_rescue_takes_the_first_folder_with_room(
    desk, disk, at_risk, tmp_path, monkeypatch
):
    home, other = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    other.mkdir()
    monkeypatch.setattr("pathlib.Path.home", lambda: home)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(other))
    assert at_risk.saving.rescue() is None
    disk.rooms.add(other)
    assert at_risk.saving.rescue().parent == other
    at_risk.close()
    disk.free()
    desk.session()
    assert labelled(desk) == [0, 1, 4, 5]


# ------------------------------------------------------------------ the line
@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.ENOSPC, "disk full"),
        (errno.EROFS, "disk is read-only"),
        (errno.EDQUOT, "quota used up"),
        (errno.EACCES, "access denied"),
        (errno.ESTALE, "share not connected"),
        (errno.ENOENT, "folder not found"),
    ],
)
def test_the_line_names_what_is_wrong(desk, number, text):
    session = desk.session()
    fault = StoreAccessError("cannot be written")
    fault.__cause__ = OSError(number, "whatever")
    desk.store.fault = fault
    label(session, 1)
    state = session.saving.state
    assert state.text == f"{text} · 1 change kept on this computer"
    assert state.remedy
    desk.store.fault = None
    session.executor.tick()  # it is tried again by itself
    assert session.saving.state.kind is SaveKind.SAVED


def test_another_reason_is_told_anew(desk):
    session = desk.session()
    for number in (errno.ESTALE, errno.ENOSPC, errno.ENOSPC):
        fault = StoreAccessError(f"cannot be written ({number})")
        fault.__cause__ = OSError(number, "whatever")
        desk.store.fault = fault
        label(session, number % 7)
        session.saving.retry()
    assert len(desk.failed) == 2
