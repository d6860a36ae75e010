"""What tests of the command line share: what a command did, and a corpus to give it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

NOTICE = re.compile(r"note: |.*: (note|left out|mended|kept[^:]*): ")
DISEASE = "Cisplatin\tO\ninduced\tO\nnephrotoxicity\tB-Disease\n.\tO\n\n"


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line on standard error that is no note or notice."""
        (line,) = [line for line in self.err.splitlines() if not NOTICE.match(line)]
        return line


Ranat = Callable[..., Done]


def corpus(folder: Path, **files: str | bytes) -> Path:
    """A corpus of one's own; a name of "train_tsv" is the file train.tsv."""
    folder.mkdir(exist_ok=True)
    for name, contents in ({"train_tsv": DISEASE * 4, "dev_tsv": DISEASE, "test_tsv": DISEASE} | files).items():
        if contents:
            path = folder / name.replace("_", ".")
            path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
    return folder
