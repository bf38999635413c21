"""The console command `askew`."""


def main() -> None:
    """Run the command line."""
