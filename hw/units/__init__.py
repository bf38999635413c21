"""The hardware units, their parameters and memories."""
