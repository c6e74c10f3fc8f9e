"""What the mouse does, and keys that act in one place only."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GESTURES", "IN_IMAGE", "Gesture"]

IN_IMAGE = "In the image"


@dataclass(frozen=True)
class Gesture:
    """Something the mouse does, or a fixed key where it acts.

    Parameters
    ----------
    how : str
        What to do.
    text : str
        What happens.
    group : str
        Where it works.
    """

    how: str
    text: str
    group: str


GESTURES: tuple[Gesture, ...] = (
    Gesture(
        "Wheel",
        "Zoom, or step through slices (a setting)",
        IN_IMAGE,
    ),
    Gesture("Alt + wheel", "The other of the two", IN_IMAGE),
    Gesture(
        "Drag with the right button",
        "Window: right is wider, down is darker",
        IN_IMAGE,
    ),
    Gesture("Ctrl + drag with the right button", "Zoom by sliding", IN_IMAGE),
    Gesture(
        "Click, with three planes and no tool", "Let the planes cross there", IN_IMAGE
    ),
    Gesture("Right click", "What can be done with the object there", IN_IMAGE),
    Gesture("Ctrl++, Ctrl+-, Ctrl+0", "Zoom in, out, fit (napari's)", IN_IMAGE),
    *(
        Gesture(how, text, "At boxes, while a label for boxes is chosen")
        for how, text in (
            ("Drag an edge", "Move the box"),
            ("Drag a handle", "Resize the box; with Shift, in its proportions"),
            ("Arrow keys", "Move the box with handles, by 1 pixel; with Shift, by 10"),
            ("Esc", "Take the handles away: arrow keys step through slices again"),
            ("Delete, Backspace", "Delete the box that the dock names"),
        )
    ),
    Gesture("Click", "Go to the slice", "On the slice strip"),
    Gesture("Drag", "Select slices", "On the slice strip"),
    Gesture("Shift + click", "Extend the selection", "On the slice strip"),
    Gesture("Right click", "All that can be done with them", "On the slice strip"),
    Gesture("Wheel", "Step through slices", "On the slice strip"),
    Gesture("Ctrl + wheel", "Zoom the strip", "On the slice strip"),
    Gesture(
        "Shift + wheel, or drag with the middle button",
        "Move the zoomed strip",
        "On the slice strip",
    ),
    Gesture(
        "Drag an end of a range", "Shorten or extend the range", "On the slice strip"
    ),
    *(
        Gesture(how, text, "On the slice strip, by key")
        for how, text in (
            ("Left, Right", "Previous or next slice"),
            ("Page Up, Page Down", "Ten slices back or on"),
            ("Home, End", "First or last slice"),
            ("Shift + Left, Right, Home, End", "Extend the selection"),
            ("Ctrl+A", "Select all slices"),
            ("Enter", "Propagate over the selected slices"),
            ("Esc", "End the selection, or give up a drag"),
            ("Delete", "Delete the range that was clicked"),
            ("+, -", "Zoom the strip"),
            ("Menu, Shift+F10", "All that can be done with slices and ranges"),
        )
    ),
)
"""What the mouse does, and the keys that act in one place only."""
