"""The component of spaCy's pipelines gives what `Extractor` gives."""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path

import pytest

import tiny
from ranat.extraction import Extractor

spacy = pytest.importorskip("spacy", reason="spacy is not installed")
from ranat.extraction import spacypipe  # noqa: E402 - needs spaCy

TEXTS = ["Cisplatin induced nephrotoxicity; BRCA1 mutations were seen in 12 patients.", "", " \n", *tiny.TEXTS]


def test_the_entry_point_is_the_component() -> None:
    file = Path(__file__).parents[2] / "pyproject.toml"
    module, _, name = tomllib.loads(file.read_text())["project"]["entry-points"]["spacy_factories"]["ranat"].partition(
        ":"
    )
    assert getattr(importlib.import_module(module), name) is spacypipe.make


def test_the_component_gives_the_spans_of_the_extractor(models: dict[str, str], extractor: Extractor) -> None:
    nlp = spacy.blank("en")
    config = {"ner": [models["chemical"], models["gene"]], "re": models["relation"], "precision": "fp32"}
    nlp.add_pipe("ranat", config=config)
    expected = list(extractor.extract_stream(TEXTS))
    assert any(document.entities for document in expected)
    assert any(document.relations for document in expected)
    for doc, single, found in zip(nlp.pipe(TEXTS, batch_size=3), map(nlp, TEXTS), expected, strict=True):
        assert doc._.ranat.entities == single._.ranat.entities == found.entities
        assert doc._.ranat.relations == found.relations
        spans = [(span.start_char, span.end_char, span.label_, span.id_) for span in doc.spans["ranat"]]
        wide = [doc.char_span(entity.start, entity.end, alignment_mode="expand") for entity in found.entities]
        assert spans == [
            (one.start_char, one.end_char, entity.type, entity.id)
            for one, entity in zip(wide, found.entities, strict=True)
        ]
        for entity, (start, end, _, _) in zip(found.entities, spans, strict=True):
            assert start <= entity.start
            assert entity.end <= end
        assert {(one.start_char, one.end_char) for one in doc.ents} <= {(start, end) for start, end, _, _ in spans}


def test_where_tokens_are_those_of_the_model_spans_are_exact(models: dict[str, str]) -> None:
    text = "Cisplatin induced nephrotoxicity ; BRCA1 mutations were seen in 12 patients ."
    nlp = spacy.blank("en")
    nlp.add_pipe("ranat", config={"ner": models["chemical"], "precision": "fp32"})
    found = Extractor.load(models["chemical"], precision="fp32").extract(text)
    assert found.entities
    assert [(span.start_char, span.end_char) for span in nlp(text).ents] == [
        (one.start, one.end) for one in found.entities
    ]
