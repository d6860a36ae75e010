import os
from pathlib import Path

import pytest
from hypothesis import settings

# RANAT_EXAMPLES=10000 is the long run of all property and fuzz tests.
settings.register_profile("ranat", deadline=None, max_examples=int(os.environ.get("RANAT_EXAMPLES", "100")))
settings.load_profile("ranat")

# Before torch is imported: matrices of 16 columns gain nothing from threads, and lose much on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real corpora; tests that need it are skipped without."""
    named = os.environ.get("RANAT_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "corpora"
    if not folder.is_dir():
        pytest.skip("no real corpora: set RANAT_DATA")
    return folder


@pytest.fixture
def backbone(tmp_path: Path) -> Path:
    """A small encoder that a run takes seconds on."""
    import small_runs

    return small_runs.backbone(tmp_path / "backbone")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A corpus that a run takes seconds on."""
    import small_runs

    return small_runs.corpus(tmp_path / "corpus")
