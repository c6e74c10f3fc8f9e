"""Text on the canvas: slice, decision and window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.model import Decision

from ._plane import ACQUIRED

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_annotate_jobs.imaging import SeriesHeader
    from napari_annotate_jobs.session import AnnotationSession

    from ._plane import Plane

__all__ = ["ReadOut"]


class ReadOut:
    """Keeps napari's text overlay true; puts back what was there when closed.

    Parameters
    ----------
    viewer : ViewerModel
        Whose canvas it is.
    session : AnnotationSession
        With an open case.
    draw : bool
        Draw the text; False keeps it in the overlay, unseen.
    """

    def __init__(
        self, viewer: ViewerModel, session: AnnotationSession, *, draw: bool = True
    ) -> None:
        self._session = session
        self._overlay = viewer.canvas.overlays.text
        # Hidden first, when put back, so that no box is drawn round no text.
        names = ("visible", "box", "text", "position", "font_size")
        self._before: dict[str, Any] = {n: getattr(self._overlay, n) for n in names}
        self._overlay.position = "top_left"
        self._overlay.font_size = 10
        self._overlay.box = True
        self._overlay.visible = draw
        self.update()

    def update(
        self,
        volume: SeriesHeader | None = None,
        *,
        plane: Plane = ACQUIRED,
        selected: tuple[int, int] | None = None,
        stranger: str = "",
        resampled: str = "",
        hidden: bool = False,
    ) -> str:
        """Write what is true now, and return it.

        Parameters
        ----------
        volume : SeriesHeader, optional
            Of the volume that is shown; named where there are several.
        plane : Plane
            What is shown of it.
        selected : tuple of int, optional
            The first and the last slice that keys act on, if not on the current one.
        stranger : str
            Name of the layer at hand for drawing, if it is not the case's.
        resampled : str
            Name of the series at hand, if what is shown of it is computed.
        hidden : bool
            The annotation is kept out of sight.
        """
        session = self._session
        if not session.is_open or session.case is None:
            return ""
        place = f"{session.slice + 1} / {session.editor.n_slices}"
        lines = [
            session.case.row.case.name,
            place if plane.is_acquired else plane.text,
        ]
        if volume is not None and session.case.series.header.siblings:
            lines.append(_volume_text(volume, session.case.series.header))
        if plane.is_acquired:
            lines += self._said()
        elif selected is None:
            lines.append("No slice is shown: decisions wait")
        if selected is not None:
            lines.append(_selection_text(*selected))
        if hidden:
            lines.append("The annotation is hidden")
        if stranger:
            lines.append(f"“{stranger}” is not of this case: not saved")
        if resampled:
            lines.append(f"“{resampled}” is resampled: computed between its slices")
        window = session.window
        if window is not None and not session.case.series.header.is_color:
            width, level = _number(window.width), _number(window.center)
            lines.append(f"WW\N{NO-BREAK SPACE}{width}  WL\N{NO-BREAK SPACE}{level}")
        if session.editor.refused is not None:
            lines.append("Not for you to annotate: read-only")
        elif session.editor.locked:
            lines.append("Submitted: read-only")
        self._overlay.text = text = "\n".join(lines)
        return text

    def _said(self) -> list[str]:
        """Return what was said of the slice that is shown."""
        cell = self._session.editor.cell(self._session.slice)
        decision = cell.decision.value.capitalize()
        if cell.names:
            names = ", ".join(cell.names)
            decision = (
                names if cell.decision is Decision.LABELLED else f"{decision} ({names})"
            )
        return [decision, "Proposals to confirm"] if cell.proposals else [decision]

    def close(self) -> None:
        """Put back what was there."""
        for name, value in self._before.items():
            setattr(self._overlay, name, value)


def _selection_text(first: int, last: int) -> str:
    if first == last:
        return f"Slice {first + 1} is selected: keys act on it"
    count = last - first + 1
    return f"Slices {first + 1}–{last + 1} are selected: keys act on {count}"


def _volume_text(volume: SeriesHeader, reference: SeriesHeader) -> str:
    """Name one of several volumes: ``Echo time 80: 2 / 3``, ``Time 2 / 3``."""
    volumes = reference.volumes
    place = [header.key for header in volumes].index(volume.key) + 1
    split = volume.split
    if split is None:
        return f"Volume {place} / {len(volumes)}"
    value = "" if split.value == str(place) else f" {split.value}:"
    return f"{split.by.capitalize()}{value} {place} / {len(volumes)}"


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 20 else f"{value:.3g}"
