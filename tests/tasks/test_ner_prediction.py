from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import torch

import tiny
from ranat.documents import Document, Entity
from ranat.documents.segment import words
from ranat.tasks.ner import IGNORED, NER
from taggers import DOCUMENTS, LABELS, Oracle, document, ner


def unscored(document: Document) -> Document:
    return replace(document, entities=tuple(replace(entity, score=None) for entity in document.entities))


def scores(documents: Sequence[Document]) -> list[float]:
    return [entity.score or 0.0 for document in documents for entity in document.entities]


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_predictions_have_true_offsets_and_depend_on_no_batch_mate(architecture: str) -> None:
    """A random model marks many words, also in a document several times as long as its window."""
    text = " ".join(tiny.TEXTS * 2)
    long = Document("long", text, sentences=((0, len(text)),))
    documents = [*DOCUMENTS, long]
    task = ner(architecture, 24)
    assert max(task.encode([long]).lengths) == 24
    model = tiny.model(architecture, positions=24, num_labels=5)
    torch.nn.init.constant_(model.classifier.bias[1:4:2], 2.0)  # begins many mentions
    found = task.predict(model, documents, batch_size=1)
    for batch_size in (2, 64):
        again = task.predict(model, documents, batch_size=batch_size)
        assert [unscored(one) for one in again] == [unscored(one) for one in found]
        assert scores(again) == pytest.approx(scores(found), abs=1e-5)
    assert not model.training
    assert [d.text for d in found] == [d.text for d in documents]
    assert found[-1].entities[-1].end > 0.8 * len(text)
    for predicted in found:
        for entity in predicted.entities:
            ((start, end),) = entity.spans
            mention = predicted.text[start:end]
            assert mention == mention.strip()
            assert mention
            assert start == 0 or not (predicted.text[start - 1].isalnum() and mention[0].isalnum())
        starts = [entity.start for entity in predicted.entities]
        assert starts == sorted(starts)


@pytest.mark.parametrize("sign", ["\u0308", "\u00ad", "\u200b"])
@pytest.mark.parametrize("window", [8, 512])
def test_a_word_without_a_token_does_not_break_a_mention(sign: str, window: int) -> None:
    text = f"The mu opio{sign}id receptor{sign} binds it{sign}, as cisplatin{sign}does not."
    marked = [(f"mu opio{sign}id receptor", "Chemical"), ("it", "Disease"), ("cisplatin", "Disease")]
    gold, task = document(text, *marked), ner("bert", window)
    encoded = task.encode([gold])
    assert encoded.notices == ("4 words without a token in this tokenizer left out",)
    (found,) = task.predict(Oracle(encoded.features, 5), [gold])
    assert [(e.spans, e.type) for e in found.entities] == [(e.spans, e.type) for e in gold.entities]


def test_words_without_a_token_change_neither_mentions_nor_scores() -> None:
    """A zero-width space is a word of its own, a space is none."""
    task, model = NER(("O", "I-Chemical", "I-Disease"), tiny.tokenizer("bert"), 64), tiny.model()
    torch.nn.init.constant_(model.classifier.bias[1:2], 1.0)  # mentions of several words
    spaced, joined = (
        task.predict(model, [Document("1", text, sentences=((0, len(text)),)) for text in texts])
        for texts in (tiny.TEXTS, [text.replace(" ", "\u200b") for text in tiny.TEXTS])
    )
    assert [found.entities for found in joined] == [found.entities for found in spaced]
    assert any("\u200b" in found.mention(entity) for found in joined for entity in found.entities)


def test_prediction_replaces_what_was_annotated() -> None:
    task = ner()
    nothing = [replace(gold, entities=()) for gold in DOCUMENTS]
    found = task.predict(Oracle(task.encode(nothing).features, 5), DOCUMENTS)
    assert [predicted.entities for predicted in found] == [()] * len(DOCUMENTS)


def test_no_document_is_no_prediction() -> None:
    assert ner().predict(tiny.model(num_labels=5), []) == []


def test_an_inside_tag_that_continues_nothing_is_no_mention() -> None:
    task = ner()
    (feature,) = task.encode([DOCUMENTS[0]]).features
    broken = {1: 2, 3: 4}  # B-X becomes I-X
    feature["labels"] = [broken.get(label, label) for label in feature["labels"]]
    (found,) = task.predict(Oracle([feature], 5), [DOCUMENTS[0]])
    assert found.entities == ()


def test_what_tags_cannot_hold_counts_as_missed() -> None:
    text = "renal or cardiac failure"
    both = Document("1", text, (Entity("T1", "Disease", ((0, 5), (17, 24))), Entity("T2", "Disease", ((9, 24),))))
    task = ner()
    found = task.predict(Oracle(task.encode([both]).features, 5), [both])
    scores = task.score([both], found)
    assert (scores["precision"], scores["recall"], scores["unrepresentable"]) == (1, 0.5, 1)
    assert (scores["gold"], scores["predicted"], scores["true_positives"]) == (2, 1, 1)


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_a_score_is_the_mean_of_what_is_said_of_its_words_and_its_end(architecture: str) -> None:
    """Naively: one sentence at a time, without batches."""
    task, model = ner(architecture), tiny.model(architecture, num_labels=5).eval()
    torch.nn.init.constant_(model.classifier.bias[1:2], 5.0)  # B- of the first type, whatever the tokenizer
    for text in tiny.TEXTS:
        (found,) = task.predict(model, [Document("1", text)])
        assert found.entities
        spans = words(text)
        encoded = task.tokenizer([text[a:b] for a, b in spans], is_split_into_words=True, return_tensors="pt")
        logits = model(input_ids=encoded["input_ids"], attention_mask=encoded["attention_mask"]).logits[0].double()
        first = [encoded.word_ids().index(word) for word in range(len(spans))]
        said = [dict(zip(LABELS, row.softmax(-1).tolist(), strict=True)) for row in logits[first]]
        for entity in found.entities:
            begin, end = [a for a, _ in spans].index(entity.start), [b for _, b in spans].index(entity.end) + 1
            parts = [said[begin][f"B-{entity.type}"]]
            parts += [said[word][f"I-{entity.type}"] for word in range(begin + 1, end)]
            parts.append(1 - said[end][f"I-{entity.type}"] if end < len(spans) else 1)
            assert entity.score == pytest.approx(sum(parts) / len(parts), abs=1e-5)
            assert 0 < entity.score <= 1


def in_scheme(scheme: str, tags: Sequence[str]) -> list[str]:
    """IOB2 tags in another scheme."""
    if scheme == "IO":
        return [tag.replace("B-", "I-") for tag in tags]
    result = []
    for tag, after in zip(tags, [*tags[1:], "O"], strict=True):
        ends = not after.startswith("I-")
        result.append({"B": "S", "I": "E"}[tag[0]] + tag[1:] if ends and tag != "O" else tag)
    return result


@pytest.mark.parametrize("scheme", ["IO", "BIOES"])
def test_models_from_elsewhere_may_have_another_scheme(scheme: str) -> None:
    labels = ["O", *(f"{prefix}-{kind}" for kind in ("Chemical", "Disease") for prefix in scheme.replace("O", ""))]
    task, plain = NER(labels, tiny.tokenizer("bert"), 64), ner()
    assert (task.scheme, task.types) == (scheme, plain.types)
    features = []
    for feature in plain.encode(DOCUMENTS).features:
        heads = [token for token, label in enumerate(feature["labels"]) if label != IGNORED]
        tags = in_scheme(scheme, [LABELS[feature["labels"][token]] for token in heads])
        numbers = [IGNORED] * len(feature["labels"])
        for token, tag in zip(heads, tags, strict=True):
            numbers[token] = labels.index(tag)
        features.append({**feature, "labels": numbers})
    found = task.predict(Oracle(features, len(labels)), DOCUMENTS)
    assert task.score(DOCUMENTS, found)["f1"] == 1


def test_documents_are_prepared_in_threads_while_the_model_is_at_others() -> None:
    """Tokenizers panic, or truncate what they should not, if one thread changes what another uses."""
    task, model = ner("bert", 24), tiny.model(positions=24, num_labels=5)
    long = Document("long", " ".join(tiny.TEXTS * 3), sentences=((0, 1),))
    given = [*DOCUMENTS, long]
    expected = task.predict(model, given)
    stop = threading.Event()

    def truncations() -> set[Any]:
        seen = set()
        while not stop.is_set():
            seen.add(task.tokenizer.backend_tokenizer.truncation is None)
        return seen

    with ThreadPoolExecutor(4) as pool:
        watching = pool.submit(truncations)
        prepared = [pool.submit(task.prepare, given) for _ in range(20)]
        found = [task.infer(model, one.result()) for one in prepared]
        stop.set()
        assert watching.result() == {True}
    assert found == [expected] * 20


def test_what_is_prepared_may_be_used_again_and_holds_no_annotation_against_the_prediction() -> None:
    task, model = ner(), tiny.model(num_labels=5)
    prepared = task.prepare(DOCUMENTS)
    assert task.infer(model, prepared) == task.infer(model, prepared)
    bare = [replace(document, entities=()) for document in DOCUMENTS]
    assert task.infer(model, task.prepare(bare)) == task.infer(model, prepared)
