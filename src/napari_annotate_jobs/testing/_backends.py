"""A PostgreSQL and an S3 store that live as long as a test, a bench or a demo."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Unavailable", "object_store", "postgres"]

_PATIENCE = 60.0
_KEYS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "us-east-1",
    "AWS_ALLOW_HTTP": "true",
}


class Unavailable(RuntimeError):
    """What is wanted is not installed on this computer."""


@contextmanager
def postgres(*, durable: bool = False) -> Iterator[str]:
    """Run a PostgreSQL that keeps nothing; give the URL of its only database.

    It listens in a folder, not on the network.

    Parameters
    ----------
    durable : bool
        Whether it waits for the disk, as one that is to be measured.

    Raises
    ------
    Unavailable
        If PostgreSQL is not installed.
    """
    import psycopg

    programs = _postgres_programs()
    with tempfile.TemporaryDirectory(prefix="naj-postgres-") as name:
        folder = Path(name)
        prefix = ["setpriv", "--pdeathsig=QUIT"] if shutil.which("setpriv") else []
        if os.geteuid() == 0:
            # It refuses to run as root.
            prefix = _as_other_user(folder)
        data = folder / "data"
        options = ("-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync")
        initdb = [f"{programs / 'initdb'}", "-D", str(data), "--locale=C", *options]
        made = subprocess.run(
            [*prefix, *initdb], cwd=folder, capture_output=True, text=True
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stdout}{made.stderr}")
        settings = [f"unix_socket_directories={folder}", "listen_addresses="]
        if not durable:
            settings += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        flags = [part for setting in settings for part in ("-c", setting)]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*prefix, programs / "postgres", "-D", data, *flags],
                cwd=folder,
                stdout=log,
                stderr=log,
            )
        try:
            where = f"user=postgres host={folder} dbname=postgres"
            end = time.monotonic() + _PATIENCE
            while True:
                try:
                    psycopg.connect(where).close()
                    break
                except psycopg.OperationalError:
                    if process.poll() is not None or time.monotonic() > end:
                        told = (folder / "log").read_text(errors="replace")
                        raise RuntimeError(
                            f"PostgreSQL did not start: {told}"
                        ) from None
                    time.sleep(0.02)
            yield f"postgresql+psycopg://postgres@/postgres?host={folder}"
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(_PATIENCE)


def _postgres_programs() -> Path:
    found = shutil.which("initdb")
    # Debian keeps them out of the way.
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    for path in [*debian[::-1], *([Path(found)] if found else [])]:
        folder = path.resolve().parent
        if (folder / "postgres").exists():
            return folder
    raise Unavailable("PostgreSQL is not installed: apt-get install postgresql")


def _as_other_user(folder: Path) -> list[str]:
    try:
        shutil.chown(folder, "postgres", "postgres")
    except LookupError:
        raise Unavailable(
            "there is no user postgres, and PostgreSQL does not run as root"
        ) from None
    if shutil.which("setpriv") is None:
        raise Unavailable("setpriv is not installed: apt-get install util-linux")
    who = ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
    return ["setpriv", *who, "--pdeathsig=QUIT"]


@contextmanager
def object_store(bucket: str = "masks") -> Iterator[tuple[str, dict[str, str]]]:
    """Run an S3 that keeps nothing; give the URL of a bucket, and its environment.

    Raises
    ------
    Unavailable
        If moto is not installed.
    """
    if find_spec("moto") is None:
        raise Unavailable("moto is not installed: pip install 'moto[server]'")
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with tempfile.TemporaryDirectory(prefix="naj-s3-") as folder:
        told = Path(folder) / "log"
        with told.open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            address = _address(process, told)
            made = httpx.put(f"{address}/{bucket}", timeout=_PATIENCE)
            made.raise_for_status()
            yield f"s3://{bucket}/job", {**_KEYS, "AWS_ENDPOINT_URL": address}
        finally:
            process.terminate()
            process.wait(_PATIENCE)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + _PATIENCE
    while True:
        told = log.read_text(errors="replace")
        found = re.search(r"http://127\.0\.0\.1:\d+", told)
        if found:
            return found[0]
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the S3 server did not start: {told}")
        time.sleep(0.05)
