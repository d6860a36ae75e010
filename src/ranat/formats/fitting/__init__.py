"""What a format cannot hold, taken away and counted: steps that every `fit` is made of."""
