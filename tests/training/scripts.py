"""What people have: models, losses and batches of every kind, small and with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertModel, GPT2Config, GPT2LMHeadModel, TrainingArguments

import tiny


def arguments(folder: Path, **settings: Any) -> TrainingArguments:
    """One step of plain SGD with a learning rate of 1, so that the weights' change is the gradient."""
    defaults: dict[str, Any] = {
        "per_device_train_batch_size": 4, "max_steps": 1, "learning_rate": 1.0, "lr_scheduler_type": "constant",
        "optim": "sgd", "weight_decay": 0.0, "max_grad_norm": 0.0, "report_to": "none", "save_strategy": "no",
        "use_cpu": True, "remove_unused_columns": False, "disable_tqdm": True, "seed": 1,
        "train_sampling_strategy": "sequential",
    }  # fmt: skip
    return TrainingArguments(output_dir=str(folder), **(defaults | settings))


def rows(count: int = 8, *, length: int = 8, labels: str = "words", classes: int = 3) -> list[dict[str, Any]]:
    """Examples of one length, without a special_tokens_mask."""
    found = []
    for number in range(count):
        batch = tiny.batch((length,), seed=number)
        generator = torch.Generator().manual_seed(number)
        row = {name: batch[name][0] for name in ("input_ids", "attention_mask")}
        if labels == "words":
            row["labels"] = batch["labels"][0]
        elif labels == "class":
            row["labels"] = torch.randint(0, classes, (), generator=generator)
        elif labels == "several":
            row["labels"] = torch.randint(0, 2, (classes,), generator=generator).float()
        elif labels == "number":
            row["labels"] = torch.randn((), generator=generator, dtype=torch.float64)
        elif labels == "next":
            row["labels"] = torch.where(torch.arange(length) < length // 3, -100, row["input_ids"])
        elif labels == "span":
            row |= {"start_positions": torch.tensor(1 + number % 3), "end_positions": torch.tensor(4 + number % 3)}
        found.append(row)
    return found


def causal(seed: int = 0) -> GPT2LMHeadModel:
    """A language model."""
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=120, n_positions=64, n_embd=16, n_layer=2, n_head=2, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0,
        initializer_range=0.3,
    )  # fmt: skip
    return GPT2LMHeadModel(config)


class Plain(nn.Module):
    """A module of one's own: two heads, outputs without logits or a dictionary of one's own."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.words = nn.Embedding(120, 16)
        self.mixed = nn.Linear(16, 16)
        self.one, self.other = nn.Linear(16, classes), nn.Linear(16, 2)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        states = torch.tanh(self.mixed(self.words(input_ids))) * attention_mask.unsqueeze(-1)
        pooled = states.mean(1)
        heads = {"first": self.one(pooled), "second": self.other(pooled)}
        if labels is not None:
            heads["loss"] = cross_entropy(heads["first"], labels) + cross_entropy(heads["second"], labels % 2)
        return heads


def encoder(**settings: Any) -> BertModel:
    """A small BERT without a head."""
    torch.manual_seed(0)
    return BertModel(BertConfig(**{**tiny.SIZES, "vocab_size": 120, "initializer_range": 0.3, **settings}))
