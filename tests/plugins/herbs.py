"""A corpus of one's own, by name: the files herbs/train.tsv, dev.tsv and test.tsv under the folder of corpora.

ranat train --plugin herbs.py --corpus herbs --data ~/corpora …
"""

from ranat.corpora.corpus import Splits
from ranat.corpora.loading import Release, corpus


@corpus("herbs", form="iob")
def read(release: Release) -> Splits:
    """A word and its tag a line."""
    return {split: release.documents(f"herbs/{split}.tsv", "conll") for split in ("train", "dev", "test")}
