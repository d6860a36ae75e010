"""Errors that a person can mend: one line that says what, where and how."""


class UserError(Exception):
    """Something the caller can mend; the command line prints it as one line and exits with code 1.

    Args:
        what: what went wrong.
        where: the file and line, or the config key; left out when there is no such place.
        remedy: how to mend it.
    """

    def __init__(self, what: str, *, where: str | None = None, remedy: str | None = None) -> None:
        self.what, self.where, self.remedy = what, where, remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f" ({self.remedy})" if self.remedy else ""
        return f"{place}{self.what}{remedy}"


class UsageError(UserError):
    """The command or a setting itself is wrong; the command line exits with code 2."""
