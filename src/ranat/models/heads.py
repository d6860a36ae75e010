"""The head of a model that is trained on: it keeps what it learned of the labels that it knew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from ranat.errors import UserError


def give_labels(model: Any, labels: Sequence[str], known: Sequence[str] = ()) -> None:
    """Make the last layer one for the labels, in their order; the weights of those that it knew stay.

    Args:
        model: whose last linear layer has an output for each label that it was made for.
        labels: what it is to tell apart.
        known: its labels so far, in the order of its outputs; none: all begins anew.
    Raises:
        UserError: no linear layer is its head.
    """
    outputs = len(known) or model.config.num_labels
    layers = [
        (name, layer)
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear) and layer.out_features == outputs
    ]
    if not layers:
        what = f"{type(model).__name__} has no linear layer with {outputs} outputs as its head"
        raise UserError(what, remedy="begin with a backbone, not with this model")
    name, old = layers[-1]
    new = nn.Linear(old.in_features, len(labels), bias=old.bias is not None).to(old.weight)
    nn.init.normal_(new.weight, std=getattr(model.config, "initializer_range", 0.02))
    if new.bias is not None:
        nn.init.zeros_(new.bias)
    places = {label: place for place, label in enumerate(known)}
    with torch.no_grad():
        for place, label in enumerate(labels):
            if label in places:
                new.weight[place] = old.weight[places[label]]
                if new.bias is not None:
                    new.bias[place] = old.bias[places[label]]
    model.set_submodule(name, new)
    model.config.id2label = dict(enumerate(labels))
    model.config.label2id = {label: place for place, label in enumerate(labels)}
    if hasattr(model, "num_labels"):
        model.num_labels = len(labels)
