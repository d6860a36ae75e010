"""Every architecture that transformers registers: made small, with random weights and a padded batch."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import torch
import transformers
from torch import Tensor
from transformers import CONFIG_MAPPING
from transformers.models.auto import modeling_auto

HEADS: dict[str, dict[str, Any]] = {
    "token": modeling_auto.MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES,
    "sequence": modeling_auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
    "seq2seq": modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    "choice": modeling_auto.MODEL_FOR_MULTIPLE_CHOICE_MAPPING_NAMES,
    "causal": modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
}
"""Of each kind of head, the types of model that have it."""

WORDS = 99
"""The size of the vocabulary; no other table of a small model has that many rows."""

SPECIAL = (0, 1, 2)
"""Ids that pad a text, begin it and end it."""

LARGEST = 2_000_000
"""Parameters; what stays larger with the keys below is left out."""

LENGTHS = (5, 12, 7, 8, 6, 10)
"""The longest is no multiple of Longformer's window, but one of Reformer's chunk, as it has to be there."""

COMMON: dict[str, Any] = {
    "vocab_size": WORDS,
    "num_labels": 3,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 2,
    "hidden_size": 32,
    "embedding_size": 16,
    "intermediate_size": 48,
    "ffn_hidden_size": 48,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "d_ff": 48,
    "num_hidden_layers": 2,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "num_encoder_layers": 2,
    "num_decoder_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "num_encoder_attention_heads": 4,
    "num_decoder_attention_heads": 4,
    "head_dim": 8,
    "d_kv": 8,
    "kv_lora_rank": 8,
    "q_lora_rank": 8,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 8,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "num_experts": 4,
    "num_local_experts": 4,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "n_group": 1,
    "topk_group": 1,
    "moe_intermediate_size": 16,
    "shared_expert_intermediate_size": 16,
    "max_position_embeddings": 64,
    "n_positions": 64,
    "chunk_size": 8,
    "num_hash_buckets": 97,
}
"""Keys that make a model small; a configuration is given those that it has."""

MIXED = ["linear_attention", "full_attention"]
SMALL_GEMMA = {key: COMMON[key] for key in COMMON if key != "num_labels"} | {
    "layer_types": ["sliding_attention", "full_attention"]
}
OWN: dict[str, dict[str, Any]] = {
    "bailing_hybrid": {"layer_types": MIXED},
    "big_bird": {"block_size": 2, "num_random_blocks": 1},
    "bigbird_pegasus": {"block_size": 2, "num_random_blocks": 1},
    "bros": {"hidden_size": 64},
    "codegen": {"rotary_dim": 4},
    "ctrl": {"dff": 48},
    "encoder-decoder": {
        "encoder": {"model_type": "bert", **COMMON},
        "decoder": {"model_type": "bert", **COMMON, "is_decoder": True, "add_cross_attention": True},
    },
    "falcon_h1": {"mamba_d_ssm": 32, "mamba_n_heads": 4, "mamba_d_head": 8, "mamba_chunk_size": 8},
    "fsmt": {"src_vocab_size": WORDS, "tgt_vocab_size": WORDS},
    "funnel": {"block_sizes": [1, 1], "num_decoder_layers": 1, "d_head": 8, "d_inner": 48},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "gptj": {"rotary_dim": 4},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "layoutlmv3": {"coordinate_size": 4, "shape_size": 8, "visual_embed": False},
    "led": {"attention_window": 8},
    "lilt": {"hidden_size": 48},
    "longformer": {"attention_window": 8},
    "luke": {"entity_vocab_size": 7, "entity_emb_size": 8},
    "mamba2": {"num_heads": 8},
    "markuplm": {"max_depth": 5},
    "nemotron_h": {"mamba_num_heads": 8, "mamba_head_dim": 8},
    "pegasus_x": {"block_size": 8, "num_global_tokens": 2},
    "perceiver": {
        "num_latents": 4,
        "d_latents": 32,
        "num_self_attends_per_block": 1,
        "num_self_attention_heads": 4,
        "num_cross_attention_heads": 4,
    },
    "qwen3_5_moe_text": {"layer_types": MIXED},
    "qwen3_5_text": {"layer_types": MIXED},
    "qwen3_next": {"layer_types": MIXED},
    "reformer": {
        "attn_layers": ["local", "lsh"],
        "axial_pos_shape": [3, 4],
        "axial_pos_embds_dim": [16, 16],
        "attention_head_size": 8,
        "feed_forward_size": 48,
        "local_attn_chunk_length": 4,
        "lsh_attn_chunk_length": 4,
        "num_buckets": 2,
        "hash_seed": 0,
        "hidden_dropout_prob": 0.0,
        "local_attention_probs_dropout_prob": 0.0,
    },
    "roc_bert": {"pronunciation_vocab_size": 7, "shape_vocab_size": 7},
    "squeezebert": {"embedding_size": 32},
    "t5gemma": {"encoder": SMALL_GEMMA, "decoder": SMALL_GEMMA},
    "xmod": {"default_language": "en_XX"},
}
"""Keys that one type of model needs besides."""


def small(model_type: str, head: str) -> Any:
    """The model in float64, without dropout, with weights large enough that every part of it matters.

    Raises:
        ValueError: those keys do not make it small.
    """
    kind = CONFIG_MAPPING[model_type]
    known = {"num_labels", *(field.name for field in dataclasses.fields(kind))}
    settings = {kind.attribute_map.get(key, key): value for key, value in COMMON.items()} | OWN.get(model_type, {})
    config = kind(**{key: value for key, value in settings.items() if key in known})
    config.decoder_start_token_id = 2
    config._experts_implementation = "eager"  # others know no float64
    names = HEADS[head][model_type]
    architecture = getattr(transformers, names if isinstance(names, str) else names[0])
    with torch.device("meta"):
        size = sum(parameter.numel() for parameter in architecture(config).parameters())
    if size > LARGEST:
        raise ValueError(f"it stays above {LARGEST:,} parameters")
    torch.manual_seed(0)
    model = architecture(config).double().train(model_type == "reformer")  # which only differentiates in training
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def batch(model: Any, head: str, lengths: tuple[int, ...] = LENGTHS) -> dict[str, Tensor]:
    """Texts of those lengths, right-padded with 0, each from 1 to 2, and labels as the head wants them."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.zeros(len(lengths), max(lengths), dtype=torch.long)
    for row, length in enumerate(lengths):
        ids[row, :length] = torch.randint(5, WORDS, (length,), generator=generator)
        ids[row, 0], ids[row, length - 1] = 1, 2
    inputs = {"input_ids": ids, "attention_mask": (ids > 0).long(), "bbox": torch.ones(*ids.shape, 4, dtype=torch.long)}
    if head == "token":
        labels = torch.randint(0, 3, ids.shape, generator=generator).where(ids > 2, -100)
        labels[:, 2] = -100
    elif head == "seq2seq":
        labels = torch.randint(5, WORDS, (len(ids), 4), generator=generator)
        labels[0, 2:] = -100
        inputs["decoder_input_ids"] = torch.randint(5, WORDS, labels.shape, generator=generator)
    elif head == "causal":
        labels = ids.where(ids > 0, -100)
    elif head == "choice":
        inputs = {name: each.unflatten(0, (-1, 3)) for name, each in inputs.items()}
        labels = torch.arange(len(ids) // 3) % 3
    else:
        labels = torch.randint(0, 3, (len(ids),), generator=generator)
    accepted = inspect.signature(model.forward).parameters
    return {name: each for name, each in {**inputs, "labels": labels}.items() if name in accepted}
