"""Jobs on a server."""

from __future__ import annotations

from ._cache import ImageCache
from ._moving import Moved, pull_job, push_job
from ._store import HttpStore
from ._tokens import forget_token, keep_token, kept_token
from ._wire import Wire, log_in, server_and_job

__all__ = [
    "HttpStore",
    "ImageCache",
    "Moved",
    "Wire",
    "forget_token",
    "keep_token",
    "kept_token",
    "log_in",
    "pull_job",
    "push_job",
    "server_and_job",
]
