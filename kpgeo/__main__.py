"""`python -m kpgeo` is the command line."""

from kpgeo.cli import main

if __name__ == "__main__":
    main()
