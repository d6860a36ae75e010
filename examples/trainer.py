"""The script of plain.py with random adversarial training: another class, and two arguments more."""

from sentences import encoded
from transformers import AutoModelForSequenceClassification, AutoTokenizer, TrainingArguments

from ranat import AdversarialTrainer
from ranat.attacks import FGM
from ranat.gates import Bernoulli
from ranat.models.backbones import resolve

NAME = resolve("minilm")  # or any model of the hub, such as "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract"
tokenizer = AutoTokenizer.from_pretrained(NAME)
model = AutoModelForSequenceClassification.from_pretrained(NAME, num_labels=2)

trainer = AdversarialTrainer(
    model=model,
    args=TrainingArguments(
        "runs/rat", num_train_epochs=4, per_device_train_batch_size=4, learning_rate=1e-4, report_to="none"
    ),
    train_dataset=encoded(tokenizer),
    processing_class=tokenizer,
    attack=FGM(),
    gate=Bernoulli(p=0.5, seed=0),
)
trainer.train()

cost = trainer.step.cost
print(f"{cost.attacked_batches} of {cost.batches} batches were attacked; {cost.xfp} forward-equivalents")
