"""What is done with runs: comparing them, and the demonstration."""
