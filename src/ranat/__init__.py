"""RanAT4BIE: biomedical information extraction with random adversarial training."""
