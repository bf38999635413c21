"""What a build came to, and what goes to the board."""
