"""Names of folders."""

from __future__ import annotations

import pytest

from napari_annotate_jobs.files import folder_name, free_folder


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("CT of the lung", "CT-of-the-lung"),
        ("a/b\\c:d", "a-b-c-d"),
        (" ../.. ", ""),
        ("Füße 1.5", "Füße-1.5"),
        ("a\x1b[2Jb", "a[2Jb"),
        ("x" * 300, "x" * 80),
    ],
)
def test_a_name_becomes_one_of_a_folder(text, name):
    assert folder_name(text) == name


def test_a_folder_that_is_there_is_not_taken(tmp_path):
    assert free_folder(tmp_path, "job") == tmp_path / "job"
    (tmp_path / "job").mkdir()
    (tmp_path / "job-2").touch()
    assert free_folder(tmp_path, "job") == tmp_path / "job-3"
