"""LoRA and adversarial training: only the adapters learn, while the attack perturbs the frozen word embeddings' output.

Needs `pip install peft`.
"""

from peft import LoraConfig, TaskType, get_peft_model
from sentences import encoded
from transformers import AutoModelForSequenceClassification, AutoTokenizer, TrainingArguments

from ranat import AdversarialTrainer
from ranat.attacks import FGM
from ranat.gates import Bernoulli
from ranat.models.backbones import resolve

NAME = resolve("minilm")
tokenizer = AutoTokenizer.from_pretrained(NAME)
model = AutoModelForSequenceClassification.from_pretrained(NAME, num_labels=2)
model = get_peft_model(model, LoraConfig(task_type=TaskType.SEQ_CLS, r=8, target_modules=["query", "value"]))
model.print_trainable_parameters()

trainer = AdversarialTrainer(
    model=model,
    args=TrainingArguments(
        "runs/lora", num_train_epochs=4, per_device_train_batch_size=4, learning_rate=1e-3, report_to="none"
    ),
    train_dataset=encoded(tokenizer),
    processing_class=tokenizer,
    attack=FGM(),
    gate=Bernoulli(p=0.5, seed=0),
)
trainer.train()
print(f"{trainer.step.cost.attacked_batches} of {trainer.step.cost.batches} batches were attacked")
