"""Exports as the panel asks for them: without a window, on a job with cases."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from psygnal import Signal

from napari_annotate_jobs.app._chores import JobPlace, processes
from napari_annotate_jobs.app.controllers import ExportController
from napari_annotate_jobs.app.controllers import _export as module
from napari_annotate_jobs.model import (
    Case,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
)
from napari_annotate_jobs.samples import sample_paths
from napari_annotate_jobs.session import (
    AnnotationSession,
    SynchronousExecutor,
    Worker,
)
from napari_annotate_jobs.stores import create_job, open_store
from napari_annotate_jobs.widgets import ExportChoice


class View:
    """What a panel is for its controller; keeps what it is told."""

    format_changed, choice_changed = Signal(str), Signal()
    export_requested, cancel_requested = Signal(), Signal()
    folder_requested, show_folder_requested = Signal(), Signal()

    def __init__(self):
        self.chosen = ExportChoice(format="nifti")
        self.told = {}
        self.busy = []

    def choice(self):
        return self.chosen

    def choose(self, **changes):
        fields = {**vars(self.chosen), **changes}
        self.chosen = ExportChoice(**fields)
        self.choice_changed.emit()

    def set_busy(self, busy):
        self.busy.append(busy)

    def set_status(self, text, wrong=False):
        self.told["status"] = text, wrong

    def set_folder(self, folder):
        self.chosen = ExportChoice(**{**vars(self.chosen), "folder": folder})

    def __getattr__(self, name):
        if not name.startswith("set_"):
            raise AttributeError(name)
        return lambda *told: self.told.__setitem__(name[4:], told)


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """One case that Ana submitted, another of which she has a draft."""
    folder = tmp_path_factory.mktemp("export") / "job"
    labels = LabelSet(
        labels=(
            Label(id=1, name="a", color="#D55E00", method=Method.SEGMENTATION),
            Label(
                id=2,
                name="b",
                color="#0072B2",
                method=Method.SEGMENTATION,
                overlap_group="other",
            ),
        )
    )
    project = Project(name="Job", methods=(Method.SEGMENTATION,), label_set=labels)
    path = str(sample_paths()["ct-lung-nodule"])
    cases = [
        Case(id=name, name=name.title(), series=(SeriesRef(path=path),))
        for name in ("one", "two")
    ]
    create_job(folder, Job(id="job", project=project), cases).close()
    session = AnnotationSession(open_store(str(folder), person="ana"), "job")
    session.open_next = False
    for case in ("one", "two"):
        session.open_case(case)
        mask = np.zeros(session.case.series.header.shape[1:3], np.uint16)
        mask[:4, :4] = 1
        session.editor.set_masks({(1, ""): mask, (1, "other"): mask * 2})
        if case == "one":
            session.submit()
    session.close()
    return folder


@pytest.fixture
def desk(job, monkeypatch):
    monkeypatch.setattr(module, "processes", lambda: 1)
    chores = SimpleNamespace(
        looking=Worker(SynchronousExecutor()), writing=Worker(SynchronousExecutor())
    )
    view, log = View(), []
    controller = ExportController(
        view,
        chores,
        show_error=log.append,
        tell=log.append,
        choose_folder=lambda title, chosen: chosen("/elsewhere"),
        show_folder=log.append,
    )
    with open_store(str(job)) as store:
        place = JobPlace(str(job), store.job("job"), "ana")
    controller.set_place(place)
    return SimpleNamespace(
        view=view, controller=controller, log=log, place=place, chores=chores
    )


def preview(desk):
    (found,) = desk.view.told["preview"]
    return found


def test_why_it_cannot_is_said_before_any_work(desk):
    desk.view.choose()
    found = preview(desk)
    assert (found.finished, found.going) == (1, 1)
    assert found.left_out == {"a draft that was never submitted": ["Two by ana"]}
    assert found.overlaps
    assert "masks overlap" in found.refused[0]
    desk.view.choose(priority=(2, 1))
    assert not preview(desk).refused
    desk.view.choose(format="voc", priority=())
    assert "only labels for segmentation" in preview(desk).refused[0]
    desk.view.choose(format="seg-nrrd", options={"nonsense": "1"})
    assert "nonsense" in preview(desk).refused[0]


def test_choices_show_in_the_counts(desk):
    desk.view.choose(format="seg-nrrd", only="all")
    assert preview(desk).going == 2
    assert preview(desk).cases == [("one", "One"), ("two", "Two")]
    desk.view.choose(cases=("two",))
    found = preview(desk)
    assert found.going == 1
    assert found.left_out == {"not ticked": ["One"]}
    desk.view.choose(labels=(1,))
    assert [count.label.name for count in preview(desk).after] == ["a"]
    assert [count.label.name for count in preview(desk).before] == ["a", "b"]
    desk.view.choose(convert="masks to classes", format="csv")
    assert {count.label.method for count in preview(desk).after} == {"classification"}
    desk.view.choose(labels=())
    assert "no label is chosen" in preview(desk).refused[0]


def test_what_is_chosen_is_what_is_written(desk, tmp_path):
    out = tmp_path / "out"
    desk.view.choose(labels=(1,), only="all", cases=("two",), folder=str(out))
    desk.view.export_requested.emit()
    assert {path.name for path in out.iterdir()} >= {"Two.nii.gz", "export.json"}
    assert not (out / "One.nii.gz").exists()
    assert desk.view.busy == [True, False]
    assert "1 case exported" in desk.view.told["done"][0]
    desk.view.show_folder_requested.emit()
    assert desk.log[-1] == out
    # The folder is taken now: nothing is overwritten, and it says so.
    desk.view.export_requested.emit()
    assert "something already" in desk.view.told["status"][0]
    assert desk.view.told["status"][1]


def test_a_job_opened_meanwhile_waits_until_this_one_is_written(desk, tmp_path):
    out = tmp_path / "out"
    desk.view.choose(labels=(1,), folder=str(out))
    desk.chores.writing.started.connect(lambda work: desk.controller.set_place(None))
    desk.view.export_requested.emit()
    assert out.exists()
    assert "1 case exported" in desk.log[-1]
    assert desk.view.told["job"] == ("", None)


def test_cancelled_before_it_ends_nothing_is_put_in_place(desk, tmp_path):
    out = tmp_path / "out"
    desk.view.choose(labels=(1,), folder=str(out))
    desk.chores.writing.started.connect(lambda work: desk.controller.cancel())
    desk.view.export_requested.emit()
    assert not out.exists()
    assert not [error for error in desk.log if isinstance(error, Exception)]
    assert "stopped" in desk.view.told["status"][0]
    assert desk.view.busy == [True, False]


def test_it_is_looked_through_anew(desk, tmp_path):
    desk.view.choose(labels=(1,), folder=str(tmp_path / "out"))
    desk.view.told["preview"] = None
    desk.controller.renew()
    assert preview(desk).going == 1
    # An export gives up what was being looked for; when it ends, that is known again.
    for _ in range(2):
        desk.view.told["preview"] = None
        desk.view.export_requested.emit()
        assert preview(desk).going == 1
    assert "something already" in desk.view.told["status"][0]
    desk.chores.writing.started.connect(lambda work: desk.controller.renew())
    desk.view.told["preview"] = None
    desk.view.choose(folder=str(tmp_path / "other"))
    desk.view.export_requested.emit()
    assert preview(desk).going == 1, "not taken away while it is written"


def test_combinations_kept_with_the_job_are_offered_and_used(desk, job):
    with open_store(str(job)) as store:
        store.save_combination("job", "both", "combine: {c: [a, b]}\n")
        try:
            desk.controller.choose_combination("both")
            assert desk.view.told["combinations"][0] == ["both"]
            desk.view.choose(combine="both", format="nifti")
            assert [count.label.name for count in preview(desk).after] == ["c"]
            assert preview(desk).after[0].cases == 1
        finally:
            store.save_combination("job", "both", None)
    desk.controller.forget()
    desk.view.choose(combine="both")
    assert "no combination 'both'" in preview(desk).refused[0]


def test_a_folder_is_offered_until_one_is_named(desk, job):
    first = job.parent / "job-nifti"
    assert desk.view.chosen.folder == str(first)
    desk.view.choose(format="coco")
    desk.view.format_changed.emit("coco")
    assert desk.view.chosen.folder == str(job.parent / "job-coco")
    desk.view.set_folder("/mine")
    desk.view.format_changed.emit("voc")
    assert desk.view.chosen.folder == "/mine"
    desk.view.folder_requested.emit()
    assert desk.view.chosen.folder == "/elsewhere/mine"
    names = [option.name for option in desk.view.told["options"][0]]
    assert names == ["images", "window", "whole"]


def test_what_is_there_is_not_offered_as_a_folder(desk, job):
    (job.parent / "job-voc").mkdir()
    desk.view.choose(format="voc")
    desk.view.format_changed.emit("voc")
    assert desk.view.chosen.folder == str(job.parent / "job-voc-2")


def test_another_folder_is_offered_once_the_first_holds_an_export(desk, job):
    desk.view.choose(format="seg-nrrd")
    desk.view.format_changed.emit("seg-nrrd")
    first = job.parent / "job-seg-nrrd"
    desk.view.export_requested.emit()
    assert desk.view.told.get("done"), desk.view.told["status"]
    assert first.is_dir()
    # What was written is still named, so that a second press writes nothing again.
    assert desk.view.chosen.folder == str(first)
    desk.controller.renew()
    assert desk.view.chosen.folder == str(job.parent / "job-seg-nrrd-2")
    desk.view.export_requested.emit()
    assert (job.parent / "job-seg-nrrd-2").is_dir()
    desk.view.choose(person="ana")
    assert desk.view.chosen.folder == str(job.parent / "job-seg-nrrd-3")
    desk.view.choose(format="coco")
    desk.view.format_changed.emit("coco")
    assert desk.view.chosen.folder == str(job.parent / "job-coco")


def test_only_programs_that_can_be_run_again_are(monkeypatch):
    import sys

    for file, spec, wanted in (
        ("/usr/bin/napari", None, None),
        ("/home/me/look.py", None, 1),
        ("/usr/lib/pytest/__main__.py", object(), None),
        (None, None, None),
    ):
        main = SimpleNamespace(__spec__=spec)
        if file is not None:
            main.__file__ = file
        monkeypatch.setitem(sys.modules, "__main__", main)
        assert processes() == wanted
