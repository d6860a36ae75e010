"""One training step with random adversarial training (paper Fig. 1 and Eq. 25), for any PyTorch loop."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import torch
import torch.distributed
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from ranat.attacks import Attack, Dropout, Passes
from ranat.errors import UserError
from ranat.gates import Always, Gate, ObservingGate, Signal
from ranat.training.cost import Cost
from ranat.training.memory import ExampleMemory
from ranat.training.passes import Batch, BatchPasses, Loss, Mean, attended, rows_of

SPECIAL_TOKENS_MASK = "special_tokens_mask"


def model_loss(model: Any, batch: Batch) -> Tensor:
    """The loss that a transformers model computes from its inputs and labels."""
    output = model(**batch)
    loss = output.get("loss") if isinstance(output, Mapping) else output[0]
    if not isinstance(loss, Tensor):
        raise UserError("the model gives no loss for this batch", remedy="give labels, or the step a `loss` of its own")
    return loss


@dataclass
class AdversarialStep:
    """Draws k, then makes the passes of the batch: one clean pass if k = 0, those of the attack if k = 1.

        step = AdversarialStep(attack=FGM(epsilon=0.3), gate=Bernoulli(p=0.5, seed=0))
        loss = step(model, batch, backward=accelerator.backward)
        optimizer.step()

    k is drawn before anything is computed, so a skipped batch costs one forward and one backward pass.

    Args:
        attack: what to do if k = 1; None: nothing, whatever the gate says.
        gate: k as a function of the optimizer step.
        dropout: "shared": all passes of a batch use the same dropout mask, so that r climbs the loss of the network it
            is then added to, as the equations have one f; Zhu et al. 2020 (section 3.3) report that this is needed.
            Every batch then advances the random state by one pass, attacked or not, so runs with and without an attack
            stay comparable. "fresh": each pass draws its own mask, as it does for an attack that needs that.
        seed: of random starts.
        special_ids: token ids that are never perturbed, used if the batch brings no special_tokens_mask.
        embeddings: the word-embedding module, or its dotted name in the model; None: where the model says it embeds.
        accumulation: batches that make up one optimizer step, if `at` is not given. It must divide the batches of an
            epoch if the last ones make up a step of their own, as with Accelerate; otherwise give `at`.
        cost: counts of the passes made.
        memory: what an attack keeps of examples, such as `carry`; beside the step's state, a checkpoint needs it.
    Raises:
        TypeError: `attack` is no attack, or `gate` no gate.
        ValueError: there is no such `dropout`, or `accumulation` is below 1.
    """

    attack: Attack | None
    gate: Gate = field(default_factory=Always)
    dropout: Dropout = "shared"
    seed: int = 0
    special_ids: Collection[int] = ()
    embeddings: nn.Module | str | None = None
    accumulation: int = 1
    cost: Cost = field(default_factory=Cost)
    memory: ExampleMemory = field(default_factory=ExampleMemory)

    def __post_init__(self) -> None:
        if self.attack is not None and not isinstance(self.attack, Attack):
            raise TypeError(f"attack must be an attack, such as FGM(epsilon=0.3), or None, not {self.attack!r}")
        if not isinstance(self.gate, Gate):
            raise TypeError(f"gate must be a gate, such as Bernoulli(p=0.5), not {self.gate!r}")
        if self.dropout not in get_args(Dropout):
            raise ValueError(f"dropout must be one of {', '.join(get_args(Dropout))}, not {self.dropout!r}")
        if self.accumulation < 1:
            raise ValueError(f"accumulation must be at least 1, not {self.accumulation!r}")
        self._drawn_at, self._open = -1, False
        self._observed: list[Signal] = []

    def begin(self, seed: int) -> None:
        """Forget what was counted, kept and observed, for a training from the start with that seed."""
        self.seed, self.cost, self.memory = seed, Cost(), ExampleMemory()
        self._drawn_at, self._open = -1, False
        self._observed.clear()
        if isinstance(self.gate, ObservingGate):
            gate: Any = self.gate
            self.gate = replace(gate)

    def draw(self, at: int) -> Callable[[Passes], None] | None:
        """What is made of the batches of that optimizer step; None: a plain pass. The gate is asked once a step.

        It is the attack if k = 1, and nothing if k = 0, unless the attack sees every batch.
        """
        if at != self._drawn_at:
            self.tell_gate()
            self._drawn_at, self._open = at, self.attack is not None and self.gate(at)
        if self._open or self.attack is None:
            return self.attack
        return self.attack.rest if self.attack.sees_every_batch else None

    def __call__(
        self,
        model: Any,
        batch: Batch,
        backward: Callable[[Tensor], Any] = torch.Tensor.backward,
        *,
        loss: Loss = model_loss,
        mean: Mean = torch.mean,
        at: int | None = None,
        gradient_scale: float = 1.0,
    ) -> Tensor:
        """Leave the gradient of clean + adversarial loss in θ.grad.

        Args:
            model: a transformers model or another module, bare or in DistributedDataParallel.
            batch: its inputs: input_ids (batch, tokens), attention_mask, labels …; a special_tokens_mask is taken out.
            backward: differentiates a loss, such as `accelerator.backward`.
            loss: runs the model on a batch, and gives its loss (), if it is not the model's own loss.
            mean: normalises (n,) values as that loss does.
            at: the optimizer step, counted from 0; None: counted from the batches seen.
            gradient_scale: what `backward` multiplies losses by, for gates that observe gradients.
        Returns:
            The objective (), without a graph.
        Raises:
            UserError: the batch has no input_ids, the model does not embed them as `Perturbed` can follow, or an
                optimizer is hooked to its gradients.
        """
        learn_by = self.draw(self.cost.batches // self.accumulation if at is None else at)
        inputs = {name: value for name, value in batch.items() if name != SPECIAL_TOKENS_MASK}
        if self.attack is None or learn_by is None:
            objective = loss(model, inputs)
            backward(objective)
            self.cost.add_plain()
        else:
            _check_hooks(model)
            passes = BatchPasses(
                model,
                inputs,
                self.perturbable(batch),
                embeddings=self.embeddings,
                loss=loss,
                backward=backward,
                mean=mean,
                cost=self.cost,
                shared_dropout=self.dropout == "shared" and not self.attack.needs_fresh_dropout,
                noise_seed=(self.seed, self._drawn_at),
                memory=self.memory,
            )
            learn_by(passes)
            objective = passes.objective
            self.cost.batches += 1
            self.cost.attacked_batches += self._open
            self.cost.unusable_gradients += passes.unusable()
            self.cost.relative_radius += passes.relative_radius()
        self.observe(model, objective, gradient_scale=gradient_scale)
        return objective.detach()

    def observe(self, model: nn.Module, objective: Tensor, *, gradient_scale: float = 1.0) -> None:
        """Keep what a batch gave for a gate that observes; θ.grad is that of the optimizer step so far."""
        if isinstance(self.gate, ObservingGate):
            gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
            norm = torch.nn.utils.get_total_norm(gradients) / gradient_scale
            self._observed.append(Signal(float(objective.detach()), float(norm)))

    def tell_gate(self) -> None:
        """Let the gate look at the last optimizer step. It sees the mean over processes, so all of them call this."""
        if self._observed and isinstance(self.gate, ObservingGate):
            loss = sum(signal.loss for signal in self._observed)
            seen = torch.tensor([loss, self._observed[-1].gradient_norm], dtype=torch.float64)
            if torch.distributed.is_available() and torch.distributed.is_initialized():
                parts: list[Any] = [None] * torch.distributed.get_world_size()
                torch.distributed.all_gather_object(parts, seen)
                seen = torch.stack(parts).mean(0)
            self.gate.observe(self._drawn_at, Signal(*seen.tolist()))
        self._observed.clear()

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must hold for a resumed run to go on as if nothing had happened.

        With several processes and a gate that observes, each process calls this, or `tell_gate` before.
        """
        self.tell_gate()
        remembered = self.gate.state_dict() if isinstance(self.gate, ObservingGate) else {}
        return {"cost": self.cost.to_dict(), "gate": remembered}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.cost.restore(state["cost"])
        if isinstance(self.gate, ObservingGate):
            self.gate.load_state_dict(state["gate"])

    def perturbable(self, batch: Batch) -> Tensor:
        """(rows, tokens), bool: tokens that are neither padding nor special.

        Raises:
            UserError: the batch has no input_ids, or a mask of another shape.
        """
        if not isinstance(batch.get("input_ids"), Tensor):
            raise UserError(
                f"the batch has no input_ids to perturb the embeddings of: it has {', '.join(batch)}",
                remedy="name the token ids input_ids, two texts in one batch; inputs_embeds cannot be attacked",
            )
        ids, special = rows_of(batch["input_ids"]), batch.get(SPECIAL_TOKENS_MASK)
        if special is None:
            known = torch.tensor(sorted(self.special_ids), device=ids.device, dtype=ids.dtype)
            return attended(batch) & ~torch.isin(ids, known)
        if special.shape != batch["input_ids"].shape:
            what = f"{SPECIAL_TOKENS_MASK} is {tuple(special.shape)}, input_ids {tuple(batch['input_ids'].shape)}"
            raise UserError(what, remedy="give a mask with a value for each token, as tokenizers do")
        return attended(batch) & ~rows_of(special).bool()


def _check_hooks(model: nn.Module) -> None:
    """What is done with a gradient as soon as it is there, is done after each of an attack's passes."""
    if any(parameter._post_accumulate_grad_hooks for parameter in model.parameters()):
        raise UserError(
            "something is hooked to the gradients of weights, such as an optimizer that steps within the backward "
            "pass, and an attack makes several of them",
            remedy="let the optimizer make its step after the backward pass",
        )


def special_ids(tokenizer: Any) -> frozenset[int]:
    """The ids a tokenizer adds around and between texts and pads with; not [UNK], which stands for a word."""
    names = ("cls_token_id", "sep_token_id", "bos_token_id", "eos_token_id", "pad_token_id")
    named = {i for name in names if (i := getattr(tokenizer, name, None)) is not None}
    if not isinstance(tokenizer, PreTrainedTokenizerBase):
        return frozenset(named)
    for texts in (("a",), ("a", "a")):  # some add more than they have names for, such as the code of a language
        encoded = tokenizer(*texts, return_special_tokens_mask=True)
        named |= {i for i, added in zip(encoded["input_ids"], encoded[SPECIAL_TOKENS_MASK], strict=True) if added}
    return frozenset(named - {tokenizer.unk_token_id})
