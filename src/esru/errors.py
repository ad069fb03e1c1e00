"""Errors that a user can act on, each with the exit code that the command line gives it."""

from __future__ import annotations

from pathlib import Path


class EsruError(Exception):
    """Base of every error that esru raises on purpose.

    Attributes
    ----------
    exit_code : int
        What the command line exits with: 2 bad input, 3 a tool is missing, 4 a tool failed.
    """

    exit_code = 4


class InputError(EsruError, ValueError):
    """The input is unusable; nothing was computed and nothing was written."""

    exit_code = 2

    @classmethod
    def must(cls, subject: str, rule: str, value: object) -> InputError:
        """Return the error that reads ``<Subject> must be <rule>, not <value>``."""
        return cls(f"{subject} must be {rule}, not {value}")


class ToolMissing(EsruError):
    """A tool is not installed; the message ends with the command that installs it."""

    exit_code = 3

    def __init__(self, tool: str, install: str, reason: str = "was not found") -> None:
        self.tool = tool
        self.install = install
        super().__init__(f"{tool} {reason}; install it with: {install}")


class ToolFailed(EsruError):
    """A tool ran and failed; `log` holds everything that it printed."""

    exit_code = 4

    def __init__(self, tool: str, reason: str, log: Path | None = None) -> None:
        self.tool = tool
        self.log = log
        where = "" if log is None else f"; its log is {log}"
        super().__init__(f"{tool} failed: {reason}{where}")
