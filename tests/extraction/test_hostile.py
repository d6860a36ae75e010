"""What was made to break a program is a line in errors.jsonl, or a document like any other."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from contents import contents
from ranat.extraction.job import Job
from ranat.extraction.run import extract_to
from ranat.extraction.verify import verify
from ranat.formats import WRITERS, read

BOMB = (
    '<?xml version="1.0"?><!DOCTYPE collection [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {after} "{f"&{entity};" * 10}">' for entity, after in pairwise("abcdefghij"))
    + "]><collection><document><id>&j;</id></document></collection>"
)
EXTERNAL = (
    '<?xml version="1.0"?><!DOCTYPE PubmedArticleSet [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    "<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>1</PMID><Article><ArticleTitle>&x;</ArticleTitle>"
    "</Article></MedlineCitation></PubmedArticle></PubmedArticleSet>"
)
MILLIONS = 5_000_000
UNREADABLE = {
    "bomb.xml": BOMB.encode(),
    "external.xml": EXTERNAL.encode(),
    "nested.xml": b"<collection>" + b"<document>" * 10_000,
    "nested.json": b'{"documents": ' + b"[" * 100_000,
    "nested.jsonl": b'{"id": "1", "text": ' + b"[" * 100_000,
    "long.txt": b"x" * MILLIONS,
    "long.jsonl": b'{"id": "long", "text": "' + b"x " * MILLIONS + b'"}',
    "half.jsonl": b'{"id": "half", "text": "\\ud800"}',
    "bytes.txt": b"\xc3\x28",
    "past.pubtator": b"9|t|Short\n9\t0\t99\tShort\tX\t\n",
    "cut.jsonl.gz": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03broken",
    "empty.jsonl": b"",
    "what.bin": bytes(range(256)) * 10,
}
IDS = ("a/b", "../../up", "/root", "a\\b", "..", "CON", "x" * 300, "é\u202e", "nul\0nul", "a", "A", "<script>", "1|t|")


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    folder = tmp_path / "hostile"
    folder.mkdir()
    for name, data in UNREADABLE.items():
        (folder / name).write_bytes(data)
    with zipfile.ZipFile(folder / "climbs.zip", "w") as archive:
        archive.writestr("../../up.txt", "text")
    texts = [
        *(("id", f"Cisplatin helps {n}.") for n in range(2)),
        *((id, "BRCA1 mutations, in 12 patients.") for id in IDS),
    ]
    odd = (
        "\0",
        "\u202eleft\u202c",
        "a\rb\r\nc\x85d\u2028e",
        "\ufeff",
        "",
        " \t\n",
        "<b>&amp;</b>",
        "-DOCSTART-",
        "a\x1bb",
    )
    texts += [(f"odd{number}", f"{text}BRCA1{text}") for number, text in enumerate(odd)] + [("nothing", "")]
    lines = (json.dumps({"id": id, "text": text}) + "\n" for id, text in texts)
    (folder / "odd.jsonl").write_text("".join(lines))
    return folder


@pytest.mark.parametrize("format", WRITERS.names())
def test_no_crash_no_loss_and_nothing_written_elsewhere(
    format: str, hostile: Path, models: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "deep" / "out"
    job = Job((str(hostile),), ner=(models["chemical"], models["gene"]), re=models["relation"], format=format)
    before = contents(hostile)
    totals = extract_to(replace(job, precision="fp32", shard_size=10), out)
    assert totals["failures"] == len(UNREADABLE) + 1  # and the zip file
    assert totals["documents"] == 2 + len(IDS) + 10
    assert totals["renamed"] == 1
    assert verify(out)["problems"] == []
    assert contents(hostile) == before
    assert {path.name for path in tmp_path.iterdir()} == {"hostile", "deep"}
    assert {path.name for path in out.parent.iterdir()} == {"out"}
    found = [document for shard in sorted(out.glob("shard-*")) for document in read(shard)]
    assert len(found) == totals["documents"]
    failures = [json.loads(line) for line in (out / "errors.jsonl").read_text().splitlines()]
    assert {Path(failure["input"]).name for failure in failures} == {*UNREADABLE, "climbs.zip"}
    assert all(failure["where"] and failure["what"] and len(failure["what"]) < 300 for failure in failures)
