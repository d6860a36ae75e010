"""A PyTorch loop of one's own: the step takes the place of forward and backward."""

import torch
from sentences import encoded
from torch.utils.data import DataLoader
from transformers import AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding

from ranat import AdversarialStep
from ranat.attacks import PGD
from ranat.gates import Bernoulli
from ranat.models.backbones import resolve
from ranat.training import special_ids

NAME = resolve("minilm")
tokenizer = AutoTokenizer.from_pretrained(NAME)
model = AutoModelForSequenceClassification.from_pretrained(NAME, num_labels=2)
loader = DataLoader(encoded(tokenizer), batch_size=4, shuffle=True, collate_fn=DataCollatorWithPadding(tokenizer))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

step = AdversarialStep(
    attack=PGD(steps=3),
    gate=Bernoulli(p=0.5, seed=0),
    special_ids=special_ids(tokenizer),  # [CLS], [SEP] and padding are never perturbed
)

model.train()
for epoch in range(4):
    for batch in loader:
        loss = step(model, batch)  # the gradients of clean and adversarial loss are in the parameters now
        optimizer.step()
        optimizer.zero_grad()
    print(f"epoch {epoch + 1}: loss {loss:.3f}")

print(f"{step.cost.attacked_batches} of {step.cost.batches} batches were attacked")
