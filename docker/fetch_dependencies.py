"""Fetch what finn-plus builds hardware from at the commits that it pins: its HLS library, board files, sources.

python docker/fetch_dependencies.py FOLDER
"""

import sys
from pathlib import Path

import finn.interface.manage_deps
from finn.interface.manage_deps import DependencyUpdater

GIT_TIMEOUT_SECONDS = 900


def main() -> None:
    """Fetch everything into the folder; SystemExit names what could not be fetched."""
    folder = Path(sys.argv[1])
    definitions = Path(finn.interface.manage_deps.__file__).parent / "external_dependencies.yaml"
    updater = DependencyUpdater(folder, definitions, GIT_TIMEOUT_SECONDS, non_interactive=True)
    updater.update()
    if missing := updater.get_outdated_dependencies():
        sys.exit(f"fetch: could not fetch {', '.join(missing)}; they lie on GitHub and at board makers, see above")


if __name__ == "__main__":
    main()
