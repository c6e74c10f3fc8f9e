"""docs/images.md says what the reader does."""

from __future__ import annotations

import re
from pathlib import Path

import napari_annotate_jobs.imaging as imaging

_ROOT = Path(__file__).parents[2]
_TEXT = (_ROOT / "docs" / "images.md").read_text(encoding="utf-8")


def test_every_warning_is_explained() -> None:
    given = set()
    for path in Path(imaging.__file__).parent.rglob("*.py"):
        given |= set(
            re.findall(r'ImageWarning\(\s*"([a-z-]+)"', path.read_text("utf-8"))
        )
    explained = set(re.findall(r"^\| `([a-z]+-[a-z-]+|duplicates)` \|", _TEXT, re.M))
    assert given == explained


def test_the_example_runs(samples: dict[str, Path]) -> None:
    block = re.search(r"```python\n(.*?)```", _TEXT, re.S)
    assert block is not None
    names: dict[str, object] = {}
    exec(block[1].replace('"study"', repr(str(samples["mr-brain"]))), names)
    assert isinstance(names["volume"], imaging.Volume)
