"""What layers have in common that show a part of what is said of a case."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

from napari.layers import Labels, Shapes

from napari_annotate_jobs.errors import AnnotateJobsError
from napari_annotate_jobs.session import Connected, Connections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ._own_case import OwnCase

__all__ = ["DrawnLayer", "MirrorLayer"]

LayerT = TypeVar("LayerT", Labels, Shapes)


class MirrorLayer(Connected, ABC, Generic[LayerT]):
    """Shows a part of what is said of one case on a layer, and follows it.

    Parameters
    ----------
    session : OwnCase
        The case.
    layer : Labels or Shapes
        The layer, made for this.
    on_error : callable
        Takes an error to show.

    Attributes
    ----------
    layer : Labels or Shapes
        The layer.
    """

    def __init__(
        self,
        session: OwnCase,
        layer: LayerT,
        *,
        on_error: Callable[[Exception], None],
    ) -> None:
        self.layer = layer
        self._session = session
        self._on_error = on_error
        self._writing = 0
        self._connections = Connections()

    def show(self, indices: Iterable[int]) -> None:
        """Show what the session says of these slices where it differs."""
        self._show(sorted(set(indices)))

    @abstractmethod
    def _show(self, indices: Sequence[int]) -> None:
        """Bring the layer to what the session says of slices, in ascending order."""

    @property
    def _is_writing(self) -> bool:
        return self._writing > 0

    @contextmanager
    def _own_writing(self) -> Iterator[None]:
        """Take nothing that happens to the layer meanwhile for the user's doing."""
        self._writing += 1
        try:
            yield
        finally:
            self._writing -= 1

    def _refresh(self) -> None:
        with self._own_writing():
            self.layer.refresh()


class DrawnLayer(MirrorLayer[LayerT]):
    """Tells the session what is drawn on the layer as well, and of that no echo.

    What was drawn is in the layer already: of the edit that it makes, the layer takes
    in only what it did not say itself.

    Parameters
    ----------
    session : OwnCase
        The case.
    layer : Labels or Shapes
        The layer, made for this.
    on_error : callable
        Takes an error to show.
    drawable : callable
        Returns True while the layer can be drawn on in the way it is looked at.
    """

    def __init__(
        self,
        session: OwnCase,
        layer: LayerT,
        *,
        on_error: Callable[[Exception], None],
        drawable: Callable[[], bool],
    ) -> None:
        super().__init__(session, layer, on_error=on_error)
        self._drawable = drawable
        self._heard: list[list[frozenset[int]]] = []
        self._connections.connect(layer.events.editable, self._on_editable)

    def show(self, indices: Iterable[int]) -> None:
        """Show what the session says of these slices where it differs."""
        told = frozenset(indices)
        for heard in self._heard:
            heard.append(told)
        if not self._heard:
            super().show(told)

    def _tell(self, indices: Iterable[int], edit: Callable[[], object]) -> bool:
        """Tell the session of an edit that was made in the layer.

        Parameters
        ----------
        indices : iterable of int
            The slices that were drawn on.
        edit : callable
            Makes the edit, of which the session tells once.

        Returns
        -------
        bool
            False if the session refused it: the layer is then as it was before.
        """
        drawn = tuple(indices)
        heard: list[frozenset[int]] = []
        refused: AnnotateJobsError | None = None
        self._heard.append(heard)
        try:
            edit()
        except AnnotateJobsError as error:
            refused = error
        finally:
            self._heard.pop()
        if refused is not None:
            self._take_back(drawn)
        elif len(heard) < 2:
            self._adopt(drawn)
        else:  # what hears of edits made others, maybe of the same slices
            self._doubt(drawn)
        if heard:
            self.show(frozenset().union(*heard))
        if refused is not None:
            self._on_error(refused)
        return refused is None

    @abstractmethod
    def _adopt(self, indices: tuple[int, ...]) -> None:
        """Take what the layer shows of slices for what the session says of them."""

    @abstractmethod
    def _doubt(self, indices: tuple[int, ...]) -> None:
        """Take nothing of what the layer shows of slices for the session's."""

    @abstractmethod
    def _take_back(self, indices: tuple[int, ...]) -> None:
        """Undo in the layer what was drawn on slices."""

    def set_editable(self, editable: bool) -> None:
        """Allow or forbid drawing."""
        if not editable:
            self.layer.mode = "pan_zoom"
        self.layer.editable = editable

    def _on_editable(self) -> None:
        # napari allows it anew with other data, and after a look in 3D.
        if self.layer.editable and (self._session.locked or not self._drawable()):
            self.set_editable(False)
