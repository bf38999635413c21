"""`python -m flow` is `askew`."""

from flow.cli.main import main

main()
