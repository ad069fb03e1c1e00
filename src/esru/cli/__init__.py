"""The command line. Only this package prints; each command is one module, imported when used.

A command's module has a docstring, ``add_arguments(parser)`` and ``run(args) -> int``, which
returns the exit code. Data goes to standard output, everything else to standard error.
"""

from esru.cli.entry import COMMANDS, main

__all__ = ["COMMANDS", "main"]
