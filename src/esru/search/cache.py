"""Where results are kept between runs."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def cache_folder() -> Path:
    """Return the cache's folder, made if absent.

    ``$ESRU_CACHE``, else the system's cache folder, else, if that cannot be written, a
    temporary one.
    """
    named = os.environ.get("ESRU_CACHE")
    if named:
        path = Path(named)
    else:
        import platformdirs

        path = platformdirs.user_cache_path("esru")
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError:
        return Path(tempfile.mkdtemp(prefix="esru-cache-"))
