"""The one kind of error that the command line shows as a single line."""


class UserError(ValueError):
    """What the user gave cannot be used. The message says what is wrong, where, and what to do, in one line."""
