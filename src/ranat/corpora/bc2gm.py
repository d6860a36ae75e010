"""BioCreative II gene mention corpus (Smith et al. 2008, Genome Biology 9(Suppl 2):S2).

The original is sentences, `ID text`, and mentions, `ID|start end|text`, whose offsets do not count white space and
whose end is inclusive. ALTGENE.eval holds boundaries that its authors also accept; strict scoring does not use them, so
they are counted and left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from ranat.corpora.corpus import Splits
from ranat.corpora.iob import iob_splits
from ranat.corpora.loading import NotFoundError, Release, corpus
from ranat.corpora.sample import SEED, tenth
from ranat.documents.document import Document, Entity
from ranat.formats.source import Found, Source


@corpus("bc2gm", form="iob", instead="bc2gm/original", hub="bigbio/blurb")
def benchmark(release: Release) -> Splits:
    """The IOB release."""
    return iob_splits(release, "BC2GM-IOB")


@corpus("bc2gm/original", form="original")
def original(release: Release) -> Splits:
    """The authors' release; the 2,500 sentences of the development split are taken out of train."""
    try:
        dev = _documents(release, "devel/devel.in")
    except NotFoundError:
        train, dev = tenth(_documents(release, "train/train.in"), release.file("train/train.in").name)
        what = f"no devel-split; {len(dev)} train sentences taken for dev (seed {SEED})"
        release.note("note", what, "train/train.in", len(dev))
    else:
        train = _documents(release, "train/train.in", without={document.id for document in dev})
    test = _documents(release, "test/test.in")
    for folder in ("train", "test"):
        count = sum(1 for _ in release.source(f"{folder}/ALTGENE.eval").lines())
        release.note("left out", f"{count} alternative boundaries", f"{folder}/ALTGENE.eval", count)
    return {"train": train, "dev": dev, "test": test}


def _documents(release: Release, tail: str, without: Collection[str] = ()) -> tuple[Document, ...]:
    mentions = release.source(f"{tail.split('/')[0]}/GENE.eval")
    texts = _sentences(release.source(tail))
    marked = _found(mentions, texts)
    documents = []
    for number, (id, text) in enumerate(texts.items(), 1):
        if id not in without:
            here = sorted(marked[id], key=lambda item: item.entity.spans)
            _note_overlaps(mentions, here)
            documents.append(mentions.document(number, id, text, here, sentences=[(0, len(text))]))
    return tuple(documents)


def _sentences(source: Source) -> dict[str, str]:
    texts: dict[str, str] = {}
    for number, line in source.lines():
        id, _, text = line.partition(" ")
        if not text.strip() or id in texts:
            raise source.error(number, f"{line[:40]!r} is not a new ID, a space and a sentence")
        texts[id] = text
    return texts


def _found(source: Source, texts: dict[str, str]) -> dict[str, list[Found]]:
    marked: dict[str, list[Found]] = defaultdict(list)
    for number, line in source.lines():
        id, _, rest = line.partition("|")
        offsets, _, mention = rest.partition("|")
        try:
            first, last = map(int, offsets.split(" "))
            visible = [i for i, character in enumerate(texts[id]) if not character.isspace()]
            span = visible[first], visible[last] + 1
        except (ValueError, KeyError, IndexError):
            raise source.error(number, f"{line[:80]!r} is not ID|start end|text of a known sentence") from None
        marked[id].append(Found(number, Entity(f"T{len(marked[id]) + 1}", "GENE", (span,)), mention))
    return marked


def _note_overlaps(source: Source, mentions: list[Found]) -> None:
    for i, item in enumerate(mentions[1:], 1):
        longest = max(mentions[:i], key=lambda before: before.entity.end)
        if item.entity.start < longest.entity.end:
            source.note("note", f"{item.mention!r} overlaps {longest.mention!r}; tags hold one of them", item.line)
