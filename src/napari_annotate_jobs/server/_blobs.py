"""Where encoded masks and exports are kept: in a folder, or in a store of objects."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from napari_annotate_jobs.errors import (
    CorruptError,
    InvalidValueError,
    MissingExtraError,
    NotFoundError,
    StoreAccessError,
)
from napari_annotate_jobs.files import (
    accessing,
    make_folders,
    read_if_there,
    settle_names,
    write_durably,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obstore.store import ObjectStore

__all__ = ["BlobShelf", "blob_name", "open_blobs", "proved"]


def blob_name(digest: str) -> str:
    """Return the name that a mask has on a shelf."""
    return f"{digest[:2]}/{digest}.png"


class BlobShelf(Protocol):
    """Keeps bytes under their SHA-256; what is there is never rewritten.

    Other files, of a name of their own, are kept beside them.
    """

    def put(self, digest: str, data: bytes) -> None:
        """Keep bytes; durable on return."""

    def get(self, digest: str) -> bytes | None:
        """Return the bytes, None if there are none.

        Raises
        ------
        CorruptError
            If they do not have this digest.
        """

    def put_file(self, name: str, path: Path) -> None:
        """Keep a file under a name, in place of what is there; durable on return."""

    def read_part(self, name: str, start: int, stop: int) -> bytes:
        """Return bytes of a file, from one place to before another.

        Raises
        ------
        NotFoundError
            If there is no such file.
        """

    def drop(self, name: str) -> None:
        """Take a file, or a mask of that :func:`blob_name`, away; it may be gone."""

    def digests(self) -> Iterator[str]:
        """Give the digest of every mask that is there."""

    def ready(self) -> None:
        """Raise StoreAccessError unless it answers."""


class _FolderShelf:
    def __init__(self, path: Path) -> None:
        self._path = path
        with accessing(path, "made"):
            path.mkdir(parents=True, exist_ok=True)

    def _file(self, digest: str) -> Path:
        return self._path / blob_name(digest)

    def put(self, digest: str, data: bytes) -> None:
        path = self._file(digest)
        if read_if_there(path) == data:
            return
        make_folders(path.parent, root=self._path)
        write_durably(path, data)

    def get(self, digest: str) -> bytes | None:
        data = read_if_there(self._file(digest))
        return None if data is None else proved(digest, data)

    def put_file(self, name: str, path: Path) -> None:
        target = self._path / name
        make_folders(target.parent, root=self._path)
        aside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        with accessing(target, "written"):
            try:
                with path.open("rb") as source, aside.open("wb") as copy:
                    shutil.copyfileobj(source, copy, 1 << 20)
                    copy.flush()
                    os.fsync(copy.fileno())
                aside.replace(target)
            finally:
                aside.unlink(missing_ok=True)
        settle_names(target.parent)

    def read_part(self, name: str, start: int, stop: int) -> bytes:
        path = self._path / name
        with accessing(path, "read"):
            try:
                with path.open("rb") as file:
                    file.seek(start)
                    return file.read(stop - start)
            except FileNotFoundError:
                raise _no_file(name) from None

    def drop(self, name: str) -> None:
        path = self._path / name
        with accessing(path, "removed"):
            path.unlink(missing_ok=True)

    def digests(self) -> Iterator[str]:
        for path in self._path.glob("[0-9a-f][0-9a-f]/*.png"):
            yield path.stem

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
            self._obstore.put(self._store, blob_name(digest), data)
        except Exception as error:
            raise self._told(error) from error

    def get(self, digest: str) -> bytes | None:
        try:
            found = self._obstore.get(self._store, blob_name(digest))
            data = bytes(found.bytes())
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self._told(error) from error
        return proved(digest, data)

    def put_file(self, name: str, path: Path) -> None:
        try:
            self._obstore.put(self._store, name, path)
        except Exception as error:
            raise self._told(error) from error

    def read_part(self, name: str, start: int, stop: int) -> bytes:
        try:
            found = self._obstore.get_range(self._store, name, start=start, end=stop)
            return bytes(found)
        except FileNotFoundError:
            raise _no_file(name) from None
        except Exception as error:
            raise self._told(error) from error

    def drop(self, name: str) -> None:
        try:
            self._obstore.delete(self._store, name)
        except FileNotFoundError:
            pass
        except Exception as error:
            raise self._told(error) from error

    def digests(self) -> Iterator[str]:
        try:
            for part in self._obstore.list(self._store):
                for each in part:
                    folder, _, name = str(each["path"]).rpartition("/")
                    if len(folder) == 2 and name.endswith(".png"):
                        yield name.removesuffix(".png")
        except Exception as error:
            raise self._told(error) from error

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


def _no_file(name: str) -> NotFoundError:
    return NotFoundError("the file is not there any more", where=name)


def proved(digest: str, data: bytes) -> bytes:
    """Return bytes that have this digest; CorruptError for others."""
    if hashlib.sha256(data).hexdigest() != digest:
        raise CorruptError(
            f"the mask {digest[:16]} is damaged",
            remedy="Restore it from a backup, or paint the slice again",
        )
    return data
