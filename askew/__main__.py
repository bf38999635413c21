"""`python -m askew` is the command `askew`."""

from flow.cli.main import main

main()
