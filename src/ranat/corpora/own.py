"""A corpus of one's own: a folder or an archive with train, dev and test in any supported format.

A split is a file, such as `train.tsv`, or a folder of `.txt` and `.ann` files as BRAT writes them, `train/`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from ranat import formats
from ranat.corpora.corpus import Corpus, Splits
from ranat.corpora.files import File, Folder
from ranat.corpora.sample import SEED, labels, relation_types, tenth, types
from ranat.documents.concepts import are_between_mentions
from ranat.documents.document import Document
from ranat.documents.pairs import PairTypes, candidates
from ranat.errors import UserError
from ranat.formats import How, brat, instances
from ranat.formats.source import Notice, Reading

_TOLD = 10
_NAMES = {"train": ("train",), "dev": ("dev", "devel", "valid", "validation"), "test": ("test",)}
_SPLITS = {name: split for split, names in _NAMES.items() for name in names}


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
        super().__init__(f"{len(told):,} errors in the files")


@dataclass(frozen=True, slots=True)
class _Part:
    """Where the documents of a split are.

    Args:
        path: of its file, or of its folder.
        files: that one file, or all texts and annotations in the folder.
    """

    path: str
    files: tuple[File, ...]

    @property
    def name(self) -> str:
        """For messages."""
        return str(self.files[0].container / self.path)

    def instances(self, how: How) -> bool:
        """Whether a line of it is a sentence with its pair marked.

        Raises:
            UserError: its format has no annotations at all.
        """
        if self._is_folder:
            return False
        (file,) = self.files
        name = how.format or formats.recognise(file.open(), file.name)
        if formats.READERS.get(name).raw:
            remedy = "give annotated documents, such as CoNLL, PubTator, BioC, BRAT or JSON Lines"
            raise UserError(f"is read as {name}, which has no annotations", where=self.name, remedy=remedy)
        return formats.READERS.get(name).instances

    def read(self, how: How, notices: list[Notice]) -> tuple[Document, ...]:
        """All its documents; what is odd or cannot be read becomes a notice."""
        if self._is_folder:
            inside = {file.path.removeprefix(f"{self.path}/"): file.open for file in self.files}
            reading = Reading(lenient=True, failed=lambda error: notices.append(Notice.of(error)))
            return tuple(brat.read_folder(self.name, inside, notices, reading))
        (file,) = self.files
        return tuple(
            formats.read(
                file.open(),
                file.name,
                how.format,
                lenient=True,
                columns=how.columns,
                notices=notices,
                failed=lambda error: notices.append(Notice.of(error)),
            )
        )

    @property
    def _is_folder(self) -> bool:
        return self.files[0].path != self.path


def load(folder: Folder, how: How = How()) -> Corpus:
    """Read the splits; without dev, a seeded tenth of the documents of train is taken for it.

    Files of instances (sentences with their pair marked) make a corpus for the relation task, all others one for NER.

    Raises:
        OddFilesError: documents cannot be read, or reading is strict and marks are odd; all of them are told.
        UserError: there is no train, a split is there twice, dev or test has a type that train lacks, or some splits
            are instances and others are not.
    """
    parts = _parts(folder)
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
            notices.append(Notice("note", f"no file of {split} documents", str(folder.path)))
            continue
        _check(splits, split, parts[split].name, "type", types)
        if is_instances:
            _check(splits, split, parts[split].name, "relation type", relation_types)
    if "dev" not in parts:
        all_train, name = splits["train"], parts["train"].name
        splits["train"], splits["dev"] = tenth(all_train, name, labels if is_instances else types)
        what = f"{len(splits['dev'])} of the {len(all_train)} train documents taken for dev (seed {SEED})"
        notices.append(Notice("note", what, name, len(splits["dev"])))
    if not is_instances:
        notices += _relation_notices(splits, str(folder.path))
    return Corpus(
        name=str(folder.path),
        form="own",
        task="relation" if is_instances else "ner",
        splits={split: splits[split] for split in _NAMES if split in splits},
        notices=tuple(notices),
        source=str(folder.path),
        files=tuple(file.name for part in parts.values() for file in part.files),
        pairs=instances.pair_types(chain.from_iterable(splits.values())) if is_instances else None,
    )


def _parts(folder: Folder) -> dict[str, _Part]:
    is_archive = folder.path.is_file()
    files = folder.archived if is_archive else folder.plain
    folders: dict[str, list[File]] = defaultdict(list)
    for file in files:
        if inside := _split_folder(file.path, is_archive):
            folders[inside].append(file)
    brat_folders = {path: found for path, found in folders.items() if any(file.path.endswith(".ann") for file in found)}
    matches: dict[str, list[_Part]] = defaultdict(list)
    for path, found in brat_folders.items():
        if is_archive:  # opened one by one, a tar.gz would be unpacked anew for each
            found = [
                file for suffix in (".txt", ".ann") for file in folder.under(path, suffix) if brat.is_one(file.path)
            ]
        matches[_split(path)].append(_Part(path, tuple(found)))
    taken = {file.path for found in brat_folders.values() for file in found}
    for file in files:
        # A folder's own files only: what lies deeper may be another corpus.
        if file.path not in taken and (is_archive or "/" not in file.path):
            split = _SPLITS.get(file.path.split("/")[-1].split(".")[0].lower())
            if split:
                matches[split].append(_Part(file.path, (file,)))
    for path in folders:
        if _split(path) not in matches:
            remedy = "put the annotations beside the texts, an empty file where there are none"
            raise UserError("the folder holds no .ann file", where=str(folder.path / path), remedy=remedy)
    for split, parts in matches.items():
        if len(parts) > 1:
            raise UserError(
                f"{' and '.join(part.path for part in parts[:2])} are both files of {split} documents",
                where=str(folder.path),
                remedy=f"keep one; pairs of .txt and .ann belong in a folder {split}",
            )
    return {split: matches[split][0] for split in _NAMES if split in matches}


def _split(path: str) -> str:
    """The split of a folder that is named after one."""
    return _SPLITS[path.split("/")[-1].lower()]


def _split_folder(path: str, is_archive: bool) -> str | None:
    """The folder of a split that a text or its annotations lie in, at any depth of an archive."""
    *parents, name = path.split("/")
    for depth, parent in enumerate(parents if is_archive else parents[:1], 1):
        if parent.lower() in _SPLITS and brat.is_one(name):
            return "/".join(parents[:depth])
    return None


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
