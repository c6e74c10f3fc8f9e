"""Pictures of cases on the cards of jobs."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from napari_annotate_jobs.app._job_pictures import JobPictures, draw_job
from napari_annotate_jobs.errors import NotFoundError
from napari_annotate_jobs.model import (
    AnnotationChange,
    Box,
    Case,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
    SliceAnnotation,
)
from napari_annotate_jobs.stores import FolderStore, create_job

LABEL = Label(id=1, name="node", color="#D55E00", method=Method.DETECTION)
PROJECT = Project(
    name="P", methods=(Method.DETECTION,), label_set=LabelSet(labels=(LABEL,))
)


@pytest.fixture
def place(tmp_path):
    """Make a job of five pictures, each of another grey."""
    cases = []
    for number in range(5):
        path = tmp_path / f"x{number}.png"
        pixels = np.full((30, 40), 20 * number, np.uint8)
        pixels[0, 0], pixels[0, 1] = 0, 255
        Image.fromarray(pixels).save(path)
        series = (SeriesRef(path=str(path)),)
        cases.append(Case(id=f"c{number}", name=f"x{number}", series=series))
    job = Job(id="j", project=PROJECT)
    create_job(tmp_path / "job", job, cases, person="ana").close()
    return tmp_path / "job"


def summary(place, person="ana"):
    store = FolderStore(place, person)
    (found,) = store.jobs()
    store.close()
    return found


def box(place, case_id, person="ana"):
    drawn = Box(label=1, top=5, left=5, bottom=25, right=30)
    change = AnnotationChange(
        slices={"index:0": SliceAnnotation(index=0, boxes=(drawn,))}
    )
    store = FolderStore(place, person)
    store.save("j", case_id, change, {}, base=0)
    store.close()


def greys(pictures):
    return [round(float(np.median(picture))) // 20 for picture in pictures]


def has_box(picture):
    red, blue = picture[..., 0].astype(int), picture[..., 2].astype(int)
    return bool((red - blue > 80).any())


def test_cases_with_an_annotation_come_first_and_show_it(place):
    assert greys(draw_job(summary(place), "ana")) == [0, 1, 2]
    box(place, "c3")
    box(place, "c1", "bo")
    found = draw_job(summary(place), "ana")
    assert greys(found) == [3, 0, 1]
    assert [has_box(picture) for picture in found] == [True, False, False]
    assert found[0].shape == (72, 96, 3)
    assert len(draw_job(summary(place), "ana", 1)) == 1


def test_what_cannot_be_read_has_no_picture(place):
    (place.parent / "x0.png").write_bytes(b"nothing")
    (place.parent / "x2.png").unlink()
    assert greys(draw_job(summary(place), "ana")) == [1, 3, 4]


class AtOnce:
    def run(self, task, done, failed):
        try:
            found = task()
        except Exception as error:
            failed(error)
        else:
            done(found)


def test_jobs_that_are_gone_or_far_away_have_none(place):
    replies = []
    pictures = JobPictures(AtOnce())
    job = summary(place)
    pictures.draw(job, replies.append)
    assert len(replies.pop()) == 3
    for location in (str(place / "gone"), "https://127.0.0.1:9/jobs/1"):
        gone = job.model_copy(update={"location": location})
        pictures.draw(gone, replies.append)
    assert replies == [(), ()]
    with pytest.raises(NotFoundError):
        draw_job(job.model_copy(update={"location": str(place / "gone")}), "ana")
