"""Files as their authors published them, read leniently: those in a known format give all their documents."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ranat.errors import UserError
from ranat.formats import read
from ranat.formats.notice import Notice

OF_NO_FORMAT = re.compile(
    r"(_entities|_relations|_abstracts|_gold_standard)(_gs)?\.tsv|_sentences\.tsv\.gz|_files\.tsv|\.in|GENE\.eval|"
    r"\.pdf|\.zip|\.tar\.gz|README[^/]*|NOTICE|LICENSE[^/]*|SOURCE|SHA256SUMS|\.README"
)
"""Tables that only their corpus' reader understands, archives, and what is no data."""
DOCUMENTS = {
    r"CDR_\w+Set\.(PubTator\.txt|BioC\.xml\.gz)": 500,
    r"NCBItrainset_corpus\.txt": 593,
    r"NCBI(develop|test)set_corpus\.txt": 100,
    r"chemprot/blurb/train\.tsv\.gz": 18035,
    r"chemprot/blurb/test\.tsv\.gz": 15745,
    r"ddi/blurb/train\.tsv\.gz": 25296,
    r"NCBI-disease-IOB/train\.tsv": 5424,
    r"BC2GM-IOB/test\.tsv": 5038,
    r"BC5CDR-chem-IOB/devel\.tsv": 4581,
}


@pytest.mark.slow
def test_no_document_of_a_published_file_is_lost(data_dir: Path) -> None:
    found: dict[str, int] = {}
    for path in sorted(path for path in data_dir.rglob("*") if path.is_file()):
        name = path.relative_to(data_dir).as_posix()
        is_other = OF_NO_FORMAT.search(name)
        lost: list[UserError] = []
        notices: list[Notice] = []
        documents = list(read(path, lenient=True, failed=lost.append, notices=notices))
        if is_other:
            assert lost or path.suffix == ".txt", f"{name} was read as a file of documents"
            assert not any(document.entities for document in documents), name
            continue
        assert lost == [], name
        assert not any(notice.kind == "error" for notice in notices), name
        n = len(documents)
        found[name] = n
    assert len(found) >= 30
    for pattern, expected in DOCUMENTS.items():
        matching = [n for name, n in found.items() if re.search(pattern, name)]
        assert matching, pattern
        assert set(matching) == {expected}, pattern
    print(f"{len(found)} files, {sum(found.values())} documents, 0 lost")
