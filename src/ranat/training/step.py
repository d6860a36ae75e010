"""One training step with random adversarial training (paper Fig. 1 and Eq. 25), for any PyTorch loop."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ranat.attacks import Attack, Output
from ranat.gates import Always, Gate
from ranat.training.cost import Cost
from ranat.training.passes import Batch, BatchPasses, Loss, Mean

Dropout = Literal["shared", "fresh"]


def model_loss(model: Any, batch: Batch) -> Output:
    """The loss and logits that a transformers model computes from its inputs and labels."""
    output = model(**batch)
    return Output(output["loss"], output["logits"])


@dataclass
class AdversarialStep:
    """Draws k, then learns from the batch: plainly if k = 0, through the attack if k = 1.

        step = AdversarialStep(attack=FGM(epsilon=0.3), gate=Bernoulli(p=0.5, seed=0))
        loss = step(model, batch, backward=accelerator.backward)
        optimizer.step()

    k is drawn before anything is computed, so a skipped batch costs one forward and one backward pass.

    Args:
        attack: what to do if k = 1; None: nothing, whatever the gate says.
        gate: k as a function of the optimizer step.
        dropout: "shared": all passes of a batch draw the same dropout, so that r climbs the loss of the very network it
            is then added to, as the equations have one f; Zhu et al. 2020 (section 3.3) found that needed. And the
            generators move on by one pass, attacked or not, so runs with and without an attack stay comparable.
            "fresh": each pass draws its own.
        seed: of random starts.
        special_ids: token ids that are never perturbed, used if the batch brings no special_tokens_mask.
        embeddings: the word-embedding module or its dotted name; None: see `ranat.models.embedding.word_embeddings`.
        accumulation: batches that make up one optimizer step, if `at` is not given.
        cost: counts of the passes made.
    """

    attack: Attack | None
    gate: Gate = field(default_factory=Always)
    dropout: Dropout = "shared"
    seed: int = 0
    special_ids: Collection[int] = ()
    embeddings: nn.Module | str | None = None
    accumulation: int = 1
    cost: Cost = field(default_factory=Cost)

    def draw(self, at: int) -> Attack | None:
        """The attack if the batches of that optimizer step are attacked (k = 1), else None."""
        return self.attack if self.attack is not None and self.gate(at) else None

    def __call__(
        self,
        model: Any,
        batch: Batch,
        backward: Callable[[Tensor], Any] = torch.Tensor.backward,
        *,
        loss: Loss = model_loss,
        mean: Mean = torch.mean,
        at: int | None = None,
    ) -> Tensor:
        """Leave the gradient of clean + adversarial loss in θ.grad.

        Args:
            model: a transformers model, bare or in DistributedDataParallel.
            batch: its inputs: input_ids (batch, tokens), attention_mask, labels …; a special_tokens_mask is taken out.
            backward: differentiates a loss, such as `accelerator.backward`.
            loss: runs the model on a batch, if it is not the model's own loss.
            mean: normalises (n,) values as that loss does.
            at: the optimizer step, counted from 0; None: counted from the batches seen.
        Returns:
            The objective (), without a graph.
        """
        at = self.cost.batches // self.accumulation if at is None else at
        inputs = {name: value for name, value in batch.items() if name != "special_tokens_mask"}
        attack = self.draw(at)
        if attack is None:
            objective = loss(model, inputs).loss
            backward(objective)
            self.count_plain()
            return objective.detach()
        passes = BatchPasses(
            model,
            inputs,
            self.perturbable(batch).flatten(0, -2),
            loss=loss,
            backward=backward,
            mean=mean,
            cost=self.cost,
            shared_dropout=self.dropout == "shared",
            noise_seed=(self.seed, at),
            embeddings=self.embeddings,
        )
        attack(passes)
        self.cost.batches += 1
        self.cost.attacked_batches += 1
        self.cost.unusable_gradients += passes.unusable()
        return passes.objective

    def count_plain(self) -> None:
        """Count a batch that was not attacked."""
        self.cost.batches += 1
        self.cost.forward += 1
        self.cost.backward += 1

    def perturbable(self, batch: Batch) -> Tensor:
        """(batch, tokens), bool: tokens that are neither padding nor special."""
        ids: Tensor = batch["input_ids"]
        mask: Tensor = batch.get("attention_mask", torch.ones_like(ids)).bool()
        if "special_tokens_mask" in batch:
            special: Tensor = batch["special_tokens_mask"].bool()
            return mask & ~special
        return mask & ~torch.isin(ids, torch.tensor(sorted(self.special_ids), device=ids.device, dtype=ids.dtype))


def special_ids(tokenizer: Any) -> frozenset[int]:
    """The ids a tokenizer adds around and between texts and pads with; not [UNK], which stands for a word."""
    names = ("cls_token_id", "sep_token_id", "bos_token_id", "eos_token_id", "pad_token_id")
    return frozenset(i for name in names if (i := getattr(tokenizer, name, None)) is not None)
