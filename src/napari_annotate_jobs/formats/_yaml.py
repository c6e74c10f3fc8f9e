"""YAML that may come from anybody."""

from __future__ import annotations

from typing import Any

import yaml

__all__ = ["load_yaml"]


class _Plain(yaml.SafeLoader):
    """Takes no list or mapping a second time.

    Lists of the same list nine times over, in lists of nine, are a few lines that no
    memory holds when they are looked through.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            node = self.anchors.get(event.anchor)
            if node is None or not isinstance(node, yaml.ScalarNode):
                raise yaml.composer.ComposerError(
                    None, None, "a list is written once", event.start_mark
                )
        return super().compose_node(parent, index)


def load_yaml(text: str) -> Any:
    """Return what YAML says, as plain values.

    Raises
    ------
    yaml.YAMLError
        If it is none, or names a list or mapping by an alias.
    RecursionError
        If it holds lists in lists in lists.
    """
    return yaml.load(text, _Plain)
