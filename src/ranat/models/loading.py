"""Loading encoders and tokenizers: safetensors only, no code from the hub, nothing truncated behind one's back.

`where` is what an error names as its place: the config key, unless the name was given otherwise.
"""

from __future__ import annotations

import logging
from typing import Any

import transformers
from transformers import AutoConfig, AutoTokenizer

from ranat.errors import UserError
from ranat.models.attention import attention
from ranat.models.backbones import resolve

LONGEST_WINDOW = 512
SHORTEST_WINDOW = 16


def quiet_libraries() -> None:
    """Leave standard error to our own progress and messages."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    logging.getLogger("accelerate").setLevel(logging.ERROR)


def load_tokenizer(name: str, *, where: str = "model") -> Any:
    """The fast tokenizer of a backbone, with the truncation and padding its file may ask for switched off.

    Raises:
        UserError: it cannot be loaded, has no vocabulary, or no fast form (which alone knows which word a token is of).
    """
    source = resolve(name)
    # RoBERTa's tokenizer needs to be told that words are split already; a slow conversion would need sentencepiece.
    tokenizer = _load(AutoTokenizer, source, where, add_prefix_space=True)
    if not tokenizer.is_fast:
        raise UserError(
            f"{type(tokenizer).__name__} has no fast form", where=name, remedy="use a backbone with tokenizer.json"
        )
    # Where the files are missing transformers makes up a tokenizer that knows special tokens only.
    learnt = tokenizer.get_vocab().keys() - set(tokenizer.all_special_tokens)
    if not any(character.isalnum() for token in learnt for character in token):
        raise UserError("the tokenizer has no vocabulary", where=name, remedy="add tokenizer.json or its vocabulary")
    never_truncate(tokenizer)
    return tokenizer


def never_truncate(tokenizer: Any) -> None:
    """Switch off the truncation and padding that a tokenizer carries in its file, and would be saved with."""
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()


def load_model(auto_class: Any, name: str, **settings: Any) -> Any:
    """A backbone with a fresh head, in float32.

    Args:
        auto_class: such as `AutoModelForTokenClassification`.
        name: an alias, hub id or folder.
        settings: of the head, such as id2label and label2id.
    Raises:
        UserError: it cannot be loaded.
    """
    return _load_model(auto_class, name, "model", **settings)


def load_trained(auto_class: Any, name: str, *, where: str) -> Any:
    """A trained model with its head, in float32 and set to predict.

    Raises:
        UserError: it cannot be loaded, or its files have not all of its weights.
    """
    loaded = _load_model(auto_class, name, where, output_loading_info=True)
    # `EntityPairClassifier` insists on every weight itself; transformers makes up what is missing.
    model, info = loaded if isinstance(loaded, tuple) else (loaded, {"missing_keys": ()})
    if missing := sorted(info["missing_keys"]):
        raise UserError(
            f"the files lack {len(missing)} of its weights, such as {missing[0]}",
            where=where,
            remedy="give a model that was trained to the end and saved whole",
        )
    return model.eval()


def window_size(config: Any, tokenizer: Any, *, where: str = "model") -> int:
    """The most tokens, special ones included, that a model takes at once; at most 512.

    Raises:
        UserError: they are too few to be of use.
    """
    positions = getattr(config, "max_position_embeddings", LONGEST_WINDOW)
    if config.model_type in ("roberta", "xlm-roberta", "camembert"):
        positions -= config.pad_token_id + 1  # RoBERTa counts positions from there
    size = int(min(positions, tokenizer.model_max_length, LONGEST_WINDOW))
    if size < SHORTEST_WINDOW:
        raise UserError(
            f"takes {size} tokens at a time",
            where=where,
            remedy=f"{SHORTEST_WINDOW} are the least; see max_position_embeddings and model_max_length",
        )
    return size


def load_config(name: str, *, where: str = "model") -> Any:
    """The configuration of a backbone.

    Raises:
        UserError: it cannot be loaded.
    """
    return _load(AutoConfig, resolve(name), where)


def _load_model(auto_class: Any, name: str, where: str, **settings: Any) -> Any:
    settings |= {"use_safetensors": True, "dtype": "float32", "attn_implementation": attention()}
    return _load(auto_class, resolve(name), where, **settings)


def _load(auto_class: Any, source: str, where: str, **settings: Any) -> Any:
    try:
        return auto_class.from_pretrained(source, trust_remote_code=False, **settings)
    except Exception as error:  # a damaged file may raise anything: SafetensorError, KeyError, a bare Exception
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"cannot load {source}: {first}",
            where=where,
            remedy="give a folder with config.json, model.safetensors and tokenizer.json, or a hub id you can reach",
        ) from error
