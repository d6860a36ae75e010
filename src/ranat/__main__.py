"""`python -m ranat`: the command line."""

from ranat.cli import main

if __name__ == "__main__":
    main()
