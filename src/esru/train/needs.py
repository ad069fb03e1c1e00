"""What training needs beyond the package itself, and the error that says how to get it."""

from __future__ import annotations

import importlib.util

from esru.errors import ToolMissing

INSTALL = "pip install 'esru[train]'"

#: Import name of each package of the extra ``train``, with the name it is installed by.
_PACKAGES = {"torch": "torch", "sklearn": "scikit-learn"}


def require_training() -> None:
    """Check, without importing them, that torch and scikit-learn are installed.

    Raises
    ------
    ToolMissing
        Naming the first package that is not.
    """
    for module, package in _PACKAGES.items():
        try:
            found = importlib.util.find_spec(module) is not None
        except ValueError:  # an entry None in sys.modules: blocked on purpose
            found = False
        if not found:
            raise ToolMissing(package, INSTALL, "is not installed")
