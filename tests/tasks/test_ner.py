from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import tiny
from ranat import corpora
from ranat.corpora import Corpus
from ranat.documents import Document, Entity
from ranat.documents.segment import words
from ranat.errors import UserError
from ranat.tasks import tasks
from ranat.tasks.ner import IGNORED, NER
from ranat.tasks.padding import rounded

LABELS = ("O", "B-Chemical", "I-Chemical", "B-Disease", "I-Disease")


def ner(architecture: str = "bert", window: int = 64) -> NER:
    return NER(LABELS, tiny.tokenizer(architecture), window)


def document(text: str, *marked: tuple[str, str], id: str = "1") -> Document:
    """A document in which each of the strings is marked where it first stands."""
    entities = [
        Entity(f"T{i}", kind, ((text.index(mention), text.index(mention) + len(mention)),))
        for i, (mention, kind) in enumerate(marked)
    ]
    return Document(id, text, tuple(sorted(entities, key=lambda entity: entity.start)))


DOCUMENTS = [
    document(tiny.TEXTS[0], ("Cisplatin", "Chemical"), ("nephrotoxicity", "Disease"), ("ovarian cancer", "Disease")),
    document(tiny.TEXTS[3], id="2"),
    document("Imatinib , imatinib . " * 3 + tiny.TEXTS[2], ("chronic myeloid leukaemia", "Disease"), id="3"),
    document("Naloxone reverses clonidine\u200b hypotension.", ("Naloxone", "Chemical"), id="4"),
]


class Oracle:
    """A model that answers with the gold labels of features, in the order that `predict` asks; at random elsewhere."""

    device = torch.device("cpu")

    def __init__(self, features: Sequence[dict[str, Any]], n_labels: int) -> None:
        self._features = iter(sorted(features, key=lambda feature: -rounded(len(feature["input_ids"]))))
        self._n_labels, self._generator = n_labels, torch.Generator().manual_seed(0)

    def eval(self) -> None:
        pass

    def __call__(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> dict[str, torch.Tensor]:
        best = torch.randint(self._n_labels, input_ids.shape, generator=self._generator)
        for row, (ids, mask) in enumerate(zip(input_ids, attention_mask, strict=True)):
            feature = next(self._features)
            assert ids[mask.bool()].tolist() == feature["input_ids"]
            for token, label in enumerate(feature["labels"]):
                if label != IGNORED:
                    best[row, token] = label
        return {"logits": torch.nn.functional.one_hot(best, self._n_labels).float()}


def unscored(document: Document) -> Document:
    return replace(document, entities=tuple(replace(entity, score=None) for entity in document.entities))


def scores(documents: Sequence[Document]) -> list[float]:
    return [entity.score or 0.0 for document in documents for entity in document.entities]


def test_it_is_registered() -> None:
    assert tasks.get("ner") is NER


def test_labels_come_from_train_alone() -> None:
    splits = {"train": tuple(DOCUMENTS), "dev": (document("x y", ("x", "Gene")),)}
    corpus = Corpus("c", "own", "ner", splits, (), "here", ())
    assert NER.for_corpus(corpus, tiny.tokenizer("bert"), 64).labels == LABELS


def test_a_corpus_without_entities_is_refused() -> None:
    corpus = Corpus("c", "own", "ner", {"train": (document("x y"),), "dev": ()}, (), "here", ())
    with pytest.raises(UserError, match="c: the training split has no entity"):
        NER.for_corpus(corpus, tiny.tokenizer("bert"), 64)


def test_an_entity_without_a_type_is_refused() -> None:
    corpus = Corpus("c", "own", "ner", {"train": (document("x y", ("x", "")),), "dev": ()}, (), "here", ())
    with pytest.raises(UserError, match="c: an entity of the training split has no type"):
        NER.for_corpus(corpus, tiny.tokenizer("bert"), 64)


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_labels_stand_at_first_sub_tokens_only(architecture: str) -> None:
    (feature,) = ner(architecture).encode([DOCUMENTS[0]]).features
    words = tiny.TEXTS[0].split()
    plain = tiny.tokenizer(architecture)(words, is_split_into_words=True)
    tags = ["B-Chemical", "O", "B-Disease", *"OOOOO", "B-Disease", "I-Disease", "O"]
    del tags[3]  # induced: O; in 12 patients with: OOOO
    assert len(tags) == len(words)
    seen: set[int] = set()
    expected = []
    for word in plain.word_ids():
        expected.append(IGNORED if word is None or word in seen else LABELS.index(tags[word]))
        seen |= {word} - {None}
    assert feature["input_ids"] == plain["input_ids"]
    assert feature["labels"] == expected
    assert [bool(mark) for mark in feature["special_tokens_mask"]] == [word is None for word in plain.word_ids()]


def test_words_without_a_token_and_lost_mentions_are_counted() -> None:
    text = "a \x07 b \x07 c"
    given = Document(
        "1", text, (Entity("T1", "Disease", ((0, 1), (8, 9))),), tokens=((0, 1), (2, 3), (4, 5), (6, 7), (8, 9))
    )
    encoded = ner().encode([given])
    assert encoded.notices[0].startswith("1 mentions that tags over words cannot hold")
    assert encoded.notices[1] == "2 words without a token in this tokenizer left out"
    assert sum(label != IGNORED for label in encoded.features[0]["labels"]) == 3
    assert ner().encode([DOCUMENTS[0]]).notices == ()


def test_collate_pads_to_the_longest() -> None:
    task = ner()
    features = task.encode(DOCUMENTS).features
    batch = task.collate(features)
    longest = max(task.encode(DOCUMENTS).lengths)
    assert set(batch) == {"input_ids", "attention_mask", "special_tokens_mask", "labels"}
    for row, feature in enumerate(features):
        n = len(feature["input_ids"])
        padding = longest - n
        assert batch["input_ids"][row].tolist() == feature["input_ids"] + [task.tokenizer.pad_token_id] * padding
        assert batch["attention_mask"][row].tolist() == [1] * n + [0] * padding
        assert batch["special_tokens_mask"][row].tolist() == feature["special_tokens_mask"] + [1] * padding
        assert batch["labels"][row].tolist() == feature["labels"] + [IGNORED] * padding
    assert "labels" not in task.collate([{k: v for k, v in features[0].items() if k != "labels"}])


def naive_losses(logits: torch.Tensor, labels: torch.Tensor) -> list[torch.Tensor]:
    found = []
    for row in range(len(labels)):
        for token in range(labels.shape[1]):
            if (label := int(labels[row, token])) != IGNORED:
                scores = logits[row, token].double()
                found.append(torch.log(torch.exp(scores).sum()) - scores[label])
    return found


def test_loss_is_the_mean_over_labelled_words() -> None:
    torch.manual_seed(0)
    batch = ner().collate(ner().encode(DOCUMENTS).features)
    logits = torch.randn(*batch["labels"].shape, 5)
    losses = naive_losses(logits, batch["labels"])
    found = ner().loss({"logits": logits}, batch["labels"])
    assert found.item() == pytest.approx((sum(losses) / len(losses)).item(), rel=1e-6)
    half = ner().loss({"logits": logits.bfloat16()}, batch["labels"])
    assert half.dtype == torch.float32


def test_loss_of_accumulated_batches_adds_up_to_that_of_one() -> None:
    torch.manual_seed(0)
    task, features = ner(), ner().encode(DOCUMENTS).features
    batches = [task.collate(part) for part in (features[:1], features[1:3], features[3:])]
    logits = [torch.randn(*batch["labels"].shape, 5) for batch in batches]
    losses = [loss for z, batch in zip(logits, batches, strict=True) for loss in naive_losses(z, batch["labels"])]
    n = torch.tensor(len(losses))
    total = sum(task.loss({"logits": z}, batch["labels"], n) for z, batch in zip(logits, batches, strict=True))
    assert float(total) == pytest.approx((sum(losses) / len(losses)).item(), rel=1e-6)


def test_a_batch_without_labels_costs_nothing() -> None:
    labels = torch.full((2, 4), IGNORED)
    assert ner().loss({"logits": torch.randn(2, 4, 5)}, labels).item() == 0


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
@pytest.mark.parametrize("window", [12, 512])
def test_gold_labels_give_the_gold_mentions_back(architecture: str, window: int) -> None:
    task = ner(architecture, window)
    features = task.encode(DOCUMENTS).features
    assert (len(features) > 8) == (window == 12)
    found = task.predict(Oracle(features, 5), DOCUMENTS, batch_size=3)
    assert task.score(DOCUMENTS, found)["f1"] == 1
    for gold, predicted in zip(DOCUMENTS, found, strict=True):
        assert (predicted.id, predicted.text) == (gold.id, gold.text)
        assert [(e.type, e.spans, predicted.mention(e)) for e in predicted.entities] == [
            (e.type, e.spans, gold.mention(e)) for e in gold.entities
        ]


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


def test_labels_that_are_no_tags_are_refused() -> None:
    with pytest.raises(ValueError, match="'LABEL_0' is not a tag"):
        NER(("LABEL_0", "LABEL_1"), tiny.tokenizer("bert"), 64)


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


SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9), st.sampled_from(["Chemical", "Disease"])), max_size=6)


@settings(max_examples=60, deadline=None)
@given(words=st.lists(st.text("abC1-é漢.", min_size=1, max_size=6), min_size=1, max_size=40), spans=SPANS)
def test_any_mentions_along_words_survive_windows(words: list[str], spans: list[tuple[int, int, str]]) -> None:
    text, tokens = " ".join(words), []
    for word in words:
        start = tokens[-1][1] + 1 if tokens else 0
        tokens.append((start, start + len(word)))
    entities, end = [], 0
    for first, length, kind in sorted(spans):
        last = first + length - 1
        if first >= end and last < len(words):
            entities.append(Entity(f"T{len(entities)}", kind, ((tokens[first][0], tokens[last][1]),)))
            end = last + 1
    gold = Document("1", text, tuple(entities), sentences=((0, len(text)),), tokens=tuple(tokens))
    task = ner("roberta", 10)
    encoded = task.encode([gold])
    assert encoded.notices == ()
    (found,) = task.predict(Oracle(encoded.features, 5), [gold])
    assert [(e.spans, e.type) for e in found.entities] == [(e.spans, e.type) for e in entities]


@pytest.mark.parametrize("window", [32, 512])
def test_a_real_corpus_goes_through_tags_and_back(data_dir: Path, window: int) -> None:
    gold = corpora.load("ncbi-disease", data_dir).splits["test"]
    task = NER(("O", "B-Disease", "I-Disease"), tiny.tokenizer("bert"), window)
    encoded = task.encode(gold)
    assert encoded.notices == ()
    found = task.predict(Oracle(encoded.features, 3), gold)
    assert [[(e.spans, e.type) for e in d.entities] for d in found] == [
        [(e.spans, e.type) for e in d.entities] for d in gold
    ]
    scores = task.score(gold, found)
    assert (scores["f1"], scores["gold"], scores["unrepresentable"]) == (1, 960, 0)
