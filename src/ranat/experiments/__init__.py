"""What is done with runs: comparing them, grids of them, and the demonstration."""
