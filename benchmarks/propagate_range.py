"""Apply a label to all slices of a 1,000-slice case: model and strip.

The peer is the budget of the interface, 50 ms; saving goes on in the background and
is not counted. Needs a screen, if only a virtual one.
"""

from __future__ import annotations

import statistics
from time import perf_counter

from _bench import report
from qtpy.QtWidgets import QApplication

from napari_annotate_jobs.app.controllers import (
    SliceController,
    StripController,
    Workbench,
)
from napari_annotate_jobs.editing import CaseEditor, Propagation, propagate
from napari_annotate_jobs.model import (
    Annotation,
    Case,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    RangeAction,
    SeriesRef,
    SliceId,
)
from napari_annotate_jobs.session import AnnotationSession
from napari_annotate_jobs.stores import MemoryStore
from napari_annotate_jobs.widgets import SliceStrip

SLICES, BUDGET = 1000, 0.05


def session() -> AnnotationSession:
    """Return a session with a case of many slices, and no images."""
    label = Label(id=1, name="Liver", color="#009E73", method=Method.CLASSIFICATION)
    project = Project(
        name="p", methods=(Method.CLASSIFICATION,), label_set=LabelSet(labels=(label,))
    )
    case = Case(id="c", name="c", series=(SeriesRef(path="none"),))
    found = AnnotationSession(
        MemoryStore([(Job(id="j", project=project), [case])]), "j"
    )
    found._editor = CaseEditor(
        Annotation(case_id="c", person="bench"),
        [
            SliceId(index=i, sop_instance_uid=f"1.2.826.0.1.3680043.8.498.{i}")
            for i in range(SLICES)
        ],
        project,
        person="bench",
        read_blob=lambda digest: b"",
        on_change=lambda change, blobs: None,
    )
    return found


def main() -> None:
    app = QApplication.instance() or QApplication([])
    spent = []
    for _ in range(7):
        one = session()
        strip = SliceStrip()
        strip.resize(1260, 90)
        bench = Workbench(one, window=lambda strip=strip: strip, show_error=print)
        controller = StripController(strip, bench, SliceController(bench))
        one.editor.changed.connect(
            lambda indices, one=one: one._on_slices_changed(indices)
        )
        strip.show()
        app.processEvents()
        start = perf_counter()
        propagate(
            one.editor,
            Propagation(
                RangeAction.CLASS_LABELS,
                targets=tuple(range(SLICES)),
                origin=0,
                labels=(1,),
            ),
        )
        strip.repaint()
        app.processEvents()
        spent.append(perf_counter() - start)
        controller.close()
        strip.deleteLater()
        app.processEvents()
    report(
        "apply a label to 1,000 slices, model and strip",
        statistics.median(spent),
        BUDGET,
        unit="s",
        goal=1.0,
        slices=SLICES,
    )


if __name__ == "__main__":
    main()
