"""Designs placed and routed: the chip's top around a dataflow, one file a flow, and netlists in simulation."""
