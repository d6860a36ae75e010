"""The grid of a spec: its cells, the process of each, and the runner of all."""
