"""A component of spaCy's pipelines, found by its entry point: `nlp.add_pipe("ranat", config={"ner": "runs/chem"})`.

It gives what `Extractor` finds in the text of a Doc:

    doc._.ranat          the `ranat.Document`, with entities, relations and scores
    doc.spans["ranat"]   every mention, as wide as the tokens it touches; the id of a span is the mention's
    doc.ents             the same, but of mentions that overlap the longest, as spaCy's entities cannot

A model reads the text, not the tokens: where a mention ends within a token the span ends with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import filter_spans

from ranat.documents import Document
from ranat.extraction.extractor import Extractor

KEY = "ranat"


@Language.factory(
    KEY,
    assigns=["doc.ents", "doc.spans", f"doc._.{KEY}"],
    default_config={"ner": [], "re": None, "min_score": 0.0, "precision": "auto"},
)
def make(
    nlp: Language, name: str, ner: str | list[str], re: str | None, min_score: float, precision: str
) -> RanatComponent:
    """The component.

    Args:
        nlp: the pipeline.
        name: of the component in it.
        ner: run folders, model folders, hub ids or installed models that find entities.
        re: one that finds relations.
        min_score: what scores less is left out.
        precision: "auto", "fp32", "bf16" or "fp16".
    """
    return RanatComponent(Extractor.load(ner=ner, re=re, min_score=min_score, precision=precision))


class RanatComponent:
    """Puts into a Doc what an extractor finds in its text.

    Args:
        extractor: with a model that finds entities, as a Doc's own entities are not looked at.
    """

    def __init__(self, extractor: Extractor) -> None:
        self.extractor = extractor
        if not Doc.has_extension(KEY):
            Doc.set_extension(KEY, default=None)

    def __call__(self, doc: Doc) -> Doc:
        """Fill one Doc."""
        return _filled(doc, self.extractor.extract(doc.text))

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 256) -> Iterator[Doc]:
        """Fill many, `batch_size` at a time."""
        docs = iter(stream)
        while batch := list(islice(docs, batch_size)):
            yield from map(_filled, batch, self.extractor.extract_stream([doc.text for doc in batch]))


def _filled(doc: Doc, found: Document) -> Doc:
    spans = [
        doc.char_span(entity.start, entity.end, entity.type, span_id=entity.id, alignment_mode="expand")
        for entity in found.entities
    ]
    doc.spans[KEY] = [span for span in spans if span is not None]  # None: a mention of white space alone
    doc.ents = filter_spans(doc.spans[KEY])
    document: Any = doc._
    document.ranat = found
    return doc
