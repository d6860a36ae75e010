"""spaCy's JSON: what training scripts, `Doc.to_json` and the training format of version 2 have; DocBin is `docbin`.

    {"text": "Fever and cough.", "entities": [[0, 5, "Disease"]]}
    ["Fever and cough.", {"entities": [[0, 5, "Disease"]]}]          also in a list under "annotations"
    {"text": "Fever and cough.", "ents": [{"start": 0, "end": 5, "label": "Disease"}], "tokens": […]}
    {"id": 0, "paragraphs": [{"raw": "Fever.", "sentences": [{"tokens": [{"orth": "Fever", "ner": "U-Disease"}, …]}]}]}

Offsets count characters (https://spacy.io/api/data-formats). A list of pairs must be one list, not a pair a line. The
paragraphs of the training format are joined by line ends; without "raw" a text is its tokens joined by spaces; a tag of
"-", not known, is read as O. Its repaired tags are counted, as conlleval does.

What is written is the first form, with an "id", which spaCy's users pass over; mentions do not overlap, as there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ranat.documents.document import Document, Span
from ranat.formats.base import Sure, reader, writer
from ranat.formats.fitting import tagged
from ranat.formats.fitting.names import renamed
from ranat.formats.fitting.spelling import not_empty
from ranat.formats.fitting.steps import (
    contiguous,
    renumbered,
    without_concepts,
    without_layout,
    without_relations,
    without_scores,
)
from ranat.formats.json_documents import count_unread, documents, id_of, marks, write_lines
from ranat.formats.json_records import MalformedError, records
from ranat.formats.json_records import value as json_value
from ranat.formats.sample import Sample
from ranat.formats.source import Found, Source
from ranat.formats.values import integer, listed, mapping, spans, string
from ranat.formats.words import aligned, decoded, joined, words_of

SUFFIX = ".spacy.jsonl"


def _sure(sample: Sample) -> Sure:
    value = sample.telling("entities", "ents", "paragraphs")
    pairs = value.get("annotations") if isinstance(value.get("annotations"), list) else sample.json
    if isinstance(pairs, list) and pairs and _is_pair(pairs[0]):
        return Sure.CERTAIN
    if isinstance(value.get("paragraphs"), list):
        return Sure.CERTAIN
    if not isinstance(value.get("text"), str):
        return Sure.NO
    triples, objects = value.get("entities"), value.get("ents")
    if isinstance(triples, list) and triples and all(isinstance(item, list) for item in triples):
        return Sure.CERTAIN
    return Sure.CERTAIN if isinstance(objects, list) or sample.name.endswith(SUFFIX) else Sure.NO


@reader("spacy", suffixes=(SUFFIX,), sure=_sure)
def read(source: Source) -> Iterator[Document]:
    """Documents of a JSON or JSON Lines file.

    Raises:
        UserError: a record is in none of the forms.
    """
    yield from documents(source, records(source, ("annotations",)), _document, _parsed)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], dict)


def _parsed(text: str) -> dict[str, Any]:
    """An object, or a pair of a text and its marks as one."""
    value = json_value(text)
    return {**value[1], "text": value[0]} if _is_pair(value) else mapping(value, "a record")


def _document(source: Source, line: int, value: dict[str, Any], left_out: Counter[str]) -> Document:
    id = id_of(source, line, value)
    if "paragraphs" in value:
        return _of_paragraphs(source, line, id, value, left_out)
    text = string(value, "text")
    key = "ents" if "ents" in value else "entities"
    given = marks(source, line, value, key, _mark)
    found = [one for n, (span, label) in enumerate(given, 1) for one in source.found(line, f"T{n}", label, [span])]
    place = partial(_place, len(text))
    tokens = marks(source, line, value, "tokens", place)
    sentences = marks(source, line, value, "sents", place)
    count_unread(value, {"id", "text", key, "tokens", "sents"}, left_out)
    return source.document(line, id, text, found, sentences=sentences, tokens=tokens)


def _mark(item: Any) -> list[tuple[Span, str]]:
    if isinstance(item, dict):
        return [((integer(item, "start"), integer(item, "end")), string(item, "label"))]
    if not (isinstance(item, list) and len(item) == 3 and isinstance(item[2], str)):
        raise MalformedError(f"{item!r:.80} is not [start, end, label]")
    return [(spans([item[:2]], "a mark")[0], item[2])]


def _place(length: int, item: Any) -> tuple[Span, ...]:
    value = mapping(item, "each token or sentence")
    return spans([[integer(value, "start"), integer(value, "end")]], "a token or sentence", length)


def _of_paragraphs(source: Source, line: int, id: str, value: dict[str, Any], left_out: Counter[str]) -> Document:
    texts: list[str] = []
    start = repaired = 0
    found: list[Found] = []
    places: tuple[list[Span], list[Span]] = ([], [])
    for paragraph in listed(value["paragraphs"], "paragraphs"):
        paragraph = mapping(paragraph, "each of 'paragraphs'")
        given = [_tokens(sentence) for sentence in listed(paragraph.get("sentences", []), "sentences")]
        words = [word for words, _ in given for word in words]
        texts.append(string(paragraph, "raw") if paragraph.get("raw") is not None else joined(words))
        tokens = [(start + first, start + end) for first, end in aligned(texts[-1], words)]
        for words, tags in given:
            inside, tokens = tokens[: len(words)], tokens[len(words) :]
            mentions, broken = decoded(["O" if tag == "-" else tag for tag in tags])
            repaired += broken
            for i, j, kind in mentions:
                found += source.found(line, f"T{len(found) + 1}", kind, [(inside[i][0], inside[j - 1][1])])
            places[0].extend([(inside[0][0], inside[-1][1])] if inside else [])
            places[1].extend(inside)
        unknown = [tag == "-" for _, tags in given for tag in tags]
        if all(unknown) and paragraph.get("entities"):
            for (first, end), kind in marks(source, line, paragraph, "entities", _mark):
                found += source.found(line, f"T{len(found) + 1}", kind, [(start + first, start + end)])
        else:
            left_out["a token whose tag is not known"] += sum(unknown)
        count_unread(paragraph, {"raw", "sentences", "entities"}, left_out, "paragraphs.")
        start += len(texts[-1]) + 1
    source.note("illegal tag", f"{repaired} illegal tags, as conlleval does", line, repaired)
    count_unread(value, {"id", "paragraphs"}, left_out)
    return source.document(line, id, "\n".join(texts), found, sentences=places[0], tokens=places[1])


def _tokens(sentence: Any) -> tuple[list[str], list[str]]:
    """The words of a sentence and their tags, "-" where one is not known."""
    given = listed(mapping(sentence, "each of 'sentences'").get("tokens", []), "tokens")
    tokens = [mapping(token, "each of 'tokens'") for token in given]
    words = words_of([token.get("orth") for token in tokens], "orth")
    return words, [string(token, "ner") if token.get("ner") is not None else "-" for token in tokens]


def mentions(document: Document, lost: Counter[str]) -> Document:
    """Mentions alone, as spaCy can have them: contiguous, without overlaps and without white space at their ends."""
    document = without_scores(without_relations(document, lost), lost)
    return tagged.flat(tagged.trimmed(contiguous(document, lost), lost), lost)


def _fit(document: Document, lost: Counter[str]) -> Document:
    document = renumbered(without_concepts(mentions(document, lost), lost), lost)
    return without_layout(renamed(document, not_empty, lost), lost)


@writer("spacy", fit=_fit, suffix=SUFFIX)
def write(given: Iterable[Document], out: Path) -> None:
    """Write a document a line."""
    write_lines(map(_as_json, given), out)


def _as_json(document: Document) -> dict[str, Any]:
    triples = [(entity.start, entity.end, entity.type) for entity in document.entities]
    return {"id": document.id, "text": document.text, "entities": triples}
