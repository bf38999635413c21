"""The bit-accurate simulator."""
