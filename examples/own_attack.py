"""An attack of one's own in a Trainer script: noise of length ε, the control that every attack should beat."""

from dataclasses import dataclass

from sentences import encoded
from transformers import AutoModelForSequenceClassification, AutoTokenizer, TrainingArguments

from ranat import AdversarialTrainer
from ranat.attacks import Attack, PassCounts, Passes, register_attack
from ranat.models.backbones import resolve


@register_attack("noise")
@dataclass(frozen=True, kw_only=True)
class Noise(Attack):
    """r = ε · n / ‖n‖₂ with normal noise n: as long as the r of FGM, in a random direction.

    L = L(f(x; θ), y) + L(f(x + r; θ), y)
    """

    @property
    def climbs_on(self):
        """Nothing: r is not chosen by a gradient."""
        return None

    def __call__(self, passes: Passes) -> None:
        """Learn at x, then at x + r."""
        ball = self.ball(passes)
        passes.learn(weight=self.clean_weight)
        passes.learn(ball.radius * ball.unit(passes.normal()), weight=self.adversarial_weight, last=True)

    @property
    def counts(self) -> PassCounts:
        """Two passes, both learnt from: as many as FGM."""
        return PassCounts(forward=2, backward=2, backward_to_input=0)


if __name__ == "__main__":
    name = resolve("minilm")
    tokenizer = AutoTokenizer.from_pretrained(name)
    trainer = AdversarialTrainer(
        model=AutoModelForSequenceClassification.from_pretrained(name, num_labels=2),
        args=TrainingArguments(
            "runs/noise", num_train_epochs=4, per_device_train_batch_size=4, learning_rate=1e-4, report_to="none"
        ),
        train_dataset=encoded(tokenizer),
        processing_class=tokenizer,
        attack=Noise(epsilon=0.02, epsilon_unit="relative"),
    )
    trainer.train()
    print(f"{trainer.step.cost.attacked_batches} of {trainer.step.cost.batches} batches were attacked")
