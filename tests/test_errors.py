"""What is said of disks and shares."""

from __future__ import annotations

import errno

import pytest

from napari_annotate_jobs.errors import StoreAccessError, access_words


@pytest.mark.parametrize(
    ("name", "short", "away"),
    [
        ("ENOSPC", "disk full", False),
        ("EDQUOT", "quota used up", False),
        ("EROFS", "disk is read-only", False),
        ("EACCES", "access denied", False),
        ("EPERM", "access denied", False),
        ("EIO", "disk reports errors", False),
        ("ENOENT", "folder not found", True),
        ("ESTALE", "share not connected", True),
        ("EHOSTDOWN", "share not connected", True),
        ("ENOTCONN", "share not connected", True),
    ],
)
def test_each_errno_has_its_words(name, short, away):
    number = getattr(errno, name)
    words = access_words(OSError(number, "whatever"))
    assert (words.short, words.away) == (short, away)
    assert words.remedy and not words.remedy.endswith(".")


def test_words_are_found_behind_our_own_errors():
    try:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise StoreAccessError("cannot be written") from error
    except StoreAccessError as error:
        assert access_words(error).short == "disk full"


def test_a_lock_that_is_not_let_go_is_no_missing_share():
    words = access_words(TimeoutError())
    assert words.short == "in use by another program"
    assert not words.away


def test_what_windows_says_of_shares():
    error = OSError(22, "The network path was not found")
    error.winerror = 53
    assert access_words(error).short == "share not connected"


def test_an_unknown_trouble_is_not_named():
    words = access_words(StoreAccessError("the share is not mounted"))
    assert (words.short, words.away) == ("", True)
