"""Trains each attack for a few steps and saves what came out; started alone or by torchrun, see test_distributed.py.

The optimizer is SGD: Adam makes steps of full size even from a gradient that is rounding noise around zero, and the
bias of an attention key has such a gradient.

usage: distributed_script.py OUT BATCH_SIZE
"""

import json
import os
import sys
from pathlib import Path

from safetensors.torch import save_file
from test_trainer import features, task
from transformers import TrainingArguments

import tiny
from ranat import AdversarialTrainer
from ranat.attacks import FGM, FGSM, PGD, SMART, Carry, FreeLB, Noise
from ranat.gates import Bernoulli, Quantile

ATTACKS = {
    "fgsm": FGSM(epsilon=0.01), "fgm": FGM(epsilon=0.3), "pgd": PGD(epsilon=0.3), "freelb": FreeLB(epsilon=0.3),
    "smart": SMART(epsilon=0.3, sigma=0.05), "pgd-original": PGD(epsilon=0.3, preset="original"),
    "freelb-original": FreeLB(epsilon=0.3, preset="original"), "carry": Carry(epsilon=0.3), "noise": Noise(epsilon=0.3),
}  # fmt: skip

out, batch_size = Path(sys.argv[1]), int(sys.argv[2])
args = TrainingArguments(
    output_dir=str(out / "trainer"),
    per_device_train_batch_size=batch_size,
    num_train_epochs=2,
    gradient_accumulation_steps=2,
    learning_rate=0.1,
    optim="sgd",
    report_to="none",
    save_strategy="no",
    use_cpu=True,
    remove_unused_columns=False,
    disable_tqdm=True,
    train_sampling_strategy="sequential",
)
for name, attack in ATTACKS.items():
    trainer = AdversarialTrainer(
        model=tiny.model(),
        args=args,
        train_dataset=features(48), data_collator=task().collate, compute_loss_func=task().loss,
        attack=attack, gate=Bernoulli(p=0.5, seed=1),
    )  # fmt: skip
    trainer.train()
    rank = os.environ.get("RANK", "0")
    save_file(trainer.model.state_dict(), out / f"{name}-{rank}.safetensors")
    (out / f"{name}-{rank}.json").write_text(json.dumps(
        trainer.step.cost.to_dict() | {"kept": len(trainer.step.memory)}
    ))  # fmt: skip

# A gate that looks at gradients, and checkpoints, which one process alone writes.
args.save_strategy = "epoch"
trainer = AdversarialTrainer(
    model=tiny.model(), args=args, train_dataset=features(48), data_collator=task().collate,
    compute_loss_func=task().loss, attack=FGM(epsilon=0.3), gate=Quantile(window=2),
)  # fmt: skip
trainer.train()
(out / f"quantile-{os.environ.get('RANK', '0')}.gate").write_text(json.dumps(trainer.step.gate.state_dict()))
