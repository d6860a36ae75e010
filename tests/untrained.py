"""Models of random weights that find something: what needs a model, but not a good one, need not train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AddedToken

import tiny
from ranat.documents import Document, Entity
from ranat.documents.pairs import PairTypes
from ranat.models.loading import load_tokenizer
from ranat.tasks import NER, RelationClassification
from ranat.tasks.marking import MARKINGS
from ranat.tasks.relation import RelationOptions

CHEMICAL_GENE = PairTypes(frozenset({("CHEMICAL", "GENE")}))


TEXT = "Cisplatin induced nephrotoxicity; BRCA1 mutations were seen in 12 patients with ovarian cancer."


def saved(task: Any, backbone: Path, folder: Path) -> None:
    """The first model of random weights that finds some of what there is to find, but not all, in a folder."""
    entities = (Entity("T1", "CHEMICAL", ((0, 9),)), Entity("T2", "GENE", ((34, 39),)))
    marked = [Document(text, text, entities) for text in (TEXT, TEXT.replace(";", "."), *tiny.TEXTS)]
    for seed in range(1000):
        torch.manual_seed(seed)
        model = task.new_model(str(backbone))
        torch.nn.init.normal_(model.classifier.weight)
        model.classifier.bias.data[1] += 1  # more B- than chance, or another relation than none
        found = task.predict(model, marked)
        if found[0].relations or all(1 < len(document.entities) < 12 for document in found):
            model.save_pretrained(folder)
            task.tokenizer.save_pretrained(folder)
            return
    raise AssertionError("no model finds anything")


def save_all(folder: Path) -> dict[str, str]:
    """Folders of "chemical", "gene" (both find entities) and "relation"."""
    backbone = tiny.save("bert", folder / "backbone")
    for name, kind in {"chemical": "Chemical", "gene": "GENE"}.items():
        task = NER(["O", f"B-{kind}", f"I-{kind}"], load_tokenizer(str(backbone)), 64)
        saved(task, backbone, folder / name)
    tokenizer = load_tokenizer(str(backbone))
    marks = MARKINGS["dummy"].marks(CHEMICAL_GENE)
    tokenizer.add_tokens([AddedToken(mark, normalized=False) for mark in marks])
    labels = ["false", "CPR:3", "CPR:4"]
    relation = RelationClassification(labels, tokenizer, 64, RelationOptions(), CHEMICAL_GENE)
    saved(relation, backbone, folder / "relation")
    return {name: str(folder / name) for name in ("chemical", "gene", "relation")}
