"""What the tests of editing share: a project, and a case that is edited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from editing_kit import Kit

if TYPE_CHECKING:
    from napari_annotate_jobs.editing import CaseEditor


@pytest.fixture
def kit() -> type[Kit]:
    return Kit


@pytest.fixture
def editor(kit: type[Kit]) -> CaseEditor:
    return kit.editor()
