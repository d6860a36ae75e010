"""Fetching, against a server on this machine that misbehaves on purpose."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ranat.corpora import fetch, fetching
from ranat.errors import UsageError, UserError

BODY = b"".join(i.to_bytes(4) for i in range(1 << 16))  # no part of it equals another
PATH = "owner/repo/abc/a%20folder/train.tsv"


class Server(ThreadingHTTPServer):
    """Serves BODY; each request is answered as the next of `moods` says, the last of them for good."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.moods = ["well"]
        self.requests: list[tuple[str, str | None]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        moods = self.server.moods
        mood = moods.pop(0) if len(moods) > 1 else moods[0]
        asked = self.headers.get("Range")
        self.server.requests.append((self.path, asked))
        if mood.isdigit():
            self.send_error(int(mood))
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and mood != "ignores Range" else 0
        body = {"wrong bytes": b"x" * len(BODY), "too short": BODY[:100], "too long": BODY + b"more"}.get(mood, BODY)
        body = body[start:]
        length = {"says more": len(body) + 50, "says less": len(body) // 2}.get(mood, len(body))
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(length))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{start + len(body) - 1}/{len(BODY)}")
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if mood in ("breaks off", "says less") else body)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    def pins(corpus: str, address: str) -> list[fetching.Pin]:
        digest = hashlib.sha256(BODY).hexdigest()
        return [fetching.Pin(f"{address}/{PATH}", "IOB/train.tsv", len(BODY), digest)]

    monkeypatch.setattr(fetching, "pins", pins)
    monkeypatch.setattr(fetching, "_WAITS", (0, 0, 0, 0))
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_file_is_fetched_once(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    (first,) = fetch("bc2gm/original", tmp_path, lambda *told: seen.append(told), address=server.address)
    assert first == (tmp_path / "IOB" / "train.tsv", False)
    assert first.path.read_bytes() == BODY
    assert left(tmp_path) == ["train.tsv"]
    assert seen[-1] == ("IOB/train.tsv", len(BODY), len(BODY))
    assert [done for _, done, _ in seen] == sorted({done for _, done, _ in seen})
    assert fetch("bc2gm", tmp_path, address=server.address) == [(first.path, True)]
    assert server.requests == [(f"/{PATH}", None)]


def test_a_file_that_is_there_but_wrong_is_replaced(server: Server, tmp_path: Path) -> None:
    (tmp_path / "IOB").mkdir()
    (tmp_path / "IOB" / "train.tsv").write_bytes(BODY[:-1])
    ((path, already),) = fetch("bc2gm", tmp_path, address=server.address)
    assert (path.read_bytes(), already) == (BODY, False)


@pytest.mark.parametrize("mood", ["breaks off", "says less", "503", "429"])
def test_another_try_goes_on_where_one_broke_off(server: Server, tmp_path: Path, mood: str) -> None:
    server.moods = [mood, mood, "well"]
    ((path, _),) = fetch("bc2gm", tmp_path, address=server.address)
    assert path.read_bytes() == BODY
    assert left(tmp_path) == ["train.tsv"]
    half, three_quarters = len(BODY) // 2, len(BODY) * 3 // 4
    expected = [None, None, None] if mood.isdigit() else [None, f"bytes={half}-", f"bytes={three_quarters}-"]
    assert [asked for _, asked in server.requests] == expected


@pytest.mark.parametrize("mood", ["ignores Range", "says more", "too long"])
def test_a_server_may_be_odd_if_the_bytes_are_right(server: Server, tmp_path: Path, mood: str) -> None:
    server.moods = ["breaks off", mood]
    ((path, _),) = fetch("bc2gm", tmp_path, address=server.address)
    assert path.read_bytes() == BODY
    assert len(server.requests) == 2


def test_a_range_that_the_server_cannot_give_starts_again(server: Server, tmp_path: Path) -> None:
    server.moods = ["breaks off", "416", "well"]
    ((path, _),) = fetch("bc2gm", tmp_path, address=server.address)
    assert path.read_bytes() == BODY
    assert [asked for _, asked in server.requests] == [None, f"bytes={len(BODY) // 2}-", None]


def test_a_part_of_an_earlier_run_is_gone_on_with(server: Server, tmp_path: Path) -> None:
    server.moods = ["breaks off", "503"]
    with pytest.raises(UserError, match=r"failed 5 times: .*503.*it goes on from there"):
        fetch("bc2gm", tmp_path, address=server.address)
    assert left(tmp_path) == ["train.tsv.part"]
    server.moods = ["well"]
    server.requests.clear()
    fetch("bc2gm", tmp_path, address=server.address)
    assert server.requests == [(f"/{PATH}", f"bytes={len(BODY) // 2}-")]
    assert left(tmp_path) == ["train.tsv"]


@pytest.mark.parametrize("part", [b"wrong", b"x" * len(BODY), BODY + b"more"])
def test_a_wrong_part_does_not_stay_in_the_way(server: Server, tmp_path: Path, part: bytes) -> None:
    (tmp_path / "IOB").mkdir()
    (tmp_path / "IOB" / "train.tsv.part").write_bytes(part)
    ((path, _),) = fetch("bc2gm", tmp_path, address=server.address)
    assert path.read_bytes() == BODY
    assert left(tmp_path) == ["train.tsv"]


def test_wrong_bytes_are_never_put_in_place(server: Server, tmp_path: Path) -> None:
    server.moods = ["wrong bytes"]
    with pytest.raises(UserError, match="not the published ones"):
        fetch("bc2gm", tmp_path, address=server.address)
    assert left(tmp_path) == []
    assert len(server.requests) == 1


@pytest.mark.parametrize("mood", ["too short", "breaks off"])
def test_a_file_that_never_becomes_whole_is_never_put_in_place(server: Server, tmp_path: Path, mood: str) -> None:
    server.moods = [mood]
    with pytest.raises(UserError, match=r"failed 5 times"):
        fetch("bc2gm", tmp_path, address=server.address)
    assert "train.tsv" not in left(tmp_path)
    assert len(server.requests) == 5


def test_a_file_that_is_gone(server: Server, tmp_path: Path) -> None:
    server.moods = ["404"]
    with pytest.raises(UserError, match="the server answers 404"):
        fetch("bc2gm", tmp_path, address=server.address)
    assert len(server.requests) == 1


def test_no_server(tmp_path: Path, server: Server) -> None:
    with pytest.raises(UserError, match=r"failed 5 times: .*refused.*check the network"):
        fetch("bc2gm", tmp_path, address="http://127.0.0.1:9")


def test_a_full_disk(server: Server, tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full")
    (tmp_path / "IOB").mkdir()
    (tmp_path / "IOB" / "train.tsv.part").symlink_to(full)
    with pytest.raises(UserError, match="cannot write: No space left on device"):
        fetch("bc2gm", tmp_path, address=server.address)


def test_a_folder_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "IOB").write_text("a file where a folder must be")
    with pytest.raises(UserError, match=r"cannot write: .*--data DIR"):
        fetch("bc2gm", tmp_path, address=server.address)


def test_what_is_pinned() -> None:
    pinned = {pin for name in ("bc5-chem", "bc5-disease", "bc2gm", "ncbi-disease") for pin in fetching.pins(name)}
    assert len({pin.path for pin in pinned}) == len({pin.url for pin in pinned}) == len(pinned) == 30
    assert all(pin.url.startswith("https://raw.githubusercontent.com/") for pin in pinned)
    assert {pin for pin in fetching.pins("bc5-chem") if pin.path.startswith("bc5cdr/")} == {*fetching.pins("bc5-cid")}
    assert all(len(pin.sha256) == 64 and pin.size > 0 for pin in pinned)


def test_pinned_files_are_those_of_the_corpora(data_dir: Path) -> None:
    for name in ("bc5-chem", "bc5-disease", "bc5-cid", "bc2gm", "ncbi-disease"):
        assert all(fetched.already for fetched in fetch(name, data_dir, address="http://127.0.0.1:9"))


def test_a_corpus_that_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'bc2gm'"):
        fetch("bc2gn", tmp_path)


def test_the_demo_needs_no_fetching(tmp_path: Path) -> None:
    assert fetch("demo", tmp_path) == []
