"""Small encoders with random weights and tokenizers trained on the spot: one of each architecture."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForTokenClassification,
    DebertaV2Config,
    DebertaV2ForTokenClassification,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForTokenClassification,
)

TEXTS = [
    "Cisplatin induced nephrotoxicity in 12 patients with ovarian cancer .",
    "BRCA1 mutations are associated with hereditary breast cancer (HBC) .",
    "Imatinib inhibits BCR-ABL and improves survival in chronic myeloid leukaemia .",
    "No entity here , only words and numbers such as 3.14 and 27 % .",
]
SIZES: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "num_labels": 3,
}
ARCHITECTURES = ("bert", "roberta", "deberta-v2")


def wordpieces(special: list[str], size: int = 120) -> dict[str, int]:
    """Special tokens, characters, and words until there are enough; a trainer would make others in each process."""
    words = sorted({word for text in TEXTS for word in re.findall(r"[a-z]+", text.lower())})
    characters = sorted({character for text in TEXTS for character in text.lower()} - {" "})
    pieces = [*special, *characters, *(f"##{character}" for character in characters if character.isalnum()), *words]
    return {piece: number for number, piece in enumerate(pieces[:size])}


@cache
def tokenizer(architecture: str) -> PreTrainedTokenizerFast:
    """A tokenizer of the architecture's kind: WordPiece, byte-level BPE, Unigram."""
    if architecture == "bert":
        special = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
        base = Tokenizer(models.WordPiece(wordpieces([*special.values()]), unk_token="[UNK]"))
        base.normalizer = normalizers.BertNormalizer()
        base.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer: Any = None
    elif architecture == "roberta":
        special = {"unk_token": "<unk>", "cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>"}
        base = Tokenizer(models.BPE())
        base.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        base.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
            initial_alphabet=alphabet,
            show_progress=False,
        )
    else:
        special = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
        base = Tokenizer(models.Unigram())
        base.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=150, special_tokens=[*special.values()], unk_token="[UNK]", show_progress=False
        )
    if trainer is not None:
        base.train_from_iterator(TEXTS, trainer)
    ends = [
        (special["cls_token"], base.token_to_id(special["cls_token"])),
        (special["sep_token"], base.token_to_id(special["sep_token"])),
    ]
    base.post_processor = processors.TemplateProcessing(
        single=f"{special['cls_token']} $A {special['sep_token']}", special_tokens=ends
    )
    return PreTrainedTokenizerFast(tokenizer_object=base, model_max_length=512, **special)


def model(
    architecture: str = "bert", *, dropout: float = 0.0, positions: int = 64, seed: int = 0, **settings: Any
) -> Any:
    """A token classifier with random weights large enough that gradients are not lost in rounding."""
    torch.manual_seed(seed)
    vocabulary = tokenizer(architecture)
    common = {
        **SIZES,
        "vocab_size": len(vocabulary),
        "pad_token_id": vocabulary.pad_token_id,
        "hidden_dropout_prob": dropout,
        "attention_probs_dropout_prob": dropout,
        "initializer_range": 0.3,
        **settings,
    }
    if architecture == "bert":
        return BertForTokenClassification(BertConfig(max_position_embeddings=positions, **common))
    if architecture == "roberta":
        shifted = positions + vocabulary.pad_token_id + 1
        return RobertaForTokenClassification(RobertaConfig(max_position_embeddings=shifted, **common))
    return DebertaV2ForTokenClassification(
        DebertaV2Config(
            max_position_embeddings=positions, relative_attention=True, position_biased_input=False, **common
        )
    )


def save(architecture: str, folder: Path, **settings: Any) -> Path:
    """A local backbone: the encoder without a head, and its tokenizer, in a folder."""
    model(architecture, **settings).base_model.save_pretrained(folder)
    tokenizer(architecture).save_pretrained(folder)
    return folder


def batch(lengths: tuple[int, ...] = (5, 9, 7), *, seed: int = 0, tokens: int = 60) -> dict[str, torch.Tensor]:
    """Sentences of those lengths (special tokens included), right-padded, some words without a label."""
    generator = torch.Generator().manual_seed(seed)
    longest = max(lengths)
    ids = torch.randint(5, tokens, (len(lengths), longest), generator=generator)
    labels = torch.randint(0, 3, ids.shape, generator=generator)
    labels[torch.rand(ids.shape, generator=generator) < 0.2] = -100
    special = torch.zeros_like(ids)
    attention = torch.ones_like(ids)
    for row, length in enumerate(lengths):
        ids[row, 0], ids[row, length - 1], ids[row, length:] = 1, 2, 0
        attention[row, length:] = 0
        special[row, 0] = special[row, length - 1] = 1
        special[row, length:] = 1
    labels[special.bool()] = -100
    labels[:, 1] = 1
    return {"input_ids": ids, "attention_mask": attention, "special_tokens_mask": special, "labels": labels}
