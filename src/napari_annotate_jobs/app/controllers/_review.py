"""What a reviewer's requests do: verdicts, threads, and what changed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.editing import Cell, answered_text
from napari_annotate_jobs.errors import AnnotateJobsError, TransitionError
from napari_annotate_jobs.metrics import Agreement
from napari_annotate_jobs.model import (
    Comment,
    Decision,
    Outcome,
    Verb,
    Verdict,
    check_verb,
    review_status_of,
    standing_verdict,
)
from napari_annotate_jobs.session import Connections, unseen_text
from napari_annotate_jobs.viewer import FIRST_COLOR, SECOND_COLOR
from napari_annotate_jobs.widgets import About, Writing

from ._threads import ThreadController

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_annotate_jobs.model import Box
    from napari_annotate_jobs.session import (
        AnnotationSession,
        Comparison,
        FrozenStore,
        OpenReview,
        ReviewSession,
    )
    from napari_annotate_jobs.widgets import ReviewPanel, SliceStrip

__all__ = ["ReviewController"]

Place = tuple[int, float, float]
"""Slice, row and column, in pixels."""

COLORS = {
    Agreement.AGREE: ("agree", "#009e73"),
    Agreement.DIFFER: ("differ", "#d55e00"),
    Agreement.ONLY_FIRST: ("only what is reviewed", FIRST_COLOR),
    Agreement.ONLY_SECOND: ("only the other", SECOND_COLOR),
}
"""Of the strip, from Okabe and Ito's colour-blind-safe set."""


@dataclass(frozen=True)
class _ComparedCell(Cell):
    said: str = ""

    @property
    def word(self) -> str:
        return self.names[0]

    @property
    def text(self) -> str:
        return f"Slice {self.index + 1}: {self.said}"


class ReviewController:
    """Lets a panel judge what a session shows.

    Parameters
    ----------
    panel : ReviewPanel
        The view.
    review : ReviewSession
        The reviewer's list, and the case that is judged.
    reading : AnnotationSession
        On `frozen`: shows it in the viewer.
    frozen : FrozenStore
        Is told what to show.
    show_error : callable
        Tells the user of an error.
    tell : callable
        Tells the user something.
    strip : SliceStrip, optional
        Shows where two annotations agree.
    is_seen : callable
        Returns True if a press is meant for the case that is on the screen.
    box_at_hand : callable
        Returns the selected box of the slice, if there is one.
    show_slice : callable
        Called when another slice is to be seen.
    object_at : callable
        Returns the box, or the label of the pixel, at a slice, row and column.
    draw : callable
        Shows a comparison in the image, and whether side by side; None for none.
    pin : callable
        Shows where a comment would be pinned to; None for nowhere.
    correct : callable
        Lets the reviewer edit a copy of the case.
    threads : ThreadController, optional
        Follows the threads on what is judged; by default they are shown in `panel`
        alone.
    """

    def __init__(
        self,
        panel: ReviewPanel,
        review: ReviewSession,
        reading: AnnotationSession,
        frozen: FrozenStore,
        *,
        show_error: Callable[[Exception], object],
        tell: Callable[[str], object] = lambda text: None,
        strip: SliceStrip | None = None,
        is_seen: Callable[[], bool] = lambda: True,
        box_at_hand: Callable[[], Box | None] = lambda: None,
        show_slice: Callable[[], object] = lambda: None,
        object_at: Callable[[Place], Box | int | None] = lambda place: None,
        draw: Callable[[Comparison | None, bool], object] = lambda found, beside: None,
        pin: Callable[[Place | None], object] = lambda place: None,
        correct: Callable[[], object] = lambda: None,
        threads: ThreadController | None = None,
    ) -> None:
        self.panel, self.review, self.reading = panel, review, reading
        self._frozen, self._strip = frozen, strip
        self._show_error, self._tell = show_error, tell
        self._is_seen, self._box_at_hand = is_seen, box_at_hand
        self._show_slice = show_slice
        self._object_at, self._draw, self._pin = object_at, draw, pin
        self._correct = correct
        self._beside = False
        self._words: tuple[Verdict, Comment] | None = None
        self._leads = False
        """What changed is to be shown where it is found, unless one goes elsewhere."""
        self._clicked: Place | None = None
        self._doing = ""
        self._verdict: Verdict | None = None
        self._reply_to = ""
        self._choices: tuple[str | None, ...] = ()
        self._found: Comparison | None = None
        self.threads = threads or ThreadController(
            reading,
            show=self._show_threads,
            go_slice=self.go_slice,
            show_error=show_error,
            tell=tell,
        )
        self._connections = Connections(
            [
                (review.opened, self._on_review),
                (review.busy, self._on_busy),
                (review.judged, self._on_judged),
                (review.compared, self._on_compared),
                (review.undo_changed, self._on_undo),
                (review.unsaid, self._give_back),
                (reading.opened, self._on_opened),
                (reading.closed, self._on_closed),
                (reading.slice_changed, self._on_slice),
                (panel.pass_requested, self.pass_case),
                (panel.fail_requested, self.fail_case),
                (panel.return_requested, self.return_case),
                (panel.written, self._on_written),
                (panel.undo_requested, self.undo),
                (panel.correct_requested, self.correct_case),
                (panel.beside_requested, self.toggle_beside),
                (panel.go_requested, self.go),
                (panel.compare_requested, self._compare_with),
                (panel.slice_requested, self.go_slice),
                (panel.thread_requested, self.threads.go),
                (panel.reply_requested, self._begin_reply),
                (panel.resolve_requested, self.threads.resolve),
            ]
        )
        self._on_undo()

    def close(self) -> None:
        """Let go of all."""
        self._connections.release()
        self.threads.close()

    def by_id(self) -> dict[str, Callable[[], None]]:
        """Return the actions that have keys, by their id."""
        return {
            "pass_case": self.pass_case,
            "fail_case": self.fail_case,
            "return_case": self.return_case,
            "correct_case": self.correct_case,
            "undo": self.undo,
            "side_by_side": self.toggle_beside,
            "compare": self.toggle_compare,
            "next_change": lambda: self.go_difference(1),
            "previous_change": lambda: self.go_difference(-1),
            "next_thread": self.threads.next,
            "resolve_thread": self.threads.resolve_and_go_on,
            "next_case": lambda: self.go(1),
            "previous_case": lambda: self.go(-1),
        }

    # --------------------------------------------------------------- opening
    def _on_busy(self, doing: str) -> None:
        self._doing = doing

    def _on_review(self, case: OpenReview) -> None:
        if self._frozen.correction is not None:
            self.reading.settle()  # what was corrected is saved before it is left
        here = self.reading.case
        corrects = self._frozen.correction is not None
        if here is not None and (corrects or here.row.case.id == case.row.case.id):
            # Another submission of the same case is no newer version of this one.
            try:
                self.reading.close_case()
            except AnnotateJobsError as error:
                self._show_error(error)
                return
        self._frozen.hold(case)
        self.reading.open_case(case.row.case.id, slice=_first_slice(case))

    @property
    def case(self) -> OpenReview | None:
        """What is judged, if it is what is seen, and nothing is under way."""
        review, reading = self.review, self.reading
        if self._doing or review.case is None or reading.is_moving:
            return None
        if self._frozen.correction is not None:
            return None
        if not reading.is_open or self._frozen.held is not review.case:
            return None
        return review.case

    def _on_opened(self, _: object = None) -> None:
        case = self.review.case
        if case is None:
            return
        self._found, self._beside, self._clicked = None, False, None
        self._leads = False
        if self._frozen.correction is not None:
            self.threads.follow(self.reading.discussion)
            self.threads.take_here()
            return
        self._found, self._reply_to = None, ""
        given = [v for v in case.verdicts if v.submission == case.submission.number]
        self._verdict = standing_verdict(given)
        self.threads.follow(case.discussion)
        self.threads.take_here()
        self._show_case(case)
        former = [] if case.former is None else [None]
        self._choices = (*former, *case.people[1:])
        self._show_choices(-1)
        self._show_readings()
        self.panel.set_differences(())
        self._on_slice()
        case.discussion.mark_read()
        self._write_again(case)
        if case.row.revised and former:
            pinned = [
                t for t in case.discussion.open_threads if t.first.index is not None
            ]
            self._leads = not pinned
            self._compare_with(0)

    def _write_again(self, case: OpenReview) -> None:
        """Give back the words of a verdict that was taken back."""
        words, self._words = self._words, None
        if words is None or words[0].answers != case.submission.digest:
            return
        index = self.reading.editor.index_of(words[1])
        if index is not None:
            self.go_slice(index)
        failed = words[0].outcome is Outcome.FAILED
        # Not as a comment, which a pass would take along.
        self.panel.begin(Writing.FAIL if failed else Writing.RETURN, focus=False)
        self.panel.line.give_back(words[1].text)

    def hold(self, doing: str) -> None:
        """Give no verdict while something is done; empty when it is finished."""
        self._doing = doing

    def _show_case(self, case: OpenReview) -> None:
        keys = [slice_id.key for slice_id in case.series.header.slices]
        unseen = case.submission.annotation.unseen(keys)
        self.panel.set_case(
            case.row,
            case.history,
            refused=self._refused(case),
            unseen=unseen_text(len(unseen or ()), len(keys)),
        )

    def _refused(self, case: OpenReview) -> str:
        row, verdict, me = case.row, self._verdict, self.review.store.person
        status = row.status
        if verdict is not None:
            status = review_status_of(verdict.submission, [verdict]) or status
        try:
            check_verb(
                Verb.PASS,
                job=self.review.job,
                person=me,
                author=row.person,
                review=status,
                verdict=verdict,
            )
        except TransitionError as error:
            said = f": {verdict.text}" if verdict is not None and verdict.text else ""
            what, own = error.what, f"{me} has "  # it begins with a name
            if what.startswith(own):
                what = f"You have {what.removeprefix(own)}"
            return f"{what}{said}"
        return ""

    def _on_closed(self) -> None:
        self._found = None
        self.threads.follow(None)
        self.panel.set_case(None)
        self.panel.set_choices(())
        self.panel.set_differences(())

    def go(self, step: int) -> None:
        """Open the next or previous submitted case, wherever it stands."""
        self._act(lambda: self.review.go(step))

    def _act(self, call: Callable[[], object]) -> None:
        try:
            call()
        except AnnotateJobsError as error:
            self._show_error(error)

    # -------------------------------------------------------------- verdicts
    def _may_judge(self) -> OpenReview | None:
        """Return the case a verdict is for; None if none can be given."""
        case = self.case
        if case is None:
            return None
        refused = self._refused(case)
        if refused:
            self._tell(f"{case.row.case.name}: {refused}.")
            return None
        return case

    def pass_case(self) -> None:
        """Pass the case: it is fit for training."""
        case = self._may_judge()
        if case is None:
            return
        if not self._is_seen():
            self._tell(
                f"{case.row.case.name} was not passed: it has only just been opened. "
                "Look at it, and pass it then."
            )
            return
        if self.panel.mode is Writing.COMMENT and (text := self.panel.line.take()):
            # What is written and not sent would be left behind with the case.
            self._on_written(Writing.COMMENT, text, self.panel.pin)
        self.review.pass_case()

    def correct_case(self) -> None:
        """Let the reviewer edit a copy, and pass that."""
        if self._may_judge() is not None:
            self._correct()

    def fail_case(self) -> None:
        """Fail the case with the reason that is written; ask for one else."""
        if self._may_judge() is None:
            return
        if text := self.panel.line.take():
            self._on_written(Writing.FAIL, text, About.CASE)
        else:
            self.panel.begin(Writing.FAIL)

    def return_case(self) -> None:
        """Return the case with what is written, or was said; ask for it else."""
        case = self._may_judge()
        if case is None:
            return
        if text := self.panel.line.take():
            self._on_written(Writing.RETURN, text, self.panel.pin)
        elif self._said(case):
            self.review.return_case()
        else:
            self.panel.begin(Writing.RETURN)

    def _said(self, case: OpenReview) -> bool:
        """Return whether this reviewer began a thread on what is seen."""
        me, number = self.review.store.person, case.submission.number
        # What came with a verdict that was taken back is no word of its own.
        given = {
            comment.id for verdict in case.verdicts for comment in verdict.comments
        }
        return any(
            t.first.person == me
            and t.submission == number
            and t.is_open
            and t.id not in given
            for t in case.discussion.threads
        )

    def undo(self) -> None:
        """Take the last verdict back; its case is opened again, with what was said."""
        if not self._doing:
            last = self.review.last_verdict
            said = () if last is None else last.comments
            self._words = (last, said[0]) if last is not None and said else None
            self.review.undo()

    def _on_judged(self, verdict: Verdict) -> None:
        case = self.review.case
        if case is not None and verdict.answers == case.submission.digest:
            self._verdict = standing_verdict([verdict])
            self._show_case(case)

    def _on_undo(self) -> None:
        text = self.review.undo_text
        self.panel.set_undo(text)

    # --------------------------------------------------------------- threads
    def _show_threads(self) -> None:
        talk = self.threads.discussion
        new = () if talk is None else talk.new
        self.panel.set_threads(self.threads.threads, self.threads.current, new=new)

    def _give_back(self, key: tuple[str, str], text: str) -> None:
        self.panel.line.give_back(text, key)

    def _on_written(self, mode: str, text: str, pin: str) -> None:
        case = self.case
        if case is None:
            self.panel.line.give_back(text)
            return
        give_back = partial(self._give_back, case.key, text)
        writing = Writing(mode)
        if writing is Writing.FAIL:
            self.review.fail(text)
        elif writing is Writing.REPLY:
            reply_to = self._reply_to
            self.threads.reply(reply_to, text, unsaid=give_back)
        else:
            place = self._place(About(pin))
            if writing is Writing.COMMENT:
                self._act(lambda: case.discussion.say(text, **place, unsaid=give_back))
            elif place:
                me = self.review.store.person
                self.review.return_case("", [Comment(person=me, text=text, **place)])
            else:
                self.review.return_case(text)
        self.panel.keyboard_released.emit()

    def _place(self, pin: About) -> dict[str, Any]:
        """Return what a comment is pinned to."""
        if pin is About.CASE:
            return {}
        index = self.reading.slice
        place: dict[str, Any] = {
            "slice_key": self.reading.editor.key(index),
            "index": index,
        }
        clicked = self._clicked
        if pin is About.OBJECT:
            found = None if clicked is None else self._object_at(clicked)
            found = found or self._box_at_hand()
            if isinstance(found, int):
                place["label"] = found
            elif found is not None:
                middle = (found.top + found.bottom) / 2, (found.left + found.right) / 2
                return {**place, "label": found.label, "object": found.id, "at": middle}
        if pin is not About.SLICE and clicked is not None:
            place["at"] = clicked[1:]
        return place

    def click(self, index: int, row: float, column: float) -> None:
        """Let comments be about a place of the image, or the object that is there."""
        if self.case is None:
            return
        self._clicked = (index, round(row, 1), round(column, 1))
        self._pin(self._clicked)
        self.show_pins()

    def show_pins(self) -> None:
        """Offer what a comment can be about now."""
        pins, chosen = [About.CASE], None
        if self.reading.is_open:
            pins.insert(0, About.SLICE)
            clicked = self._clicked
            if clicked is not None:
                found = self._object_at(clicked)
                chosen = About.PLACE if found is None else About.OBJECT
                pins.insert(0, chosen)
            elif self._box_at_hand() is not None:
                pins.insert(1, About.OBJECT)
        self.panel.set_pins(pins, chosen)

    def _begin_reply(self, thread: str) -> None:
        found = self.threads.find(thread)
        if found is not None:
            self._reply_to = thread
            self.panel.begin_reply(found)

    # --------------------------------------------------------- what changed
    def toggle_compare(self) -> None:
        """Compare with the first that there is, or hide what differs."""
        if self.case is None:
            return
        if self._found is not None:
            self._hide_comparison()
        elif self._choices:
            self._compare_with(0)
        else:
            self._tell_alone()

    def toggle_beside(self) -> None:
        """Show another reading beside this one, or this one alone again.

        That of another annotator before the former submission; what is compared stays.
        """
        if self.case is None:
            return
        if not self._choices:
            self._tell_alone()
            return
        self._beside = not self._beside
        if self._found is not None:
            self._show_readings()
            return
        others = [i for i, person in enumerate(self._choices) if person is not None]
        self._compare_with(others[0] if others else 0)

    def _tell_alone(self) -> None:
        self._tell(
            "There is nothing to compare with: it is the first submission, and nobody "
            "else submitted the case."
        )

    def _show_choices(self, current: int) -> None:
        case = self.review.case
        texts = []
        for person in self._choices:
            number = case.submission.number - 1 if case is not None else 0
            texts.append(
                f"Against {person}" if person else f"Against submission {number}"
            )
        self.panel.set_choices(texts, current)

    def _compare_with(self, place: int) -> None:
        if not 0 <= place < len(self._choices):
            self._hide_comparison()
            return
        self._show_choices(place)
        self._act(lambda: self.review.compare(self._choices[place]))

    def _hide_comparison(self) -> None:
        self._found, self._beside = None, False
        self._show_choices(-1)
        self._show_readings()
        self.panel.set_differences(())
        if self._strip is not None and self.reading.is_open:
            editor = self.reading.editor
            self._strip.update_cells([editor.cell(i) for i in range(editor.n_slices)])

    def _show_readings(self) -> None:
        """Show in the image what is compared, and say what is what."""
        found, beside = self._found, self._beside
        self._draw(found, beside)
        self.panel.set_beside(beside and found is not None)
        legend: list[tuple[str, str, str]] = []
        if found is not None and not beside:
            first, second = found.names
            legend = [
                (FIRST_COLOR, "━━━", f"{first} (reviewed)"),
                (SECOND_COLOR, "╍╍╍", second),
            ]
        self.panel.set_legend(legend)

    def _on_compared(self, found: Comparison) -> None:
        if not self.reading.is_open or self._frozen.held is not self.review.case:
            return
        if self._frozen.correction is not None:
            return
        self._found = found
        rows = [(s.index, found.text(s)) for s in found.worst()]
        n = len(rows)
        words = [
            "Nothing differs."
            if not n
            else f"{n} slice{' differs' if n == 1 else 's differ'}, worst first."
        ]
        for who, labels in zip(
            found.names, (found.case_first, found.case_second), strict=True
        ):
            if labels:
                words.append(f"Of the case only {who}: {', '.join(labels)}.")
        self.panel.set_differences(rows, " ".join(words))
        if self._strip is not None:
            self._strip.update_cells([self._cell(i, found) for i in found.slices])
        self._show_readings()
        if self._leads and rows:
            self.go_slice(rows[0][0])
        self._leads = False
        self._on_slice()

    def _cell(self, index: int, found: Comparison) -> Cell:
        agreement = found.slices[index].agreement
        word, color = COLORS[agreement]
        plain = self.reading.editor.cell(index)
        said = found.text(found.slices[index])
        return _ComparedCell(
            index=index,
            decision=Decision.LABELLED,
            colors=(color,),
            names=(word,),
            comment=plain.comment,
            said=f"{word} · {said}",
        )

    def go_difference(self, step: int) -> None:
        """Go to the next (1) or previous (-1) slice that differs."""
        if self.case is None:
            return
        if self._found is None and not self._choices:
            self.reading.go_change(step)
            self._show_slice()
            return
        if self._found is None:
            self.toggle_compare()
            return
        index = self._found.next_difference(self.reading.slice, step)
        if index is None:
            self._tell("Nothing differs.")
        else:
            self.go_slice(index)

    def go_slice(self, index: int) -> None:
        """Show a slice."""
        if self.reading.is_open:
            self.reading.slice = index
            self._show_slice()

    def _on_slice(self, _: object = None) -> None:
        self._leads = False
        if self._clicked is not None:
            self._clicked = None
            self._pin(None)
        if self.reading.is_open:
            index, editor = self.reading.slice, self.reading.editor
            self.panel.set_current(index)
            self.panel.set_said(answered_text(editor, index))
        else:
            self.panel.set_said("")
        self.show_pins()


def _first_slice(case: OpenReview) -> int:
    """Return the slice to show first: of an open thread, else with something said."""
    view = case.view()
    pinned = [
        index
        for thread in case.discussion.open_threads
        if (index := view.index_of(thread.first)) is not None
    ]
    contents = view.contents()
    drawn = [i for i, c in contents.items() if c.boxes or c.masks]
    said = [i for i, c in contents.items() if c.has_labels]
    for found in (pinned, drawn, said):
        if found:
            return min(found)
    return view.n_slices // 2
