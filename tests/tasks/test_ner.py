from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import tiny
from ranat import corpora
from ranat.corpora import Corpus
from ranat.documents import Document, Entity
from ranat.errors import UserError
from ranat.tasks import tasks
from ranat.tasks.ner import IGNORED, NER
from taggers import DOCUMENTS, LABELS, Oracle, document, ner


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
    assert encoded.notices[0] == "1 mention that tags over words cannot hold (1 discontinuous) left out"
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


def test_labels_that_are_no_tags_are_refused() -> None:
    with pytest.raises(ValueError, match="'LABEL_0' is not a tag"):
        NER(("LABEL_0", "LABEL_1"), tiny.tokenizer("bert"), 64)


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
