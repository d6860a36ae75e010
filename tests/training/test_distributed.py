"""Two processes against one with the same global batch: the same decisions, the same weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

SCRIPT = Path(__file__).with_name("distributed_script.py")


def start(out: Path, batch_size: int, *launcher: str) -> None:
    out.mkdir()
    paths = os.pathsep.join([str(SCRIPT.parent), str(SCRIPT.parents[1])])
    done = subprocess.run(
        [sys.executable, *launcher, str(SCRIPT), str(out), str(batch_size)],
        env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    start(one, 8)
    start(two, 4, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
    gates = [
        json.loads((folder / f"quantile-{rank}.gate").read_text()) for folder, rank in ((one, 0), (two, 0), (two, 1))
    ]
    assert gates[1] == gates[2]
    for kind in ("attacked", "plain"):
        assert gates[1][kind] == pytest.approx(gates[0][kind], rel=1e-3)
    names = sorted(path.stem.removesuffix("-0") for path in one.glob("*.json"))
    assert len(names) == 9
    for name in names:
        single, *ranks = [
            json.loads((folder / f"{name}-{rank}.json").read_text()) for folder, rank in ((one, 0), (two, 0), (two, 1))
        ]
        for cost in ranks:
            for count in ("batches", "attacked_batches", "forward", "backward", "backward_to_input", "kept"):
                assert cost[count] == single[count], (name, count)
        assert single["kept"] == (48 if name == "carry" else 0)
        assert 0 < single["attacked_batches"] < single["batches"]
        expected = load_file(one / f"{name}-0.safetensors")
        for rank in (0, 1):
            found = load_file(two / f"{name}-{rank}.safetensors")
            for key, weight in expected.items():
                assert torch.allclose(weight, found[key], atol=1e-5, rtol=0), (
                    name,
                    key,
                    (weight - found[key]).abs().max(),
                )
