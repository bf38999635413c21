"""The folder that FINN builds from."""
