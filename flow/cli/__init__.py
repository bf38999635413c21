"""The command line `askew`."""
