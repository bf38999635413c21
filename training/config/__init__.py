"""Configs: what a TOML file may say, and the errors where it says something else."""
