"""Where images come from: one file format or data set per module, all of them giving the same ``Dataset``."""
