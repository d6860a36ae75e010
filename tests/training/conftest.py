from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch.distributed


@pytest.fixture
def one_process(tmp_path: Path) -> Iterator[None]:
    """This process is a group of processes by itself."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()
