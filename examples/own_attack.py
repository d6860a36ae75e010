"""An attack of one's own in a Trainer script: only one word of each example is perturbed."""

from dataclasses import dataclass

from sentences import encoded
from transformers import AutoModelForSequenceClassification, AutoTokenizer, TrainingArguments

from ranat import AdversarialTrainer
from ranat.attacks import Attack, PassCounts, Passes, register_attack
from ranat.models.backbones import resolve


@register_attack("one-word")
@dataclass(frozen=True, kw_only=True)
class OneWord(Attack):
    """FGM on the token whose gradient is the longest; the others stay as they are.

    r = ε · g* / ‖g*‖₂,   g* = g at that token, 0 elsewhere
    L = L(f(x; θ), y) + L(f(x + r; θ), y)
    """

    def __call__(self, passes: Passes) -> None:
        """Learn at x, then at x + r."""
        g = self.clean_gradient(passes) * passes.mask  # (batch, tokens, hidden)
        length = g.norm(dim=-1, keepdim=True)
        ball = self.ball(passes)
        r = ball.radius * ball.unit(g * (length == length.amax(1, keepdim=True)))
        passes.learn(r, weight=self.adversarial_weight, last=True)

    @property
    def counts(self) -> PassCounts:
        """As FGM: a pass at x and one at x + r."""
        clean = self.clean_weight > 0
        return PassCounts(forward=2, backward=1 + clean, backward_to_input=1 - clean)


if __name__ == "__main__":
    name = resolve("minilm")
    tokenizer = AutoTokenizer.from_pretrained(name)
    trainer = AdversarialTrainer(
        model=AutoModelForSequenceClassification.from_pretrained(name, num_labels=2),
        args=TrainingArguments(
            "runs/one-word", num_train_epochs=4, per_device_train_batch_size=4, learning_rate=1e-4, report_to="none"
        ),
        train_dataset=encoded(tokenizer),
        processing_class=tokenizer,
        attack=OneWord(),
    )
    trainer.train()
    print(f"{trainer.step.cost.attacked_batches} of {trainer.step.cost.batches} batches were attacked")
