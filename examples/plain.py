"""A training script as many people have it: `transformers.Trainer`, without adversarial training."""

from sentences import encoded
from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments

from ranat.models.backbones import resolve

NAME = resolve("minilm")  # or any model of the hub, such as "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract"
tokenizer = AutoTokenizer.from_pretrained(NAME)
model = AutoModelForSequenceClassification.from_pretrained(NAME, num_labels=2)

trainer = Trainer(
    model=model,
    args=TrainingArguments(
        "runs/plain", num_train_epochs=4, per_device_train_batch_size=4, learning_rate=1e-4, report_to="none"
    ),
    train_dataset=encoded(tokenizer),
    processing_class=tokenizer,
)
trainer.train()
