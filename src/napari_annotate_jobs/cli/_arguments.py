"""Arguments as many verbs take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

__all__ = ["add_names", "add_switch"]


def add_switch(verb: argparse._ActionsContainer, name: str, text: str) -> None:
    """Add an argument that is given or not, and takes nothing."""
    verb.add_argument(name, action="store_true", help=text)


def add_names(
    verb: argparse._ActionsContainer, name: str, metavar: str, text: str
) -> None:
    """Add an argument that takes one or several of something; none by default."""
    verb.add_argument(name, nargs="+", default=[], metavar=metavar, help=text)
