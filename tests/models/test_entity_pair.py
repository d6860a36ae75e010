from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel, BartConfig, BartModel, T5Config, T5Model

import tiny
from ranat.models.entity_pair import EntityPairClassifier
from ranat.models.loading import load_model

WHOLE: dict[str, Any] = {
    "t5": lambda: T5Model(
        T5Config(vocab_size=120, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, decoder_start_token_id=0)
    ),
    "bart": lambda: BartModel(
        BartConfig(
            vocab_size=120, d_model=16, encoder_ffn_dim=32, decoder_ffn_dim=32, encoder_layers=2, decoder_layers=2,
            encoder_attention_heads=2, decoder_attention_heads=2, max_position_embeddings=64,
        )
    ),
}  # fmt: skip
"""Models with a decoder, of which the encoder is taken."""


@pytest.fixture(params=[*tiny.ARCHITECTURES, *WHOLE])
def backbone(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param in WHOLE:
        torch.manual_seed(0)
        WHOLE[request.param]().save_pretrained(tmp_path / "backbone")
        return tmp_path / "backbone"
    return tiny.save(request.param, tmp_path / "backbone")


def classifier(folder: Path) -> EntityPairClassifier:
    model: EntityPairClassifier = load_model(
        EntityPairClassifier, str(folder), id2label={0: "false", 1: "r"}, label2id={"false": 0, "r": 1}
    )
    return model.eval()


BATCH = {
    "input_ids": torch.tensor([[5, 6, 7, 8], [9, 10, 11, 1]]),
    "attention_mask": torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]]),
    "positions": torch.tensor([[1, 3], [2, 2]]),
}


def test_logits_naively_in_float64(backbone: Path) -> None:
    model = classifier(backbone).double()
    encoder = AutoModel.from_pretrained(backbone, dtype=torch.float64).eval()
    if encoder.config.is_encoder_decoder:
        encoder = encoder.get_encoder()
    states = encoder(input_ids=BATCH["input_ids"], attention_mask=BATCH["attention_mask"]).last_hidden_state
    for row, (head, tail) in enumerate(BATCH["positions"].tolist()):
        for label in range(2):
            weight, bias = model.classifier.weight[label], model.classifier.bias[label]
            size = states.shape[-1]
            expected = bias + sum(
                weight[i] * states[row, head, i] + weight[size + i] * states[row, tail, i] for i in range(size)
            )
            torch.testing.assert_close(model(**BATCH).logits[row, label], expected)


def test_saved_and_loaded_it_is_the_same_with_new_words(backbone: Path, tmp_path: Path) -> None:
    model = classifier(backbone)
    before = model.get_input_embeddings().weight.shape[0]
    model.resize_token_embeddings(before + 3)
    model.save_pretrained(tmp_path / "saved")
    assert sorted(path.name for path in (tmp_path / "saved").iterdir()) == ["config.json", "model.safetensors"]
    again = load_model(EntityPairClassifier, str(tmp_path / "saved"))
    assert again.config.id2label == {0: "false", 1: "r"}
    assert again.get_input_embeddings().weight.shape[0] == before + 3
    torch.testing.assert_close(again(**BATCH).logits, model(**BATCH).logits, rtol=0, atol=0)


def test_every_weight_gets_a_gradient(backbone: Path) -> None:
    """DistributedDataParallel waits for the gradient of each."""
    model = classifier(backbone).train()
    model(**BATCH).logits.sum().backward()
    unused = [name for name, weight in model.named_parameters() if weight.grad is None]
    assert [name for name in unused if "rel_embeddings" not in name] == []  # DeBERTa's own, idle in so small a model
