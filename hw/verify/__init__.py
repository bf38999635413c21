"""What proves the hardware: formal proofs, random networks and their sweep."""
