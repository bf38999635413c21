"""FINN in docker: images, Vivado and the bitstream."""
