"""Two processes against one with the same global batch, or a sharded model against a whole one: the same weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ranat.attacks import attacks

TWO = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")


def start(script: str, out: Path, *arguments: str, launcher: tuple[str, ...] = ()) -> None:
    out.mkdir()
    file = Path(__file__).with_name(script)
    paths = os.pathsep.join([str(file.parent), str(file.parents[1])])
    done = subprocess.run(
        [sys.executable, *launcher, str(file), str(out), *arguments],
        env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    start("distributed_script.py", one, "8")
    start("distributed_script.py", two, "4", launcher=TWO)
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


@pytest.mark.slow
def test_a_sharded_model_has_the_gradients_of_a_whole_one(tmp_path: Path) -> None:
    start("sharded_script.py", tmp_path / "out", launcher=TWO)
    for rank in (0, 1):
        errors = json.loads((tmp_path / "out" / f"{rank}.json").read_text())
        assert set(errors) == set(attacks.names())
        assert max(errors.values()) < 1e-6, errors
