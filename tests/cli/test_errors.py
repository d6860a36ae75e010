"""`ranat errors`: what a trained run gets wrong, as a page, as text and as JSON."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from browser import browse, fetched
from commandline import DISEASE, Ranat, corpus
from contents import contents
from ranat.documents import Document, Entity, Relation
from ranat.formats import jsonl
from ranat.runs.settings import read_settings
from ranat.training.run import train

EVIL = "</p><script>document.title='run'</script><img/src=http://example.invalid/x.png>"


def trained(files: Path, model: Path, **more: str) -> Path:
    """A run that has learned next to nothing."""
    options = {"epochs": 2, "precision": "fp32", "batch_size": 4}
    out = files.with_name("run")
    train(read_settings(flags={"corpus": str(files), "model": str(model), "train": options, **more}), out)
    return out


@pytest.fixture(scope="module")
def ner(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Path:
    folder = tmp_path_factory.mktemp("ner") / "corpus"
    return trained(corpus(folder, test_tsv=f"{DISEASE * 2}{EVIL}\tB-Disease\nhelps\tO\n\n"), model)


@pytest.fixture(scope="module")
def relation(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Path:
    folder = tmp_path_factory.mktemp("relation") / "corpus"
    folder.mkdir()
    entities = (Entity("T1", "Chemical", ((0, 8),)), Entity("T2", "Gene", ((18, 23),)))
    text = "Imatinib inhibits BRCA1 ."
    related = Document("1", text, entities, (Relation("inhibits", "T1", "T2"),))
    for split in ("train", "dev", "test"):
        jsonl.write([related, Document("2", text, entities)], folder / f"{split}.jsonl")
    return trained(folder, model, task="relation")


@pytest.mark.parametrize("split", ["dev", "test"])
def test_the_verdicts_add_up_to_the_scores_of_the_run(ranat: Ranat, ner: Path, tmp_path: Path, split: str) -> None:
    out = tmp_path / "new" / "e.html"
    done = ranat("errors", ner, "--split", split, "-o", out, "--json")
    assert done.code == 0
    found, scores = json.loads(done.out), json.loads((ner / "metrics.json").read_text())[split]
    assert {key: found[key] for key in ("f1", "gold", "predicted", "true_positives")} == {
        key: scores[key] for key in ("f1", "gold", "predicted", "true_positives")
    }
    assert sum(found["verdicts"]["gold"].values()) == scores["gold"]
    assert (found["corpus"], found["split"], found["task"]) == (str(ner.parent / "corpus"), split, "ner")
    assert found["tables"]["text in training"]["seen"]["gold"] == (2 if split == "test" else 1)
    assert f"the errors are in {out}" in done.err
    assert out.read_text().endswith("</html>\n")


def test_a_short_summary_is_printed(ranat: Ranat, ner: Path, relation: Path, tmp_path: Path) -> None:
    lines = ranat("errors", ner, "-o", tmp_path / "e.html").out.splitlines()
    assert [line.split()[0] for line in lines] == [
        "gold",
        "right",
        "boundary",
        "type",
        "boundary",
        "missed",
        "invented",
    ]
    lines = ranat("errors", relation, "-o", tmp_path / "relations.html").out.splitlines()
    assert [line.split()[0] for line in lines] == ["gold", "right", "type", "missed", "invented"]


def test_relations(ranat: Ranat, relation: Path, tmp_path: Path) -> None:
    found = json.loads(ranat("errors", relation, "-o", tmp_path / "e.html", "--json").out)
    assert found["gold"] == 1
    assert found["tables"]["characters between"]["0–24"]["gold"] == 1
    assert found["tables"]["pair of texts in training"]["seen"]["gold"] == 1
    (worst,) = found["worst"]
    assert worst["text"] == "Imatinib inhibits BRCA1 ."
    assert "Imatinib → inhibits → BRCA1" in (tmp_path / "e.html").read_text()


def test_the_page_runs_and_fetches_nothing(ranat: Ranat, ner: Path, tmp_path: Path) -> None:
    out = tmp_path / "e.html"
    ranat("errors", ner, "-o", out)
    assert "img/src" in out.read_text()
    shown = browse(out, "--dump-dom")
    assert "<title>Errors of " in shown
    assert "<script" not in shown
    assert "<img" not in shown
    assert fetched(out) == set()


@pytest.fixture
def copy(ner: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(ner, tmp_path / "run"))


def test_what_is_wrong_is_one_line(ranat: Ranat, copy: Path, tmp_path: Path) -> None:
    out = tmp_path / "e.html"
    assert ranat("errors", tmp_path, "-o", out).complaint.endswith(
        "no run is here (name a folder that `ranat train --out` wrote)"
    )
    for there in (tmp_path, copy / "config.yaml"):
        before = contents(tmp_path)
        assert f"{there}: is there already (name another, or delete it)" in ranat("errors", copy, "-o", there).complaint
        assert contents(tmp_path) == before
    assert ranat("errors", copy, "--split", "train").code == 2
    file = copy / "predictions" / "test.jsonl"
    kept = file.read_text()
    other = kept.replace("nephrotoxicity", "Nephrotoxicity")
    for wrong in ("", "[]\n", kept[:-20], other, kept + kept):
        file.write_text(wrong)
        done = ranat("errors", copy, "-o", out)
        assert (done.code, f"{file}: is missing or not what the run wrote" in done.complaint) == (1, True)
    file.unlink()
    assert f"{file}: is missing or not what the run wrote" in ranat("errors", copy, "-o", out).complaint
    (copy / "run.json").unlink()  # as runs were before there were sums
    for wrong in ("", "[]\n", other, kept + kept):
        file.write_text(wrong)
        assert "does not hold what the run was scored by" in ranat("errors", copy, "-o", out).complaint
    (copy / "metrics.json").unlink()
    assert "the run is not finished" in ranat("errors", copy, "-o", out).complaint
    assert not out.exists()


def test_a_corpus_that_has_changed_is_refused(ranat: Ranat, ner: Path, copy: Path, tmp_path: Path) -> None:
    files = Path(shutil.copytree(ner.parent / "corpus", tmp_path / "corpus"))
    config = copy / "config.yaml"
    config.write_text(config.read_text().replace(str(ner.parent / "corpus"), str(files)))
    assert ranat("errors", copy, "-o", tmp_path / "e.html").code == 0
    for split in ("train", "test"):
        path = files / f"{split}.tsv"
        kept = path.read_text()
        path.write_text(kept.replace("Cisplatin\tO", "Cisplatin\tB-Disease", 1))
        done = ranat("errors", copy, "-o", tmp_path / f"{split}.html")
        assert (done.code, f"{split} is not what it was when the run was trained" in done.complaint) == (1, True)
        path.write_text(kept)


def test_a_run_without_a_test_split_says_what_it_has(ranat: Ranat, copy: Path, tmp_path: Path) -> None:
    (copy / "run.json").unlink()
    metrics = json.loads((copy / "metrics.json").read_text())
    del metrics["test"]
    (copy / "metrics.json").write_text(json.dumps(metrics))
    done = ranat("errors", copy, "-o", tmp_path / "e.html")
    assert (done.code, done.complaint) == (2, "ranat: --split: the run has no predictions of 'test' (it has dev)")


def test_the_help_has_examples(ranat: Ranat) -> None:
    assert "ranat errors runs/standard --split dev -o dev.html" in ranat("errors", "--help").out
