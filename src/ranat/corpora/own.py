"""A corpus of one's own: a folder or an archive with train, dev and test in any supported format, or all in one.

`parts` finds the files of each split; here they are read and checked against each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from ranat.corpora.corpus import Corpus, Splits
from ranat.corpora.files import Folder
from ranat.corpora.parts import NAMES, parts_of, undivided
from ranat.corpora.sample import SEED, labels, relation_types, tenth, types
from ranat.documents.concepts import are_between_mentions
from ranat.documents.document import Document
from ranat.documents.pairs import PairTypes, candidates
from ranat.errors import UserError
from ranat.formats import How, instances
from ranat.formats.notice import Notice
from ranat.terminal import counted

_TOLD = 10


class OddFilesError(UserError):
    """What must be mended before the files can be used; the message has the first ten of it.

    Args:
        errors: each of them.
        notices: all that was odd, these included.
    """

    def __init__(self, errors: Sequence[Notice], notices: Sequence[Notice]) -> None:
        self.errors, self.notices = tuple(errors), tuple(notices)
        told = [notice.as_error() for notice in self.errors]
        if len(told) == 1:
            super().__init__(told[0].what, where=told[0].where, remedy=told[0].remedy)
            return
        more = len(told) - _TOLD
        self.details = (*map(str, told[:_TOLD]), *([f"and {more:,} more"] if more > 0 else []))
        super().__init__(f"{counted(len(told), 'errors')} in the files")


def load(folder: Folder, how: How = How()) -> Corpus:
    """Read the splits; without dev, a seeded tenth of the documents of train is taken for it.

    Documents that are not divided into splits at all, in one file or folder, are train; a tenth of them is test, and a
    tenth of the rest dev.

    Files of instances (sentences with their pair marked) make a corpus for the relation task, all others one for NER.

    Raises:
        OddFilesError: documents cannot be read, or reading is strict and marks are odd; all of them are told.
        UserError: there is no train, a split is there twice, dev or test has a type that train lacks, or some splits
            are instances and others are not.
    """
    parts = parts_of(folder, how)
    whole = None if parts else undivided(folder, how)
    if whole:
        parts = {"train": whole}
    if "train" not in parts:
        raise UserError(
            "no file of training documents", where=str(folder.path), remedy="name it train, such as train.tsv"
        )
    kinds = {split: part.instances(how) for split, part in parts.items()}
    is_instances = kinds["train"]
    nouns = ("instances", "documents") if is_instances else ("documents", "instances")
    for split, kind in kinds.items():
        if kind != is_instances:
            what = f"train has {nouns[0]} but {split} has {nouns[1]}"
            raise UserError(what, where=parts[split].name, remedy="give all splits as one or the other")
    notices: list[Notice] = []
    splits: Splits = {split: part.read(how, notices) for split, part in parts.items()}
    if errors := [notice for notice in notices if notice.kind == "error" or (notice.is_error and not how.lenient)]:
        raise OddFilesError(errors, notices)
    for split in ("dev", "test"):
        if split not in parts:
            if not whole:
                notices.append(Notice("note", f"no file of {split} documents", str(folder.path)))
            continue
        _check(splits, split, parts[split].name, "type", types)
        if is_instances:
            _check(splits, split, parts[split].name, "relation type", relation_types)
    for split in ("test", "dev") if whole else ("dev",):
        if split not in parts:
            all_train, name = splits["train"], parts["train"].name
            splits["train"], splits[split] = tenth(all_train, name, labels if is_instances else types, split)
            which = "documents" if whole else "train documents"
            what = f"{len(splits[split])} of the {len(all_train)} {which} taken for {split} (seed {SEED})"
            notices.append(Notice("note", what, name, len(splits[split])))
    if not is_instances:
        notices += _relation_notices(splits, str(folder.path))
    return Corpus(
        name=str(folder.path),
        form="own",
        task="relation" if is_instances else "ner",
        splits={split: splits[split] for split in NAMES if split in splits},
        notices=tuple(notices),
        source=str(folder.path),
        files=tuple(file.name for part in parts.values() for file in part.files),
        pairs=instances.pair_types(chain.from_iterable(splits.values())) if is_instances else None,
    )


def _check(splits: Splits, split: str, name: str, what: str, types: Callable[[Document], set[str]]) -> None:
    known = set[str]().union(*map(types, splits["train"]))
    for document in splits[split]:
        if lacking := sorted(types(document) - known):
            raise UserError(
                f"document {document.id!r} has the {what} {lacking[0]!r}, which train lacks",
                where=name,
                remedy=f"train has {', '.join(map(repr, sorted(known))) or 'none'}; a model learns only those",
            )


def _relation_notices(splits: Splits, name: str) -> Iterator[Notice]:
    """What to know before relations are made the task."""
    documents = chain.from_iterable(splits.values())
    by_mention = Counter(chain.from_iterable(map(are_between_mentions, documents)))
    if n := by_mention.total():
        ends = {True: "mentions", False: "concepts"}
        what = " and ".join(f"{by_mention[key]} relations between {ends[key]}" for key in ends if by_mention[key])
        then = "--task relation trains on those that a sentence holds"
        if not _holds_one(splits["train"]):
            then = "--task relation cannot train on them, as no sentence of train holds one"
        yield Notice("note", f"has {what}: {then}", name, n)
    known = set[str]().union(*map(relation_types, splits["train"]))
    for split in ("dev", "test"):
        if lacking := sorted(set[str]().union(*map(relation_types, splits.get(split, ()))) - known):
            what = f"{split} has relation types that train lacks: {', '.join(map(repr, lacking))}"
            yield Notice("note", what, name, len(lacking))


def _holds_one(documents: Sequence[Document]) -> bool:
    """Whether there is anything that the relation task can learn."""
    types = PairTypes.of(documents)
    related = (document for document in documents if document.relations)
    return any(pair.label != types.negative for document in related for pair in candidates(document, types).pairs)
