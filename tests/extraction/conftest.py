from pathlib import Path

import pytest

import untrained
from ranat.extraction import Extractor


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Folders of "chemical", "gene" (both find entities) and "relation"."""
    return untrained.save_all(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def extractor(models: dict[str, str]) -> Extractor:
    return Extractor.load([models["chemical"], models["gene"]], models["relation"], precision="fp32")


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """A folder of inputs of several formats: eleven documents, and three that cannot be read."""
    folder = tmp_path / "texts"
    (folder / "deeper").mkdir(parents=True)
    (folder / "a.txt").write_text("Cisplatin induced nephrotoxicity. BRCA1 was not\nassociated with it.\n")
    lines = [f'{{"id": "{n}", "text": "Imatinib inhibits BCR-ABL in {n} patients. No entity here."}}' for n in range(6)]
    (folder / "b.jsonl").write_text("\n".join([*lines[:3], '{"id": "bad"', *lines[3:]]))
    (folder / "c.pubtator").write_text(
        "1|t|Cancer of the ovary.\n1|a|Cisplatin helped 12 patients.\n\n"
        "2|t|BRCA1 mutations.\n2\t0\t99\tBRCA1\tGene\t672\n\n"
        "3|t|Survival improves.\n\n"
    )
    (folder / "deeper" / "a.txt").write_bytes("\ufeffNierenkrebs: \u202eRTL\u202c, ä\u0301 and \U0001f600.".encode())
    (folder / "deeper" / "z.txt").write_bytes(b"\xff\xfe broken")
    (folder / ".hidden.txt").write_text("not read")
    return folder
