"""FINN: estimates, Docker build, results."""
