"""What is asked of labels and of the object at hand, answered in the dock or by key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_annotate_jobs.editing import (
    Question,
    answer,
    answer_track,
    questions,
    track_questions,
)
from napari_annotate_jobs.errors import TransitionError
from napari_annotate_jobs.model import Scope
from napari_annotate_jobs.session import Connections

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_annotate_jobs.editing import Unanswered
    from napari_annotate_jobs.viewer import ViewerBridge
    from napari_annotate_jobs.widgets import LabelList, QuestionList

    from ._workbench import Workbench

__all__ = ["AnswerController"]


class AnswerController:
    """Answers attributes: of the object at hand, of the slices, and of the case.

    Parameters
    ----------
    bench : Workbench
        Whose session is acted on.
    bridge : ViewerBridge
        Shows the case, and knows the box at hand.
    shown : QuestionList
        Shows what is asked.
    labels : LabelList
        Shows what was answered, behind the labels.
    """

    def __init__(
        self,
        bench: Workbench,
        bridge: ViewerBridge,
        shown: QuestionList,
        labels: LabelList,
    ) -> None:
        self._bench, self._bridge = bench, bridge
        self._session, self._shown, self._labels = bench.session, shown, labels
        self._key: tuple[object, ...] = ()
        self._then: Callable[[], None] | None = None
        self._was_answered = False
        session = self._session
        self._connections = Connections(
            [
                (bridge.box_changed, self.refresh),
                (bridge.plane_changed, self.refresh),
                (session.slice_changed, self._on_slice),
                (session.slices_changed, self.refresh),
                (session.job_changed, self.refresh),
                (session.opened, self._on_slice),
                (session.closed, self.refresh),
                (session.busy, self.refresh),
                (session.status_changed, self.refresh),
            ]
        )
        shown.answered.connect(self._give)
        shown.turned_to.connect(self._turn_to)
        shown.finished.connect(self._finished)

    def close(self) -> None:
        """Let go of the session."""
        self._connections.release()

    # --------------------------------------------------------------- showing
    def _on_slice(self, *_: object) -> None:
        self._key = ()
        self.refresh()

    def _asked(self) -> tuple[Question, ...]:
        """Return all that is asked here, of the object at hand first."""
        session = self._session
        if not session.is_open:
            return ()
        labels = session.job.project.label_set.labels
        if not any(label.attributes for label in labels):
            return ()
        boxes = self._bridge.boxes
        found: tuple[Question, ...] = ()
        track = None if boxes is None else boxes.current_track
        if track is not None and session.slice in track.boxes:
            found = track_questions(session.editor, track)
        chosen = self._bench.chosen()
        return found + questions(session.editor, chosen)

    def _place(self, asked: tuple[Question, ...]) -> int:
        """Return which question keys are about: the chosen one, else an open one."""
        keys = [question.key for question in asked]
        if self._key in keys:
            return keys.index(self._key)
        return next((i for i, q in enumerate(asked) if not q.answer), 0)

    def refresh(self, *_: object) -> None:
        """Show what is asked here, and what was answered."""
        asked = self._asked()
        editable = self._session.is_open and not self._session.locked
        self._shown.set_questions(asked, self._place(asked), editable=editable)
        said: dict[int, list[str]] = {}
        for question in asked:
            if question.of is not None and (question.answer or question.is_wanting):
                text = question.answer or f"{question.attribute.name}?"
                said.setdefault(question.label.id, []).append(text)
        self._labels.set_answers({i: ", ".join(each) for i, each in said.items()})

    # ---------------------------------------------------------------- acting
    def by_id(self) -> dict[str, Callable[[], None]]:
        """Return the actions that have keys, by their id."""
        return {
            "answer": lambda: self._bench.act(self._next_answer),
            "next_question": lambda: self._bench.act(self._next_question),
            "answer_by_digit": lambda: self._bench.act(self._begin),
        }

    def ask_for(self, missing: Unanswered, then: Callable[[], None]) -> None:
        """Let what is missing be answered by digits; its slice is shown.

        Parameters
        ----------
        missing : Unanswered
            What.
        then : callable
            Called once it is answered; not if it is left without an answer.
        """
        track = ""
        boxes = self._bridge.boxes
        if missing.box and boxes is not None:
            boxes.point_out(missing.box)
            found = boxes.current_track
            track = "" if found is None else found.id
        self._key = (missing.label.id, missing.attribute, track)
        self._then, self._was_answered = then, False
        self.refresh()
        self._begin()

    def _finished(self) -> None:
        self._bench.release_keyboard()
        then, self._then = self._then, None
        if then is not None and self._was_answered:
            then()

    def _begin(self) -> None:
        self._at_hand()
        self._session.editor.check_unlocked()
        self._shown.begin()

    def _at_hand(self) -> tuple[tuple[Question, ...], Question]:
        asked = self._asked()
        if not asked:
            raise TransitionError(
                "nothing is asked here",
                remedy="Attributes are asked of the labels that a slice has, and of "
                "the box at hand",
            )
        return asked, asked[self._place(asked)]

    def _give(self, question: Question, text: str) -> None:
        self._bench.act(lambda: self._answer(question, text))
        self._was_answered = bool(text)
        self.refresh()

    def _answer(self, question: Question, text: str) -> None:
        editor, name = self._session.editor, question.attribute.name
        self._key = question.key
        if question.track:
            self._bench.check_shown()
            answer_track(editor, question.track, name, text)
        else:
            targets = [] if question.of is Scope.CASE else self._bench.targets()
            answer(editor, question.label.id, targets, name, text)

    def _next_answer(self) -> None:
        """Give the next answer to the question at hand, and at last none."""
        _, question = self._at_hand()
        if not question.attribute.choices:
            raise TransitionError(
                f"“{question.attribute.name}” is answered in words",
                remedy="Write them below the labels",
            )
        given = ("", *question.attribute.choices)
        at = given.index(question.answer) if question.answer in given else 0
        self._answer(question, given[(at + 1) % len(given)])

    def _next_question(self) -> None:
        """Let keys be about the next question."""
        asked, question = self._at_hand()
        following = asked[(asked.index(question) + 1) % len(asked)]
        self._turn_to(following)
        self._session.told.emit(
            f"Answers by key are about “{following.attribute.name}” of "
            f"{following.label.name} now."
        )

    def _turn_to(self, question: Question) -> None:
        self._key = question.key
        self.refresh()
