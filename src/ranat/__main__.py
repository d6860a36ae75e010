"""`python -m ranat`: the command line."""

from ranat.cli import main

main()
