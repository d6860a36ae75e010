"""A loop with Accelerate: mixed precision and several devices, with `accelerator.backward` in the step."""

import torch
from accelerate import Accelerator
from sentences import encoded
from torch.utils.data import DataLoader
from transformers import AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding

from ranat import AdversarialStep
from ranat.attacks import FGM
from ranat.gates import Bernoulli
from ranat.models.backbones import resolve
from ranat.training import special_ids

NAME = resolve("minilm")
accelerator = Accelerator(gradient_accumulation_steps=2)
tokenizer = AutoTokenizer.from_pretrained(NAME)
model = AutoModelForSequenceClassification.from_pretrained(NAME, num_labels=2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
loader = DataLoader(encoded(tokenizer), batch_size=2, shuffle=True, collate_fn=DataCollatorWithPadding(tokenizer))
model, optimizer, loader = accelerator.prepare(model, optimizer, loader)

step = AdversarialStep(
    attack=FGM(),
    gate=Bernoulli(p=0.5, seed=0),  # the same seed on all processes, so that all attack the same steps
    special_ids=special_ids(tokenizer),
)

model.train()
steps = 0
for epoch in range(4):
    for batch in loader:
        with accelerator.accumulate(model):
            loss = step(model, batch, backward=accelerator.backward, at=steps)  # one draw for each optimizer step
            optimizer.step()
            optimizer.zero_grad()
        steps += accelerator.sync_gradients
    accelerator.print(f"epoch {epoch + 1}: loss {loss:.3f}")

accelerator.print(f"{step.cost.attacked_batches} of {step.cost.batches} batches were attacked")
