"""What a model predicts, as attacks compare it, and which of its predictions have a label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from ranat.attacks import Prediction
from ranat.attacks.divergence import Kind
from ranat.errors import UserError

_REMEDY = "give the model's output a field `logits`, or take an attack that climbs on the loss, such as fgm"
_KINDS: dict[str, Kind] = {
    "single_label_classification": "classes",
    "multi_label_classification": "labels",
    "regression": "numbers",
}


def prediction_of(model: Any, output: Any, labels: Tensor | None) -> Prediction:
    """The prediction in a model's output, of the kind that transformers would take it for.

    That is what `config.problem_type` says; else one output is a number, labels of a floating type for each output say
    that each holds or not, and everything else is one class of several.

    Raises:
        UserError: the output has no logits.
    """
    logits = _logits(output)
    kind = _KINDS.get(str(getattr(getattr(model, "config", None), "problem_type", None)))
    if kind is None:
        several = labels is not None and labels.is_floating_point() and labels.shape == logits.shape
        kind = "numbers" if logits.shape[-1] == 1 else "labels" if several else "classes"
    return Prediction(logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits, kind)


def labelled(model: Any, values: Tensor, batch: Mapping[str, Any]) -> Tensor:
    """Those of values (batch,) or (batch, tokens) whose prediction has a label, flattened.

    A causal language model predicts at each token the label of the next.

    Raises:
        UserError: labels and predictions have shapes that do not go together.
    """
    labels = batch.get("labels")
    if labels is None:
        mask = batch.get("attention_mask")
        return values[mask.bool()] if mask is not None and mask.shape == values.shape else values.flatten()
    if labels.shape != values.shape:
        if labels.shape[: values.dim()] != values.shape:
            what = f"predictions for {tuple(values.shape)} cannot be compared where labels are {tuple(labels.shape)}"
            raise UserError(what, remedy="give a label for each prediction, or take an attack that climbs on the loss")
        return values.flatten()
    if _predicts_the_next(model) and values.dim() > 1:
        labels, values = labels[..., 1:], values[..., :-1]
    return values[labels != -100]


def _logits(output: Any) -> Tensor:
    if isinstance(output, Mapping):
        candidates, has = [output.get("logits")], f"it has {', '.join(output)}"
    elif isinstance(output, tuple):  # (loss, logits, …) or (logits, …)
        candidates, has = [part for part in output if getattr(part, "ndim", 0) > 1], "it is a tuple"
    else:
        candidates, has = [getattr(output, "logits", output)], f"it is of {type(output).__name__}"
    for candidate in candidates:
        if isinstance(candidate, Tensor):
            return candidate
    raise UserError(f"the attack compares predictions, but the model's output has no logits ({has})", remedy=_REMEDY)


def _predicts_the_next(model: Any) -> bool:
    bare = model.get_base_model() if hasattr(model, "get_base_model") else model  # PEFT wraps
    return type(bare).__name__ in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()
