"""A corpus of one's own: a folder or an archive with train, dev and test in any supported format."""

from __future__ import annotations

from ranat.corpora.corpus import Corpus, Splits
from ranat.corpora.files import File, Folder
from ranat.corpora.sample import SEED, tenth, types
from ranat.documents import formats
from ranat.documents.document import Document
from ranat.documents.source import Notice
from ranat.errors import UserError

_NAMES = {"train": ("train",), "dev": ("dev", "devel", "valid", "validation"), "test": ("test",)}


def load(folder: Folder) -> Corpus:
    """Read the splits; without dev, a seeded tenth of the documents of train is taken for it.

    Raises:
        UserError: there is no train, a split has two files, or dev or test has a type that train lacks.
    """
    files = {split: file for split in _NAMES if (file := _file(folder, split))}
    if "train" not in files:
        raise UserError(
            "no file of training documents", where=str(folder.path), remedy="name it train, such as train.tsv"
        )
    notices: list[Notice] = []
    splits: Splits = {
        split: tuple(formats.read(file.open(), file.name, notices=notices)) for split, file in files.items()
    }
    for split in ("dev", "test"):
        if split in files:
            _check_types(splits["train"], splits[split], split, files[split].name)
        else:
            notices.append(Notice("note", f"no file of {split} documents", str(folder.path)))
    if "dev" not in files:
        all_train = splits["train"]
        splits["train"], splits["dev"] = tenth(all_train, files["train"].name)
        what = f"{len(splits['dev'])} of the {len(all_train)} train documents taken for dev (seed {SEED})"
        notices.append(Notice("note", what, files["train"].name, len(splits["dev"])))
    ordered = {split: splits[split] for split in _NAMES if split in splits}
    names = tuple(file.name for file in files.values())
    return Corpus(str(folder.path), "own", "ner", ordered, tuple(notices), str(folder.path), names)


def _file(folder: Folder, split: str) -> File | None:
    # A folder's own files only: what lies deeper may be another corpus.
    files = folder.archived if folder.path.is_file() else [file for file in folder.plain if "/" not in file.path]
    matches = [file for file in files if file.path.split("/")[-1].split(".")[0].lower() in _NAMES[split]]
    if len(matches) > 1:
        names = " and ".join(file.path for file in matches[:2])
        raise UserError(f"{names} are both files of {split} documents", where=str(folder.path), remedy="keep one")
    return matches[0] if matches else None


def _check_types(train: tuple[Document, ...], others: tuple[Document, ...], split: str, name: str) -> None:
    known = set[str]().union(*map(types, train))
    for document in others:
        if lacking := sorted(types(document) - known):
            raise UserError(
                f"document {document.id!r} has the type {lacking[0]!r}, which train lacks",
                where=name,
                remedy=f"train has {', '.join(map(repr, sorted(known))) or 'no mention'}; a model learns only those",
            )
