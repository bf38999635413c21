"""`python -m flow` is `askew`."""

from flow.cli import main

main()
