"""Entities from abstracts: our extraction beside `transformers.pipeline`, and its memory over ever more of them.

    python benchmarks/extraction.py --data FOLDER_OF_CORPORA --ner RUN --re RUN [--output benchmarks/extraction.json]

The texts are ChemProt's abstracts, repeated with new ids. Every measurement is a process of its own, and rounds go
through all of them in turn; reported is the median over rounds of the ratio within a round. What was measured on other
kinds of processors stays in the file. The share of the processor's peak is told, too: large matrix products reach the
peak, and an encoder without its table makes two operations a parameter and token. The pipeline runs with
`aggregation_strategy="first"` at its best batch size, on whole abstracts as its users run it, which it cuts off at 512
tokens, and on the sentences that we cut, so that both see the same context. Spans are compared on the same texts.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from training import machine, processor, ratio

BATCH_SIZES = (1, 8, 16, 32, 64)
Start = Callable[[str], dict[str, Any]]
"""Makes one measurement, by name, in a process of its own."""


def main() -> None:
    """Measure all in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of corpora")
    parser.add_argument("--ner", required=True, help="a run that finds entities")
    parser.add_argument("--re", required=True, help="a run that finds relations")
    parser.add_argument("--documents", type=int, default=1024, help="for the rates; a quarter for the rest")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--many", type=int, default=10_000, help="for the memory, beside a tenth of it")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--output", type=Path, help="write the figures as JSON; parts not measured stay as they are")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only:
        print(json.dumps(measure(chosen)))
        return

    def start(name: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, *sys.argv, "--only", name], stdout=subprocess.PIPE, text=True, check=True
        )
        measured = dict(json.loads(done.stdout.splitlines()[-1]))
        print(f"{name}: {measured}", file=sys.stderr)
        return measured

    kinds = json.loads(chosen.output.read_text()) if chosen.output and chosen.output.exists() else {}
    result = kinds.setdefault(processor(), {})
    result["machine"] = machine()
    for part in chosen.parts:
        result[part] = PARTS[part](chosen, start)
        print(json.dumps({part: result[part]}, indent=2))
        if chosen.output:
            chosen.output.write_text(json.dumps(kinds, indent=2) + "\n")


def rates(chosen: argparse.Namespace, start: Start) -> dict[str, Any]:
    """Documents a second, beside the pipeline at its best batch size."""
    sizes = {size: start(f"pipeline {size} quarter")["seconds"] for size in BATCH_SIZES}
    best = min(sizes, key=sizes.__getitem__)
    names = {"ours": "ours auto", "ours fp32": "ours fp32", "pipeline": f"pipeline {best}"}
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    peaks = []
    for _ in range(chosen.rounds):
        peaks.append(start("peak")["gflops"])
        for name, measured in runs.items():
            measured.append(start(names[name]))
    made = statistics.median(run["gflop"] / run["seconds"] for run in runs["ours"])
    return {
        "peak_gflops": statistics.median(peaks),
        "our_gflops": made,
        "share_of_peak": made / statistics.median(peaks),
        "documents": chosen.documents,
        "pipeline_batch_sizes": sizes,
        "best_batch_size": best,
        "pipeline / ours, seconds": ratio(runs, "pipeline", "ours", "seconds"),
        "pipeline / ours fp32, seconds": ratio(runs, "pipeline", "ours fp32", "seconds"),
        "documents_per_second": {
            name: chosen.documents / statistics.median(run["seconds"] for run in measured)
            for name, measured in runs.items()
        },
        "runs": runs,
    }


def memories(chosen: argparse.Namespace, start: Start) -> dict[str, Any]:
    """Peak memory over many documents, beside that over a tenth of them."""
    few, many = start(f"memory {chosen.many // 10}"), start(f"memory {chosen.many}")
    return {"few": few, "many": many, "many / few": many["memory"] / few["memory"]}


def sentence(chosen: argparse.Namespace, start: Start) -> dict[str, Any]:
    """Seconds for one sentence from the command line, entities and relations, of all that such a call does."""
    command = [sys.executable, "-m", "ranat.cli", "extract", "--ner", chosen.ner, "--re", chosen.re, "-"]
    seconds = []
    for _ in range(chosen.rounds):
        began = time.perf_counter()
        subprocess.run(command, input=b"Imatinib inhibits KIT.", capture_output=True, check=True)
        seconds.append(time.perf_counter() - began)
    return {"seconds": statistics.median(seconds), "runs": seconds}


PARTS: dict[str, Callable[[argparse.Namespace, Start], dict[str, Any]]] = {
    "rates": rates,
    "sentence": sentence,
    "memory": memories,
    "spans": lambda _, start: start("spans"),
}


def measure(chosen: argparse.Namespace) -> dict[str, Any]:
    """One measurement in this process."""
    kind, _, detail = chosen.only.partition(" ")
    if kind == "spans":
        return spans(chosen)
    if kind == "write":
        return write(chosen, Path(detail))
    if kind == "memory":
        return memory(chosen, int(detail))
    if kind == "peak":
        return {"gflops": peak_gflops()}
    detail, _, part = detail.partition(" ")
    documents = list(islice(texts(chosen.data), chosen.documents // (4 if part else 1)))
    if kind == "ours":
        from ranat.extraction import Extractor

        extractor = Extractor.load(chosen.ner, precision=detail)
        list(extractor.extract_stream(documents[:20]))
        began = time.perf_counter()
        list(extractor.extract_stream(documents))
        return {"seconds": time.perf_counter() - began, "gflop": gflop(extractor.ner[0], documents)}
    tagger = pipeline(chosen.ner)
    list(tagger([document.text for document in documents[:20]], batch_size=int(detail)))
    began = time.perf_counter()
    list(tagger([document.text for document in documents], batch_size=int(detail)))
    return {"seconds": time.perf_counter() - began}


def peak_gflops() -> float:
    """The most operations a second, in 10⁹, that matrix products reach here in bf16."""
    import torch

    one, other = (torch.randn(2048, 2048, dtype=torch.bfloat16) for _ in range(2))
    seconds = []
    for _ in range(12):
        began = time.perf_counter()
        one @ other
        seconds.append(time.perf_counter() - began)
    return 2 * 2048**3 / statistics.median(seconds[2:]) / 1e9


def gflop(loaded: Any, documents: Any) -> float:
    """Operations of the encoder's weights on the tokens of documents, in 10⁹; attention comes on top."""
    tokens = sum(len(window.input_ids) for window in loaded.task.prepare(documents).windows)
    table = loaded.model.get_input_embeddings().weight.numel()
    return 2 * tokens * (sum(weights.numel() for weights in loaded.model.parameters()) - table) / 1e9


def memory(chosen: argparse.Namespace, count: int) -> dict[str, Any]:
    """Peak memory in MiB of an extraction, end to end, from a file into a folder."""
    from ranat.extraction.job import Job
    from ranat.extraction.run import extract_to

    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / f"{count}.jsonl"
        # Elsewhere, as the corpus is larger than all that an extraction holds.
        subprocess.run([sys.executable, *sys.argv, "--only", f"write {given}"], check=True, stdout=subprocess.DEVNULL)
        began = time.perf_counter()
        totals = extract_to(Job((str(given),), ner=(chosen.ner,), re=chosen.re), Path(folder) / "out")
        seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"memory": peak, "seconds": seconds, "documents": totals["documents"], "relations": totals["relations"]}


def write(chosen: argparse.Namespace, path: Path) -> dict[str, Any]:
    """As many texts as the file's name says, with new ids."""
    with path.open("w", encoding="utf-8") as stream:
        for number, document in enumerate(islice(texts(chosen.data), int(path.stem))):
            stream.write(json.dumps({"id": str(number), "text": document.text}) + "\n")
    return {}


def spans(chosen: argparse.Namespace) -> dict[str, Any]:
    """How many spans are the same: ours and the pipeline's on whole abstracts, and on the sentences that we cut."""
    from ranat.documents.segment import sentences
    from ranat.extraction import Extractor

    documents = list(islice(texts(chosen.data), chosen.documents // 4))
    tagger = pipeline(chosen.ner)
    whole = [set(places(tagger(document.text))) for document in documents]
    cut = [
        {
            (start + first, start + last, kind)
            for start, end in sentences(document.text)
            for first, last, kind in places(tagger(document.text[start:end]))
        }
        for document in documents
    ]
    found = {}
    for precision in ("fp32", "auto"):
        ours = Extractor.load(chosen.ner, precision=precision).extract_stream(documents)
        found[precision] = [{(e.start, e.end, e.type) for e in document.entities} for document in ours]
    sides = {"pipeline on abstracts": whole, "pipeline on sentences": cut, "ours": found["auto"]}
    return {name: agreement(found["fp32"], other) for name, other in sides.items()} | {
        "cut off by the pipeline": sum(
            tagger.tokenizer(d.text, return_length=True)["length"][0] > 512 for d in documents
        )
    }


def agreement(ours: Iterable[set[Any]], theirs: Iterable[set[Any]]) -> dict[str, int]:
    """Spans in both and in one only; ours are those in fp32."""
    sides = list(zip(ours, theirs, strict=True))
    return {
        "both": sum(len(one & other) for one, other in sides),
        "ours fp32 only": sum(len(one - other) for one, other in sides),
        "theirs only": sum(len(other - one) for one, other in sides),
    }


def pipeline(run: str) -> Any:
    """The pipeline as its users make it."""
    import transformers

    tagger = transformers.pipeline(
        "token-classification", model=str(Path(run) / "model"), aggregation_strategy="first", device="cpu"
    )
    tagger.tokenizer.model_max_length = 512  # it would fail on what is longer
    return tagger


def places(found: Iterable[dict[str, Any]]) -> Iterator[tuple[int, int, str]]:
    """Spans and types of what the pipeline finds."""
    return ((entity["start"], entity["end"], entity["entity_group"]) for entity in found)


def texts(data: Path) -> Iterator[Any]:
    """ChemProt's abstracts over and over, their annotations taken off."""
    from ranat import Document, corpora

    corpus = corpora.load("chemprot", data)
    documents = [document for split in corpus.splits.values() for document in split]
    return (Document(f"{number}", document.text) for number, document in enumerate(cycle(documents)))


if __name__ == "__main__":
    main()
