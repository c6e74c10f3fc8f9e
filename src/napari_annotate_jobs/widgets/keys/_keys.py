"""The one list of our actions, their keys, and the gestures of the mouse."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from qtpy.QtGui import QKeySequence

from napari_annotate_jobs.errors import InvalidValueError

from ._user_action import UserAction, When

if TYPE_CHECKING:
    from collections.abc import Iterable


__all__ = [
    "ACTIONS",
    "LABEL_KEYS",
    "NAPARI_KEYS",
    "OF_JOBS",
    "SHARED_WITH_NAPARI",
    "STEPPING",
    "UserAction",
    "free_keys",
    "key_text",
    "normal_key",
]

_OF_JOBS: tuple[tuple[str, str, When, str], ...] = (
    ("show_jobs", "Show My Jobs", "always", "The list of all your jobs"),
    ("make_job", "Make a new job", "always", "Of a folder of images"),
    ("open_folder", "Open a job folder", "always", "List its jobs"),
    ("add_server", "Add a job server, or log in", "always", ""),
    ("refresh_jobs", "Read the jobs again", "always", ""),
    ("person", "Work under another name", "always", ""),
    ("demo", "Add the demo jobs", "always", "Three jobs on real images"),
    ("open_job", "Open the chosen job", "chosen", ""),
    (
        "show_news",
        "List what is new in the chosen job",
        "chosen",
        "What others did since your last visit",
    ),
    ("edit_chosen", "Edit, archive or delete the chosen job", "chosen", ""),
    ("forget_job", "Take the chosen job off My Jobs", "chosen", ""),
    ("open_chosen", "Open the chosen case", "job", ""),
    ("findings", "Findings about the chosen case", "job", ""),
    ("flag_chosen", "Flag the chosen case", "job", ""),
    ("refresh_cases", "Read the cases again", "job", ""),
    ("case_pictures", "Cases as pictures, or as a list", "job", ""),
    ("list_all", "List all cases again", "job", ""),
    ("switch_review", "Review what was submitted, or annotate", "job", ""),
    ("pass_all", "Pass all waiting cases", "job", ""),
    ("export_job", "Export the annotations of the job", "job", ""),
    ("import_job", "Import annotations into the job", "job", ""),
    ("statistics_job", "Statistics of the job", "job", ""),
    ("combine_labels", "Combine labels of the job", "job", ""),
)
"""What is done with jobs: id, text, when, and tip."""

ACTIONS: tuple[UserAction, ...] = (
    UserAction(
        "nothing_to_label",
        "Nothing to Label",
        "Decide",
        "N",
        tip="There is nothing to label on this slice",
    ),
    UserAction(
        "exclude",
        "Exclude the image",
        "Decide",
        "Q",
        tip="Take this slice out of counts and export; its labels stay",
    ),
    *(
        UserAction(id_, text, "Decide", key, tip=tip)
        for id_, text, key, tip in (
            (
                "answer",
                "Next answer to what is asked here",
                "Shift+I",
                "Goes through the answers of an attribute, and at last to none",
            ),
            (
                "next_question",
                "Answer the next attribute by key",
                "Shift+M",
                "Where more than one thing is asked",
            ),
            (
                "answer_by_digit",
                "Answer what is asked here by digits",
                "Alt+Shift+I",
                "1 is the first answer, 0 none; up and down change the attribute",
            ),
        )
    ),
    UserAction(
        "propagate",
        "Propagate over slices",
        "Decide",
        "Alt+R",
        when="edit slices",
        tip="Apply what this slice says to a range of slices",
    ),
    *(
        UserAction(id_, text, "Decide", key, when="proposals", tip=tip)
        for id_, text, key, tip in (
            (
                "confirm",
                "Confirm proposals",
                "Alt+Y",
                "Confirm what is proposed here, or on the selected slices",
            ),
            (
                "reject",
                "Reject proposals",
                "Alt+X",
                "Drop what is proposed here, or on the selected slices",
            ),
            (
                "confirm_all",
                "Confirm all proposals",
                "Alt+Shift+Y",
                "Confirm every proposal of the case",
            ),
            (
                "reject_all",
                "Reject all proposals",
                "Alt+Shift+X",
                "Drop every proposal of the case",
            ),
        )
    ),
    UserAction(
        "copy", "Copy what the slice holds", "Decide", "Ctrl+Alt+C", when="case"
    ),
    UserAction(
        "copy_one",
        "Copy the box at hand, or the chosen label here",
        "Decide",
        "Ctrl+Alt+B",
        when="case",
    ),
    UserAction("paste", "Paste it to this slice", "Decide", "Ctrl+Alt+V"),
    UserAction(
        "protect",
        "Protect the chosen label, or not",
        "Decide",
        "Alt+U",
        tip="Nothing changes what is drawn of the label while its lock is shut",
    ),
    UserAction("undo", "Undo", "Decide", "Ctrl+Z"),
    UserAction("redo", "Redo", "Decide", "Ctrl+Shift+Z"),
    UserAction(
        "interpolate",
        "Interpolate between key slices",
        "Masks",
        "Alt+I",
        when="edit slices",
        tip="Propose masks between the slices you painted, in the whole case or the "
        "selected slices",
    ),
    UserAction(
        "follow",
        "Follow the image both ways",
        "Masks",
        "Alt+G",
        when="edit slices",
        tip="Propose what you painted here on the slices beside, as far as the image "
        "shows it",
    ),
    UserAction(
        "follow_back",
        "Follow the image to earlier slices",
        "Masks",
        "Alt+,",
        when="edit slices",
    ),
    UserAction(
        "follow_on",
        "Follow the image to later slices",
        "Masks",
        "Alt+.",
        when="edit slices",
    ),
    *(
        UserAction(id_, text, "Masks", key, tip=tip)
        for id_, text, key, tip in (
            (
                "trace",
                "Trace and fill",
                "Shift+J",
                "Outline an object: at the end of the drag the outline closes and is "
                "filled; with Shift held, it is erased",
            ),
            (
                "paint_range",
                "Paint within a range of values",
                "Shift+W",
                "The brush leaves pixels alone whose values are outside of the range",
            ),
            (
                "erase_chosen",
                "Erase the chosen label only",
                "Shift+E",
                "The eraser leaves all other labels alone",
            ),
        )
    ),
    UserAction(
        "smart_fill",
        "Smart fill",
        "Masks",
        "Alt+M",
        tip="Fill by threshold or from a pixel; smooth, clean, grow what is painted",
    ),
    UserAction(
        "confirm_object",
        "Confirm all boxes of the object",
        "Boxes",
        "Alt+O",
        when="object",
        tip="Confirm all proposed boxes of this object",
    ),
    UserAction("confirm_box", "Confirm the box", "Boxes", "Alt+B", when="object"),
    UserAction(
        "extend_object",
        "Extend the object to here",
        "Boxes",
        "Alt+E",
        when="object",
        tip="Carry the object on: to the slices selected on the strip, else to this "
        "one",
    ),
    UserAction(
        "object_leaves",
        "The object ends here",
        "Boxes",
        "Alt+Q",
        when="object",
        tip="The object is out of sight from this slice to its next confirmed box",
    ),
    UserAction(
        "cut_object",
        "Cut the object here",
        "Boxes",
        "Alt+K",
        when="object",
        tip="A second object begins on this slice",
    ),
    UserAction(
        "join_object", "Join with the likeliest object", "Boxes", "Alt+J", when="object"
    ),
    UserAction(
        "separate_box", "Make the box an object", "Boxes", "Alt+Shift+J", when="object"
    ),
    UserAction(
        "delete_object",
        "Delete the object",
        "Boxes",
        "Shift+Del",
        when="object",
        tip="Delete the object with all its boxes",
    ),
    *(
        UserAction(id_, text, "Go", key, steps=True, when="slices")
        for id_, text, key in (
            ("next_undecided", "Next undecided slice", "U"),
            ("previous_undecided", "Previous undecided slice", "Shift+U"),
            ("next_change", "Next change", "Alt+Right"),
            ("previous_change", "Previous change", "Alt+Left"),
            ("next_proposal", "Next proposal", "Alt+Shift+Right"),
            ("previous_proposal", "Previous proposal", "Alt+Shift+Left"),
        )
    ),
    UserAction("play", "Play the stack, or stop", "Go", "Space", when="slices"),
    UserAction(
        "submit",
        "Submit the case",
        "Case",
        "Shift+Return",
        tip="Hand this case in; it is then locked",
    ),
    UserAction(
        "nothing_submit_next",
        "Nothing to Label, submit, next case",
        "Case",
        "Alt+N",
    ),
    UserAction(
        "next_case",
        "Next case, without submitting",
        "Case",
        "Shift+PgDown",
        when="case",
        tip="Next case; the draft is kept",
    ),
    UserAction(
        "previous_case",
        "Previous case, without submitting",
        "Case",
        "Shift+PgUp",
        when="case",
        tip="Previous case; this one is kept as a draft",
    ),
    UserAction(
        "take_back",
        "Take the submission back",
        "Case",
        when="submitted",
        tip="Take this submission back, to edit the case again; until a reviewer "
        "answers it",
    ),
    UserAction("comment", "Write a comment", "Case", when="case"),
    UserAction("case_nothing", "Nothing in the whole case", "Case"),
    UserAction("save_again", "Save what is not saved yet", "Case", when="case"),
    UserAction(
        "other_layers", "Layers of other cases: hide or show", "Case", when="case"
    ),
    UserAction(
        "flag",
        "Flag the case, or take the flag away",
        "Case",
        "Shift+G",
        when="case",
        tip="Have others look at this case: it goes to its reviewer and owner, with a "
        "reason",
    ),
    UserAction("open_first", "Open the first case to do", "Case", when="job"),
    UserAction("list_cases", "Show the list of cases", "Case", when="job"),
    UserAction(
        "edit_job",
        "Edit, archive or delete the job",
        "Case",
        when="job",
        tip="For its owners: dates, cases, labels; archive or delete it",
    ),
    UserAction(
        "pass_case",
        "Pass the case",
        "Review",
        "Shift+K",
        when="case",
        tip="Fit for training; then the next waiting case opens",
    ),
    UserAction(
        "fail_case",
        "Fail the case: the reason is asked for",
        "Review",
        "Shift+F",
        when="case",
        tip="Kept out of every export; a reason is needed",
    ),
    UserAction(
        "return_case",
        "Return the case to its annotator",
        "Review",
        "Shift+R",
        when="case",
        tip="Back to its annotator; a comment is needed",
    ),
    UserAction(
        "correct_case",
        "Correct a copy of the case, or go back",
        "Review",
        "Shift+C",
        when="case",
        tip="Edit a copy, and pass that; what was submitted stays",
    ),
    UserAction(
        "side_by_side",
        "Two readings side by side, or one",
        "Review",
        "Shift+S",
        when="case",
    ),
    UserAction(
        "compare", "What changed, or hide that", "Review", "Shift+D", when="case"
    ),
    UserAction(
        "next_thread", "Next open thread", "Review", "Shift+T", steps=True, when="case"
    ),
    UserAction(
        "resolve_thread",
        "Resolve the thread, and go to the next",
        "Review",
        "Shift+N",
        when="case",
    ),
    UserAction(
        "preset_1",
        "Window: the image's own",
        "Window",
        "Shift+1",
        when="case",
        tip="The window the image opens with",
    ),
    *(
        UserAction(f"preset_{n}", f"Window: preset {n}", "Window", key, when="case")
        for n, key in ((n, f"Shift+{n}") for n in range(2, 8))
    ),
    UserAction("invert", "Invert the image, or not", "Window", when="case"),
    UserAction("reset_window", "Window: as it was at first", "Window", when="case"),
    UserAction("zoom_tool", "Zoom tool: slide to zoom", "Window", "Alt+Z", when="case"),
    UserAction(
        "zoom_full",
        "Zoom: 100 %",
        "Window",
        "Ctrl+1",
        when="case",
        tip="One pixel of the image on one of the screen",
    ),
    UserAction("zoom_fit", "Zoom: fit the image", "Window", when="case"),
    UserAction(
        "navigator",
        "Navigator: which part of the image is seen",
        "Window",
        when="case",
    ),
    UserAction(
        "peek",
        "Hide the annotation, or show it",
        "Window",
        "Shift+X",
        when="case",
        tip="Hide the annotation, or show it; held down, as long as the key is",
    ),
    UserAction(
        "letters",
        "Sides of the patient: R L A P H F",
        "Window",
        "Shift+O",
        when="case",
        tip="Show or hide which side of the patient is where",
    ),
    UserAction(
        "scale_bar",
        "Scale bar",
        "Window",
        "Shift+B",
        when="case",
        tip="Show or hide the scale bar in mm",
    ),
    UserAction(
        "hair_lines",
        "Lines through the pointer while boxes are drawn",
        "Window",
        when="case",
    ),
    UserAction(
        "room",
        "Room for the image",
        "Window",
        "Shift+H",
        when="case",
        tip="Take napari's layer list and controls away, or bring them back",
    ),
    UserAction(
        "slices", "Close the strip of slices, or show it again", "Window", when="case"
    ),
    UserAction(
        "three_planes",
        "Three planes, or one",
        "Window",
        "Alt+Shift+P",
        when="slices",
        tip="Show the other two planes beside this one, or take them away",
    ),
    UserAction(
        "cross_here",
        "Let the planes cross at the mouse",
        "Window",
        "Alt+Shift+H",
        when="slices",
    ),
    *(UserAction(id_, text, "Jobs", when=w, tip=tip) for id_, text, w, tip in _OF_JOBS),
    *(
        UserAction(id_, text, "Measure", key, when="case", tip=tip)
        for id_, text, key, tip in (
            (
                "ruler",
                "Ruler",
                "Alt+Shift+R",
                "Drag in the image to measure a length; Esc ends it",
            ),
            (
                "region",
                "Measure a region",
                "Alt+Shift+A",
                "Drag in the image: area, mean and SD of an ellipse; Esc ends it",
            ),
            (
                "pin_measure",
                "Keep the last measure as a comment",
                "Alt+Shift+K",
                "Write what it measures where it lies; nothing else of it is saved",
            ),
            (
                "clear_measures",
                "Take all measures away",
                "",
                "Take lines and regions off the image",
            ),
            (
                "label_numbers",
                "Volume and mean of each label, or none",
                "Alt+Shift+V",
                "Show in the list of labels how much is painted, and its mean value",
            ),
        )
    ),
    UserAction("help", "Keys and mouse", "Help", "F1", when="always"),
)
"""Everything of ours that can have a key, except the labels of the job."""

STEPPING = frozenset(action.id for action in ACTIONS if action.steps)
"""Actions that go on while their key is held down."""

OF_JOBS = frozenset(a.id for a in ACTIONS if a.when in ("always", "chosen", "job"))
"""Actions that need no open case."""

LABEL_KEYS: tuple[str, ...] = (
    *"GHJKW890",
    *(f"Alt+{digit}" for digit in range(1, 10)),
)
"""Keys given to labels that bring none of their own, in this order."""

SHARED_WITH_NAPARI: frozenset[str] = frozenset({"undo", "redo", "play"})
"""Actions that share their default key with napari, on purpose.

Undo and redo mean the same there, and one press does one of the two. The stack
plays on a press of Space only while napari has no use for it.
"""

NAPARI_KEYS: frozenset[str] = frozenset(
    [
        *"ABCDEFILMOPRSTVXYZ1234567",
        *("-", "=", "[", "]", "Space", "Return", "Esc", "Del", "Backspace"),
        *("Left", "Right", "Tab"),
        *("Shift+A", "Shift+L", "Shift+P", "Shift+V"),
        *("Alt+Up", "Alt+Down", "Alt+Shift+Up", "Alt+Shift+Down"),
        *("Alt+C", "Alt+S", "Alt+T", "Alt+Shift+C", "Alt+Shift+S", "Alt+Shift+T"),
        *("Alt+D", "Alt+F", "Alt+H", "Alt+L", "Alt+P", "Alt+V", "Alt+W"),  # menus
        *(f"Ctrl+{key}" for key in "ACEGMNOQRSTUVWYZ0=-,/"),
        *("Ctrl+Up", "Ctrl+Down", "Ctrl+Del", "Ctrl+Backspace", "Ctrl+F11"),
        *(f"Ctrl+Shift+{key}" for key in "COPTZ"),
        *(f"Ctrl+Alt+{key}" for key in "OPST/"),
    ]
)
"""Keys of napari 0.9's layers, viewer and menus, which stay napari's."""


@lru_cache(maxsize=512)
def normal_key(text: str) -> str:
    """Write a key in Qt's portable notation, the main Enter key as ``Return``.

    Raises
    ------
    InvalidValueError
        If it is not one key, with or without Ctrl, Alt, Shift and Meta.
    """
    parts = [part.strip() for part in text.strip().split("+")]
    if parts and parts[-1].casefold() == "enter":
        parts[-1] = "Return"
    sequence = QKeySequence("+".join(parts))
    normal = sequence.toString(QKeySequence.SequenceFormat.PortableText)
    # Qt takes "Foo" for an unknown key with an empty name.
    bare = normal in {"Shift", "Ctrl", "Control", "Alt", "Meta", "AltGr"}
    if sequence.count() != 1 or not normal or normal.endswith("+ ") or bare:
        raise InvalidValueError(
            f"{text!r} is not a key",
            remedy="Write it as G, Shift+G, Alt+Right or F1",
        )
    return normal


def key_text(key: str) -> str:
    """Write a key as people know it, as ``Shift+Enter``; empty for no key."""
    words = {"Return": "Enter", "PgUp": "Page Up", "PgDown": "Page Down"}
    if not key:
        return ""
    *modifiers, last = [key] if key == "+" else key.split("+")
    return "+".join([*modifiers, words.get(last, last)])


def free_keys(taken: Iterable[str]) -> list[str]:
    """Return keys for actions that neither napari nor `taken` has, simple ones first.

    Parameters
    ----------
    taken : iterable of str
        Keys of actions and labels, in Qt's portable notation.
    """
    letters = "GHJKUWNQ"
    keys = [*letters, "8", "9", "0"]
    keys += [f"{held}+{letter}" for held in ("Shift", "Alt") for letter in letters]
    gone = NAPARI_KEYS.union(taken)
    return [key for key in keys if key not in gone]
