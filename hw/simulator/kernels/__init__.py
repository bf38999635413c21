"""The compiled kernels: one per kind of layer, written for Numba, which compiles them for the machine they run on."""
