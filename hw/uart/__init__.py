"""The computer's end of the serial line to a chip: packets, the client, and ports that lead there."""
