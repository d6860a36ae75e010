"""What surrounds an attack: checkpointing, DeepSpeed, fp16, a second training, tied weights, odd tokenizers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from scripts import arguments, rows
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, cross_entropy
from torch.utils.checkpoint import checkpoint
from transformers import (
    BartConfig,
    BartModel,
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    MBartTokenizer,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
)

import ranat
import tiny
from ranat import AdversarialStep, AdversarialTrainer
from ranat.attacks import FGM, PGD, SMART, Carry, Noise, TopK
from ranat.errors import UserError
from ranat.gates import Always, Bernoulli, Gate, Never, Quantile
from ranat.models.entity_pair import EntityPairClassifier
from ranat.training import special_ids
from ranat.training.contract import attacked


class Checkpointed(nn.Module):
    """A tagger that computes its whole encoder again in the backward pass."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        sizes = {name: size for name, size in tiny.SIZES.items() if name != "num_labels"}
        self.encoder: Any = BertModel(BertConfig(vocab_size=120, **sizes))
        self.head = nn.Linear(16, 3)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> dict[str, Tensor]:
        def encode(ids: Tensor, mask: Tensor) -> Any:
            return self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state

        logits = self.head(checkpoint(encode, input_ids, attention_mask, use_reentrant=False))
        return {"loss": cross_entropy(logits.flatten(0, 1), labels.flatten()), "logits": logits}


@pytest.mark.parametrize(
    "attack", [FGM(epsilon=3.0), PGD(epsilon=3.0), Noise(epsilon=3.0)], ids=lambda a: type(a).__name__
)
def test_embeddings_that_are_computed_again_are_refused(attack: Any) -> None:
    """There r would be missing, and the gradient another one than that of the loss."""
    model = Checkpointed().train()
    with pytest.raises(UserError, match="computes its word embeddings again in the backward pass"):
        AdversarialStep(attack)(model, tiny.batch())
    AdversarialStep(None)(model, tiny.batch())  # without an attack nothing is wrong, nor are hooks left


def test_deepspeed_is_refused(tmp_path: Path) -> None:
    class OnDeepSpeed(AdversarialTrainer):
        def create_accelerator_and_postprocess(self) -> None:
            super().create_accelerator_and_postprocess()
            self.is_deepspeed_enabled = True

    given: dict[str, Any] = {"model": tiny.model(), "args": arguments(tmp_path), "train_dataset": rows()}
    with pytest.raises(UserError, match="DeepSpeed makes an optimizer step with every backward pass"):
        OnDeepSpeed(**given, attack=FGM())


@pytest.mark.parametrize("optimizer", ["lomo", "adalomo", "galore_adamw_layerwise", "apollo_adamw_layerwise"])
def test_optimizers_that_step_within_the_backward_pass_are_refused(optimizer: str, tmp_path: Path) -> None:
    given: dict[str, Any] = {
        "model": tiny.model(),
        "args": arguments(tmp_path, optim=optimizer),
        "train_dataset": rows(),
    }
    with pytest.raises(UserError, match=f"optim: the optimizer {optimizer} makes its step within a backward pass"):
        AdversarialTrainer(**given, attack=FGM())
    AdversarialTrainer(**given, attack=None)


def test_an_optimizer_that_is_hooked_to_gradients_is_refused() -> None:
    """As PyTorch's tutorial on memory has it: each weight is updated as soon as its gradient is there."""
    model = tiny.model()
    for weight in model.parameters():
        optimizer = torch.optim.AdamW([weight], fused=True)
        weight.register_post_accumulate_grad_hook(lambda weight, optimizer=optimizer: optimizer.step())
    AdversarialStep(None)(model, tiny.batch())
    AdversarialStep(FGM(), gate=Never())(model, tiny.batch())
    before = [weight.detach().clone() for weight in model.parameters()]
    with pytest.raises(UserError, match="something is hooked to the gradients of weights"):
        AdversarialStep(FGM())(model, tiny.batch())
    assert all(torch.equal(one, other) for one, other in zip(before, model.parameters(), strict=True))


def test_ascents_in_fp16_follow_the_gradient() -> None:
    """With half weights 2¹⁶ times a loss is no number; PGD must not stay where its first step was."""
    torch.manual_seed(0)
    sizes = tiny.SIZES | {"max_position_embeddings": 64, "vocab_size": 120}
    whole = BertForSequenceClassification(BertConfig(**sizes)).eval()
    batch = {**tiny.batch(), "labels": torch.tensor([0, 1, 2])}
    found = []
    for model in (whole, whole.half()):
        for attack in (FGM(epsilon=1.0), PGD(epsilon=1.0, steps=5)):
            found.append(attacked(attack, model, batch).learnt[-1].double().flatten())
    cosines = [float(cosine_similarity(found[i], found[i + 1], dim=0)) for i in (0, 2)]
    assert cosines[0] < 0.99
    assert cosines[1] == pytest.approx(cosines[0], abs=1e-3)


@pytest.mark.parametrize(
    ("attack", "gate"),
    [(FGM(epsilon=0.3), Bernoulli(0.5)), (Carry(epsilon=0.3), Always()), (FGM(epsilon=0.3), Quantile(window=2))],
)
def test_a_second_training_begins_anew(attack: Any, gate: Gate, tmp_path: Path) -> None:
    settings = arguments(tmp_path, max_steps=4, num_train_epochs=2, learning_rate=0.1)
    trainer = AdversarialTrainer(
        model_init=lambda: tiny.model(), args=settings, train_dataset=rows(8), processing_class=tiny.tokenizer("bert"),
        attack=attack, gate=gate,
    )  # fmt: skip
    weights, counts = [], []
    for _ in range(2):
        trainer.train()
        weights.append([parameter.detach().clone() for parameter in trainer.model.parameters()])
        counts.append((trainer.step.cost.batches, trainer.step.cost.attacked_batches, len(trainer.step.memory)))
    assert all(map(torch.equal, *weights))
    assert counts[0] == counts[1]
    assert counts[0][0] == 4


def test_topk_leaves_a_batch_without_labels_a_number(tmp_path: Path) -> None:
    def masked(outputs: Any, labels: Tensor, num_items_in_batch: Any = None) -> Tensor:
        flat = labels.flatten()
        each = cross_entropy(outputs.logits.flatten(0, 1), flat.clamp(min=0), reduction="none")
        total: Tensor = (each * (flat != -100)).sum() / num_items_in_batch
        return total

    data = rows(8)
    for row in data[4:]:
        row["labels"] = torch.full_like(row["labels"], -100)
    trainer = AdversarialTrainer(
        model=tiny.model(), args=arguments(tmp_path, gradient_accumulation_steps=2), train_dataset=data,
        processing_class=tiny.tokenizer("bert"), attack=TopK(epsilon=0.1), compute_loss_func=masked,
    )  # fmt: skip
    trainer.train()
    assert all(torch.isfinite(parameter).all() for parameter in trainer.model.parameters())


def test_carry_learns_a_batch_that_is_left_out_as_standard_training_does() -> None:
    def gradient(attack: Any) -> Tensor:
        model = tiny.model()
        AdversarialStep(attack, gate=Never())(model, tiny.batch())
        return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])

    assert torch.allclose(gradient(Carry(adversarial_weight=0.5)), gradient(None), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("attack", [TopK(epsilon=0.1), SMART(epsilon=0.1)], ids=lambda a: type(a).__name__)
def test_no_hook_stays_after_an_error(attack: Any) -> None:
    model = tiny.model()
    with pytest.raises(UserError):
        AdversarialStep(attack)(model, {**tiny.batch(), "spans": [{}], "labels": None})
    assert not model._forward_hooks


def test_tied_weights_are_trained_and_loaded(tmp_path: Path) -> None:
    tokenizer = tiny.tokenizer("bert")
    config = T5Config(vocab_size=len(tokenizer), d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, pad_token_id=0)
    T5EncoderModel(config).save_pretrained(tmp_path / "t5")
    tokenizer.save_pretrained(tmp_path / "t5")
    settings = {"max_steps": 2, "fraction": 0.1, "precision": "fp32"}
    for task, options in {"ner": {}, "relation": {"relation": {"representation": "entity"}}}.items():
        run = ranat.train(
            corpus="demo", model=tmp_path / "t5", task=task, attack="fgm", out=tmp_path / task, train=settings,
            progress=False, **options,
        )  # fmt: skip
        assert 0 <= run.metrics["test"]["f1"] <= 1
    sizes = {"encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
    bart = BartConfig(vocab_size=120, d_model=16, encoder_ffn_dim=32, decoder_ffn_dim=32, **sizes)
    pairs = EntityPairClassifier(BartModel(bart))
    pairs.save_pretrained(tmp_path / "pairs")
    again = EntityPairClassifier.from_pretrained(str(tmp_path / "pairs"), trust_remote_code=False)
    assert all(torch.equal(weight, again.state_dict()[name]) for name, weight in pairs.state_dict().items())


def test_what_a_tokenizer_adds_is_special_whatever_it_is_called() -> None:
    tokenizer = tiny.tokenizer("bert")
    unnamed = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer.backend_tokenizer, pad_token="[PAD]", unk_token="[UNK]"
    )  # only these two have a name
    assert special_ids(unnamed) == special_ids(tokenizer)
    vocabulary = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁a", -1.0)]
    mbart = MBartTokenizer(vocab=vocabulary)
    assert mbart.convert_tokens_to_ids("en_XX") in special_ids(mbart)
    assert mbart.unk_token_id not in special_ids(mbart)


@pytest.mark.parametrize("taken", [lambda items: items, int, lambda items: items.item()], ids=["tensor", "int", "item"])
def test_smart_weighs_the_same_however_a_loss_divides(taken: Any, tmp_path: Path) -> None:
    """By the items of all accumulated batches, as a tensor or as a number, which no graph shows."""

    def divided(outputs: Any, labels: Tensor, num_items_in_batch: Any = None) -> Tensor:
        total = cross_entropy(outputs.logits.flatten(0, 1), labels.flatten(), reduction="sum")
        return total / taken(num_items_in_batch)

    changes = []
    for accumulation in (1, 4):
        model = tiny.model().double().eval()
        before = model.classifier.weight.detach().clone()
        settings = arguments(
            tmp_path, per_device_train_batch_size=8 // accumulation, gradient_accumulation_steps=accumulation
        )
        AdversarialTrainer(
            model=model, args=settings, train_dataset=rows(8), processing_class=tiny.tokenizer("bert"),
            attack=SMART(epsilon=0.1, clean_weight=0), compute_loss_func=divided,
        ).train()  # fmt: skip
        changes.append(model.classifier.weight.detach() - before)
    assert float(changes[1].norm() / changes[0].norm()) == pytest.approx(1, abs=0.05)


def test_a_loss_of_ones_own_is_outside_of_mixed_precision(tmp_path: Path) -> None:
    """As in Trainer's own step: only the model is inside."""
    seen = []

    def told(outputs: Any, labels: Tensor, num_items_in_batch: Any = None) -> Tensor:
        seen.append(torch.is_autocast_enabled("cpu"))
        return cross_entropy(outputs.logits.float().flatten(0, 1), labels.flatten())

    for attack in (None, FGM(epsilon=0.1)):
        AdversarialTrainer(
            model=tiny.model(), args=arguments(tmp_path, bf16=True), train_dataset=rows(8), attack=attack,
            processing_class=tiny.tokenizer("bert"), compute_loss_func=told,
        ).train()  # fmt: skip
    assert seen == [False, False, False]
