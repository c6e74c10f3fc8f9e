"""Where encoded masks are kept: in a folder, or in a store of objects."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from napari_annotate_jobs.errors import (
    CorruptError,
    InvalidValueError,
    MissingExtraError,
    StoreAccessError,
)
from napari_annotate_jobs.files import (
    accessing,
    make_folders,
    read_if_there,
    write_durably,
)

if TYPE_CHECKING:
    from obstore.store import ObjectStore

__all__ = ["BlobShelf", "open_blobs"]


class BlobShelf(Protocol):
    """Keeps bytes under their SHA-256; what is there is never rewritten."""

    def put(self, digest: str, data: bytes) -> None:
        """Keep bytes; durable on return."""

    def get(self, digest: str) -> bytes | None:
        """Return the bytes, None if there are none.

        Raises
        ------
        CorruptError
            If they do not have this digest.
        """

    def ready(self) -> None:
        """Raise StoreAccessError unless it answers."""


class _FolderShelf:
    def __init__(self, path: Path) -> None:
        self._path = path
        with accessing(path, "made"):
            path.mkdir(parents=True, exist_ok=True)

    def _file(self, digest: str) -> Path:
        return self._path / digest[:2] / f"{digest}.png"

    def put(self, digest: str, data: bytes) -> None:
        path = self._file(digest)
        if read_if_there(path) == data:
            return
        make_folders(path.parent, root=self._path)
        write_durably(path, data)

    def get(self, digest: str) -> bytes | None:
        data = read_if_there(self._file(digest))
        return None if data is None else _proved(digest, data)

    def ready(self) -> None:
        if not self._path.is_dir():
            raise StoreAccessError("the folder of masks is away", where=self._path)


class _ObjectShelf:
    def __init__(self, url: str) -> None:
        try:
            import obstore
            from obstore.store import from_url
        except ImportError as error:
            raise MissingExtraError(
                "obstore", extra="server", purpose=f"keeping masks in {url}"
            ) from error
        self._obstore = obstore
        self._url = url
        try:
            self._store: ObjectStore = from_url(url)
        except Exception as error:
            raise InvalidValueError(
                f"the URL of the masks cannot be used ({str(error)[:200]})",
                where=url,
                remedy="Use a folder, s3://BUCKET/PREFIX, gs:// or az://; keys and "
                "endpoint come from the environment, as AWS_ACCESS_KEY_ID and "
                "AWS_ENDPOINT_URL",
            ) from error

    def _told(self, error: Exception) -> StoreAccessError:
        return StoreAccessError(
            f"the store of masks does not answer ({type(error).__name__})",
            where=self._url,
            remedy="Try again in a moment; the owner of the server sees to it",
        )

    def put(self, digest: str, data: bytes) -> None:
        try:
            self._obstore.put(self._store, f"{digest[:2]}/{digest}.png", data)
        except Exception as error:
            raise self._told(error) from error

    def get(self, digest: str) -> bytes | None:
        try:
            found = self._obstore.get(self._store, f"{digest[:2]}/{digest}.png")
            data = bytes(found.bytes())
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self._told(error) from error
        return _proved(digest, data)

    def ready(self) -> None:
        try:
            self._obstore.list_with_delimiter(self._store, "ready")
        except Exception as error:
            raise self._told(error) from error


def open_blobs(where: str | Path) -> BlobShelf:
    """Return the shelf that a path or a URL means.

    Raises
    ------
    InvalidValueError
        If it is no such URL.
    """
    if "://" in str(where):
        return _ObjectShelf(str(where))
    return _FolderShelf(Path(where))


def _proved(digest: str, data: bytes) -> bytes:
    if hashlib.sha256(data).hexdigest() != digest:
        raise CorruptError(
            f"the mask {digest[:16]} is damaged",
            remedy="Restore it from a backup, or paint the slice again",
        )
    return data
