"""The one place where Askew's version stands; it goes into every file that a stage writes."""

VERSION = "0.1.0"
