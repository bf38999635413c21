"""The command line, the run folder and the report."""
