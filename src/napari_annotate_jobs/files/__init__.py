"""Files that may come from anybody, written so that they are whole or not there."""

from __future__ import annotations

from ._access import (
    MOST_BYTES,
    TEMPORARY,
    accessing,
    check_links,
    confine,
    is_there,
    list_folder,
    open_if_there,
    open_regular,
    read_if_there,
    require_regular,
    signature,
    touch,
)
from ._durable import (
    LEFT,
    append_durably,
    folder_time,
    make_folders,
    name_aside,
    place_new_durably,
    remove_leftovers,
    set_aside,
    settle_names,
    write_durably,
    write_many_durably,
    write_privately,
)
from ._locks import locked
from ._new_folder import folder_name, free_folder

__all__ = [
    "LEFT",
    "MOST_BYTES",
    "TEMPORARY",
    "accessing",
    "append_durably",
    "check_links",
    "confine",
    "folder_name",
    "folder_time",
    "free_folder",
    "is_there",
    "list_folder",
    "locked",
    "make_folders",
    "name_aside",
    "open_if_there",
    "open_regular",
    "place_new_durably",
    "read_if_there",
    "remove_leftovers",
    "require_regular",
    "set_aside",
    "settle_names",
    "signature",
    "touch",
    "write_durably",
    "write_many_durably",
    "write_privately",
]
