"""The console command `askew`: its error handling. The commands themselves are in `flow.cli.commands`."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Sequence

from typer.exceptions import Exit, TyperException

from bnn.errors import UserError
from bnn.readers import printable
from flow.cli.commands import app

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
LONGEST_LINE = 2000  # a file may hold a name of any length


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit status: 2 and one line on standard error for anything the user can mend."""
    try:
        status = app(args=arguments, prog_name="askew", standalone_mode=False)
    except Exit as stop:
        return stop.exit_code
    except TyperException as error:
        if error.format_message():
            _complain(error.format_message())
        return EXIT_USER_ERROR
    except UserError as error:
        _complain(str(error))
        return EXIT_USER_ERROR
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains once more at exit
        return EXIT_USER_ERROR
    except OSError as error:
        if error.strerror is None:
            raise
        _complain(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
        return EXIT_USER_ERROR
    except KeyboardInterrupt:
        _complain("interrupted; finished files are whole, run the same command to go on")
        return EXIT_INTERRUPTED
    return status if isinstance(status, int) else 0


def _complain(message: str) -> None:
    line = printable(message)
    shown = line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}..."
    print(f"askew: {shown}", file=sys.stderr)  # noqa: T201


def main() -> None:
    """Run the command line. Warnings of the libraries below are for us, not for its user, unless -W asks for them."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    logger = logging.getLogger("askew")
    logger.addHandler(logging.StreamHandler())
    logger.setLevel(logging.INFO)
    sys.exit(run())
