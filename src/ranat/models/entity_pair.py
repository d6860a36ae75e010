"""An encoder with a classifier over the states at the marks of two entities (Baldini Soares et al. 2019)."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from typing import Any, Self

import torch
from safetensors.torch import load_model, save_model
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel
from transformers.modeling_outputs import SequenceClassifierOutput

from ranat.errors import UserError


class EntityPairClassifier(nn.Module):
    """logits = W · [h_head; h_tail] + b, h being the last hidden state where an entity's mark starts.

    Works with every encoder that `AutoModel` loads; saved and loaded like a model of transformers, safetensors only.
    transformers itself does not know this head, so its pipelines do not load the saved folder.

    Args:
        encoder: an encoder whose configuration has the labels. What would get no gradient is dropped: its pooler, or
            the decoder of an encoder-decoder model.
    """

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.config = config = encoder.config
        if "decoder_input_ids" in signature(encoder.forward).parameters:  # whatever the configuration says
            encoder = encoder.get_encoder()
        if getattr(encoder, "pooler", None) is not None:
            encoder.pooler = None
        self.encoder = encoder
        self.dropout = nn.Dropout(getattr(config, "hidden_dropout_prob", 0.1))
        self.classifier = nn.Linear(2 * config.hidden_size, config.num_labels)
        nn.init.normal_(self.classifier.weight, std=getattr(config, "initializer_range", 0.02))
        nn.init.zeros_(self.classifier.bias)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, positions: Tensor, **inputs: Any
    ) -> SequenceClassifierOutput:
        """Logits (batch, labels) from input_ids (batch, tokens) and the marks' positions (batch, 2)."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **inputs).last_hidden_state
        marks = states.gather(1, positions.unsqueeze(-1).expand(-1, -1, states.shape[-1])).flatten(1)
        return SequenceClassifierOutput(logits=self.classifier(self.dropout(marks)))

    def get_input_embeddings(self) -> Any:
        """The word embeddings."""
        return self.encoder.get_input_embeddings()

    def resize_token_embeddings(self, size: int) -> Any:
        """Make room for new tokens."""
        embeddings = self.encoder.resize_token_embeddings(size)
        self.config.vocab_size = size  # that of an encoder-decoder model is another than its encoder's
        return embeddings

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.classifier.weight.device

    @classmethod
    def from_pretrained(cls, source: str, *, use_safetensors: bool = True, **settings: Any) -> Self:
        """A trained classifier from the folder that holds one, else a fresh one on a pre-trained encoder."""
        labels = {name: settings.pop(name) for name in ("id2label", "label2id") if name in settings}
        config = AutoConfig.from_pretrained(source, **labels, trust_remote_code=settings["trust_remote_code"])
        if cls.__name__ not in (config.architectures or ()):
            encoder = AutoModel.from_pretrained(source, config=config, use_safetensors=use_safetensors, **settings)
            return cls(encoder)
        model = cls(AutoModel.from_config(config, attn_implementation=settings.get("attn_implementation")))
        load_model(model, Path(source) / "model.safetensors")
        return model.eval()

    @classmethod
    def refuse(cls, config: Any) -> None:
        """Refuse a model that has this head: no other class finds the weights of its encoder.

        Raises:
            UserError: its configuration says that it has.
        """
        if cls.__name__ in (config.architectures or ()):
            remedy = "go on with --task relation --relation.representation entity, or begin with a backbone"
            raise UserError("has a head over two entities, which cannot be taken away", where="model", remedy=remedy)

    def save_pretrained(self, folder: Path | str) -> None:
        """Write config.json and model.safetensors."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        self.config.architectures = [type(self).__name__]
        self.config.save_pretrained(folder)
        save_model(self, str(Path(folder) / "model.safetensors"), metadata={"format": "pt"})  # tied weights once
