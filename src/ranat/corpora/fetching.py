"""Fetch a corpus from its official address: pinned bytes, broken downloads go on, only whole files are put in place."""

from __future__ import annotations

import hashlib
import http.client
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import yaml

from ranat.corpora.loading import CORPORA, base, data_folder
from ranat.errors import UserError

ADDRESS = "https://raw.githubusercontent.com"
_WAITS = (1, 2, 4, 8)
"""Seconds before each further try."""
_TIMEOUT = 30
_CHUNK = 1 << 16

Progress = Callable[[str, int, int], None]
"""Called with a file's path under the data folder, the bytes there and the bytes in all."""


class Pin(NamedTuple):
    """A file as its source published it."""

    url: str
    path: str
    size: int
    sha256: str


class Fetched(NamedTuple):
    """A file that is in place; `already` if it was before."""

    path: Path
    already: bool


class _BrokenOffError(Exception):
    """The connection ended early; another try may go on from there."""


def fetch(
    name: str, data: Path | str | None = None, progress: Progress | None = None, *, address: str = ADDRESS
) -> list[Fetched]:
    """Put the files of a corpus, all its forms that can be fetched, under the data folder.

    Args:
        name: a corpus; of "bc2gm/original" too, all of bc2gm is fetched.
        data: the folder of corpora; see `data_folder`.
        progress: is told how far each file is.
        address: where repositories are served from.
    Raises:
        UserError: a file cannot be downloaded or written, or is not the published one.
        UsageError: there is no such corpus.
    """
    CORPORA.get(name)
    folder = data_folder(data)
    fetched = []
    for pin in pins(base(name), address):
        target = folder / pin.path
        with _writing(target):
            already = target.is_file() and _sha256(target) == pin.sha256
            target.parent.mkdir(parents=True, exist_ok=True)
        if not already:
            _fetch(pin, target, progress or (lambda path, done, total: None))
        fetched.append(Fetched(target, already))
    return fetched


def pins(corpus: str, address: str = ADDRESS) -> list[Pin]:
    """The files of a corpus; none for one that comes with the package."""
    text = (resources.files("ranat.corpora") / "data" / "pinned.yaml").read_text(encoding="utf-8")
    return [
        Pin(
            f"{address}/{source['repository']}/{source['commit']}/{urllib.parse.quote(file['from'])}",
            file["to"],
            file["bytes"],
            file["sha256"],
        )
        for source in yaml.safe_load(text)
        for file in source["files"]
        if corpus in file["corpora"]
    ]


def _fetch(pin: Pin, target: Path, progress: Progress) -> None:
    part = target.with_name(f"{target.name}.part")
    problem = ""
    for wait in (0, *_WAITS):
        time.sleep(wait)
        resumed = part.exists()
        try:
            _download(pin, part, progress)
        except _BrokenOffError as error:
            problem = str(error)
            continue
        with _writing(part):
            if _sha256(part) == pin.sha256:
                os.replace(part, target)
                return
            part.unlink()
        problem = "the bytes are not the published ones"
        if not resumed:  # else what was there before may have been wrong, and a whole download can be right
            raise UserError(problem, where=pin.url, remedy="try again, or another network")
    remedy = "run it again: it goes on from there" if part.exists() else "check the network and run it again"
    raise UserError(f"the download failed {len(_WAITS) + 1} times: {problem}", where=pin.url, remedy=remedy)


def _download(pin: Pin, part: Path, progress: Progress) -> None:
    """Bring the part to the pinned size, going on from what is there if the server can.

    Neither the status nor the length that a server states is trusted: the pinned size and hash decide.
    """
    with _writing(part):
        done = part.stat().st_size if part.exists() else 0
    if done < pin.size:
        headers = {"User-Agent": "ranat", **({"Range": f"bytes={done}-"} if done else {})}
        with _network(pin.url, part):
            request = urllib.request.Request(pin.url, headers=headers)  # noqa: S310  (ours or the caller's address)
            response = urllib.request.urlopen(request, timeout=_TIMEOUT)  # noqa: S310  (as above)
        with response:
            if response.status != 206 or not response.headers.get("Content-Range", "").startswith(f"bytes {done}-"):
                done = 0
            with _writing(part), part.open("ab" if done else "wb") as file:
                while done < pin.size:
                    with _network(pin.url, part):
                        chunk = response.read(min(_CHUNK, pin.size - done))
                    if not chunk:
                        raise _BrokenOffError(f"it ended after {done} of {pin.size} bytes")
                    file.write(chunk)
                    done += len(chunk)
                    progress(pin.path, done, pin.size)
                file.flush()
                os.fsync(file.fileno())


@contextmanager
def _network(url: str, part: Path) -> Iterator[None]:
    """Tell what another try may mend from what it cannot."""
    try:
        yield
    except urllib.error.HTTPError as error:
        if error.code == 416:  # more is there than the server has: start again
            part.unlink(missing_ok=True)
        elif error.code < 500 and error.code != 429:
            remedy = "see whether it has moved"
            raise UserError(f"the server answers {error.code} {error.reason}", where=url, remedy=remedy) from None
        raise _BrokenOffError(f"the server answers {error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenOffError(str(error) or type(error).__name__) from None


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into an error of the user's, apart from what the network does."""
    try:
        yield
    except OSError as error:
        remedy = "free some space or name another folder with --data DIR"
        raise UserError(f"cannot write: {error.strerror or error}", where=str(path), remedy=remedy) from None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
