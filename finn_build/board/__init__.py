"""What runs beside the accelerator: copied to the board together with ``bnn``, so NumPy and pynq are all it needs."""
