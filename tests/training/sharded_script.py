"""Every attack on a sharded model (FSDP2) beside the same on a whole one; started by torchrun, see test_distributed.py.

Both processes have the same batch, so their mean gradient is that of one.

usage: sharded_script.py OUT
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import torch.distributed
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

import tiny
from ranat import AdversarialStep
from ranat.attacks import Attack, attacks


def gradients(attack: Attack, sharded: bool) -> dict[str, Tensor]:
    """θ.grad after two visits of a batch, as `carry` begins with the second."""
    model: Any = tiny.model().eval()
    if sharded:
        for layer in model.bert.encoder.layer:
            fully_shard(layer, mesh=mesh)
        fully_shard(model, mesh=mesh)
    step = AdversarialStep(attack)
    for _ in range(2):
        model.zero_grad()
        step(model, tiny.batch())
    found = {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}
    return {name: gradient.full_tensor() if sharded else gradient for name, gradient in found.items()}


torch.distributed.init_process_group("gloo")
mesh = init_device_mesh("cpu", (2,))
errors = {}
for name in attacks.names():
    whole, parts = (gradients(attacks.get(name)(epsilon=0.3), sharded) for sharded in (False, True))
    assert whole.keys() == parts.keys()
    errors[name] = max(float((parts[key] - whole[key]).norm() / whole[key].norm()) for key in whole)
Path(sys.argv[1], f"{os.environ['RANK']}.json").write_text(json.dumps(errors))
torch.distributed.destroy_process_group()
