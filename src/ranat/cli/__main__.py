"""`python -m ranat.cli`, as torchrun wants it."""

from ranat.cli import main

main()
