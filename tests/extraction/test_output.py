"""Nothing lost, nothing doubled, whatever happens."""

import io
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest

from contents import contents
from ranat.documents import Document
from ranat.errors import UsageError, UserError
from ranat.extraction import Extractor, shards
from ranat.extraction import extractor as extracting
from ranat.extraction.job import Job
from ranat.extraction.record import Record
from ranat.extraction.run import extract_all, extract_to
from ranat.extraction.verify import verify
from ranat.formats import WRITERS, How, jsonl, read


@pytest.fixture
def job(models: dict[str, str], texts: Path) -> Job:
    return Job(
        inputs=(str(texts),),
        ner=(models["chemical"], models["gene"]),
        re=models["relation"],
        shard_size=4,
        precision="fp32",
    )


def found_in(out: Path) -> list[Document]:
    return [document for shard in sorted(out.glob("shard-*")) for document in read(shard)]


def test_every_document_is_there_once(job: Job, tmp_path: Path, extractor: Extractor) -> None:
    out = tmp_path / "out"
    totals = extract_to(job, out)
    documents = found_in(out)
    assert [document.id for document in documents] == ["a", *"012345", "1#2", "3#2", "a#2"]
    assert totals["documents"] == len(documents)
    assert totals["failures"] == 3
    assert [shard.name for shard in sorted(out.glob("shard-*"))] == [f"shard-00000{n}.jsonl" for n in range(3)]
    failures = [json.loads(line) for line in (out / "errors.jsonl").read_text().splitlines()]
    assert [(Path(failure["input"]).name, failure["item"]) for failure in failures] == [
        ("b.jsonl", 3),
        ("c.pubtator", 1),
        ("z.txt", 0),
    ]
    assert totals["entities"] == sum(len(document.entities) for document in documents) > 0
    assert totals["relations"] == sum(len(document.relations) for document in documents) > 0
    result = verify(out)
    assert result["problems"] == []
    assert (result["documents"], result["failures"], result["inputs"]) == (len(documents), 3, 5)


def test_shards_hold_what_the_extractor_finds(job: Job, tmp_path: Path, extractor: Extractor) -> None:
    extract_to(job, tmp_path / "out")
    for document in found_in(tmp_path / "out"):
        bare = Document(document.id, document.text, sentences=document.sentences, tokens=document.tokens)
        assert extractor.extract(bare) == document
        for entity in document.entities:
            assert document.mention(entity).strip() == document.mention(entity) != ""


def test_equal_jobs_make_equal_bytes(job: Job, tmp_path: Path) -> None:
    extract_to(job, tmp_path / "one")
    extract_to(job, tmp_path / "other")
    assert contents(tmp_path / "one") == contents(tmp_path / "other")


@pytest.mark.parametrize("format", WRITERS.names())
def test_every_format(format: str, job: Job, tmp_path: Path) -> None:
    job = replace(job, format=format)
    extract_to(job, tmp_path / "out")
    assert verify(tmp_path / "out")["problems"] == []
    assert len(found_in(tmp_path / "out")) == 10


def test_wherever_it_was_interrupted_it_ends_with_the_same_bytes(job: Job, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    extract_to(job, whole)
    expected = contents(whole)
    manifest = expected["manifest.jsonl"]
    ends = [0, *(at + 1 for at, byte in enumerate(manifest) if byte == ord("\n"))]
    for at in sorted({*ends, *(end - 1 for end in ends[1:]), *(end + 7 for end in ends[:-1])}):
        out = tmp_path / f"cut{at}"
        shutil.copytree(whole, out)
        (out / "manifest.jsonl").write_bytes(manifest[:at])
        done = len(Record(out, job.made()))
        for shard in sorted(out.glob("shard-*"))[done + at % 2 :]:  # the next one may be there without its line
            shard.unlink()
        (out / ".shard-000001.jsonl").write_text("half a shard")
        extract_to(job, out, resume=True)
        assert contents(out) == expected


def test_a_finished_output_is_left_as_it_is(job: Job, tmp_path: Path) -> None:
    out = tmp_path / "out"
    totals = extract_to(job, out)
    before = contents(out)
    assert extract_to(job, out, resume=True) == totals
    assert contents(out) == before
    with pytest.raises(UserError, match=r"an output is here already.*--resume"):
        extract_to(job, out)


def test_a_full_disk_leaves_what_can_be_gone_on_with(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    extract_to(job, whole)
    sync, calls = shards.sync, []

    def full(path: Path) -> None:
        calls.append(path)
        if len(calls) == 2:
            raise OSError(28, "No space left on device", str(path))
        sync(path)

    monkeypatch.setattr(shards, "sync", full)
    with pytest.raises(OSError, match="No space left"):
        extract_to(job, out)
    assert contents(out).keys() == {"manifest.jsonl", "shard-000000.jsonl"}
    assert "the output is not complete: --resume goes on with it" in verify(out)["problems"]
    extract_to(job, out, resume=True)
    assert contents(out) == contents(whole)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"min_score": 0.5}, "was made with min_score 0.0, which is 0.5 now"),
        ({"format": "conll"}, "was made with format 'jsonl'"),
        ({"re": None}, "was made with re "),
        ({"inputs": ("-",)}, "was made with inputs "),
    ],
)
def test_another_job_does_not_go_on(change: dict[str, Any], message: str, job: Job, tmp_path: Path) -> None:
    extract_to(job, tmp_path / "out")
    with pytest.raises(UserError, match=message):
        extract_to(replace(job, **change), tmp_path / "out", resume=True)


def test_a_changed_input_is_seen(job: Job, texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    extract_to(job, out)
    lines = (out / "manifest.jsonl").read_bytes().splitlines(keepends=True)
    (texts / "a.txt").write_text("something else")
    assert verify(out)["problems"] == [f"{texts / 'a.txt'}: has changed since"]
    (out / "manifest.jsonl").write_bytes(b"".join(lines[:3]))
    with pytest.raises(UserError, match=r"a\.txt: has changed since"):
        extract_to(job, out, resume=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda file: file.write_text('{"id": "0", "text": "zero"}\n' + file.read_text()),
            "b.jsonl: has changed since",
        ),
        (lambda file: file.write_text(file.read_text().replace(" 2 patients", " 9 patients")), "has changed since"),
        (lambda file: file.write_text("\n".join(file.read_text().splitlines()[:3])), "has changed since"),
        (lambda file: file.unlink(), "made of '.*b.jsonl' where there is '.*c.pubtator' now"),
        (lambda file: file.with_name("aa.txt").write_text("new"), "made of '.*b.jsonl' where there is '.*aa.txt' now"),
    ],
)
def test_a_changed_input_is_seen_in_the_middle_of_it(
    change: Callable[[Path], Any], message: str, job: Job, texts: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    extract_to(job, out)
    lines = (out / "manifest.jsonl").read_bytes().splitlines(keepends=True)
    (out / "manifest.jsonl").write_bytes(b"".join(lines[:2]))  # a.txt and three of the seven of b.jsonl
    change(texts / "b.jsonl")
    with pytest.raises(UserError, match=message):
        extract_to(job, out, resume=True)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("new.txt", "made of '.*deeper.*' where there is '.*new.txt' now"),
        ("deeper/zz.txt", "zz.txt: came after .*out was complete"),
    ],
)
def test_an_input_that_came_later_is_seen(name: str, message: str, job: Job, texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    extract_to(job, out)
    (texts / name).write_text("new")
    assert verify(out)["problems"] == [f"{texts / name}: is not in the output"]
    with pytest.raises(UserError, match=message):
        extract_to(job, out, resume=True)


def test_other_standard_input_is_seen(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def given(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    job, out = replace(job, inputs=("-",)), tmp_path / "out"
    given("Cisplatin.")
    totals = extract_to(job, out)
    given("Cisplatin.")
    assert extract_to(job, out, resume=True) == totals
    given("Something else.")
    with pytest.raises(UserError, match="has changed since"):
        extract_to(job, out, resume=True)


def test_names_that_are_not_utf8(job: Job, texts: Path, tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(texts) + b"/caf\xe9.txt")).write_text("Cisplatin.")
    out = tmp_path / "out"
    totals = extract_to(job, out)
    assert (totals["documents"], totals["failures"]) == (11, 3)
    assert verify(out)["problems"] == []
    drop_line(out, 5)
    assert extract_to(job, out, resume=True) == totals


def test_what_the_input_has_marked_is_counted(job: Job, tmp_path: Path) -> None:
    file = tmp_path / "marked.jsonl"
    entity = {"type": "chemical", "spans": [[0, 7]]}
    marked = {"id": "1", "text": "Imatinib.", "entities": [{"id": "T1", **entity}, {"id": "T2", **entity}]}
    marked["relations"] = [{"type": "X", "head": "T1", "tail": "T2"}]
    file.write_text(json.dumps(marked))
    job = replace(job, inputs=(str(file),))
    totals = extract_to(job, tmp_path / "found")
    assert (totals["entities of the input replaced"], totals["relations of the input replaced"]) == (2, 1)
    notes = [found for kind, found in extract_all(job) if kind == "note"]
    assert set(notes) == {"2 entities of the input replaced", "1 relation of the input replaced"}
    totals = extract_to(replace(job, ner=()), tmp_path / "related")
    assert "entities of the input replaced" not in totals
    assert totals["relations of the input replaced"] == 1


@pytest.mark.parametrize(
    "change", [{"min_score": 5.0}, {"precision": "fp8"}, {"ner": ("/no/such/model",)}, {"re": None, "ner": ()}]
)
def test_wrong_settings_leave_no_folder(change: dict[str, Any], job: Job, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        extract_to(replace(job, **change), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def drop_line(out: Path, number: int) -> None:
    lines = (out / "manifest.jsonl").read_bytes().splitlines(keepends=True)
    (out / "manifest.jsonl").write_bytes(b"".join(lines[:number] + lines[number + 1 :]))


@pytest.mark.parametrize("chunk", [1, 3, 256])
def test_lines_on_standard_output(chunk: int, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extracting, "CHUNK_DOCUMENTS", chunk)
    extract_to(job, tmp_path / "out")
    expected = "".join(path.read_text() for path in sorted((tmp_path / "out").glob("shard-*"))).splitlines()
    found = list(extract_all(job))
    assert [
        jsonl.dumped(document) for document in map(itemgetter(1), found) if isinstance(document, Document)
    ] == expected
    assert sum(kind == "failure" for kind, _ in found) == 3


@pytest.mark.parametrize("format", ["jsonl", "brat"])
def test_the_output_may_lie_in_the_input(format: str, job: Job, texts: Path) -> None:
    job = replace(job, format=format)
    totals = extract_to(job, texts / "out")
    drop_line(texts / "out", 5)
    assert extract_to(job, texts / "out", resume=True) == totals
    assert verify(texts / "out")["problems"] == []


def test_a_column_of_what_is_no_table(job: Job, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="columns: are for csv or jsonl or label-studio, not pubtator"):
        extract_to(replace(job, how=How("pubtator", columns={"text": "x"})), tmp_path / "out")
    assert not (tmp_path / "out").exists()
