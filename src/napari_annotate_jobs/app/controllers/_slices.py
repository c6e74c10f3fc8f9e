"""What is done to slices that somebody named: a key, a button, a menu, a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_annotate_jobs.editing import delete_range, relabel_range, resize_range

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_annotate_jobs.model import Label

    from ._workbench import Workbench

__all__ = ["SliceController"]


class SliceController:
    """Decides on slices, settles their proposals, and changes ranges.

    Parameters
    ----------
    bench : Workbench
        Whose case is acted on.
    when_settled : callable, optional
        Calls what it is given once the proposals are up to date; they are brought up
        to date in the background. By default at once.
    """

    def __init__(
        self,
        bench: Workbench,
        when_settled: Callable[[Callable[[], None]], object] = lambda call: call(),
    ) -> None:
        self._bench, self._session = bench, bench.session
        self._when_settled = when_settled

    def label(self, label: Label, indices: Sequence[int]) -> None:
        """Put a class label on slices, or take it off if all carry it."""
        self._bench.act(lambda: self._session.toggle(label, indices))

    def exclude(self, indices: Sequence[int]) -> None:
        """Exclude slices, or bring them back if all are."""
        self._bench.act(lambda: self._session.toggle_excluded(indices))

    def paste(self, indices: Sequence[int]) -> None:
        """Add what was copied to slices."""
        self._bench.act(lambda: self._session.paste_slice(indices))

    def nothing_to_label(self, indices: Sequence[int]) -> None:
        """Mark slices as verified negatives, asking before labels go, or lift that."""
        self._bench.act(lambda: self._nothing(indices))

    def _nothing(self, indices: Sequence[int]) -> None:
        session, editor = self._session, self._session.editor
        on = not all(editor.content(i).nothing_to_label for i in indices)
        busy = editor.with_labels(indices) if on else []
        if not busy or editor.locked:
            session.toggle_nothing_to_label(indices)
            return
        which = f"{len(busy)} of the slices carry labels."
        if len(busy) == 1:
            single = editor.n_slices == 1
            which = "The image" if single else f"Slice {busy[0] + 1}"
            which += " carries labels."
        self._bench.ask(
            f"{which} Clear them and mark Nothing to Label?",
            {
                "Clear and mark": lambda: session.toggle_nothing_to_label(
                    indices, clear=True
                )
            },
            detail="One Undo brings them back.",
        )

    # ------------------------------------------------------------- proposals
    def confirm(self, indices: Sequence[int]) -> None:
        """Confirm what is proposed on slices, once it is up to date."""
        self._settle(indices, confirm=True)

    def reject(self, indices: Sequence[int]) -> None:
        """Drop what is proposed on slices."""
        self._settle(indices, confirm=False)

    def _settle(self, indices: Sequence[int], *, confirm: bool) -> None:
        chosen = sorted(indices)

        def begin() -> None:
            editor = self._session.editor
            call = editor.confirm if confirm else editor.reject

            def settle() -> None:
                # Another case may be open by now.
                if self._session.is_open and self._session.editor is editor:
                    self._bench.act(lambda: call(chosen))

            self._when_settled(settle)

        self._bench.act(begin)

    # ---------------------------------------------------------------- ranges
    def resize_range(self, range_id: str, start: int, stop: int) -> None:
        """Let a range reach from one slice to another."""
        self._bench.act(
            lambda: resize_range(self._session.editor, range_id, start, stop)
        )

    def delete_range(self, range_id: str) -> None:
        """Take a range away, with what it applied."""
        self._bench.act(lambda: delete_range(self._session.editor, range_id))

    def relabel_range(self, range_id: str, label_id: int) -> None:
        """Let a range apply another label."""
        self._bench.act(
            lambda: relabel_range(self._session.editor, range_id, (label_id,))
        )
