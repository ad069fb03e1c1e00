"""``python -m esru`` is ``esru``."""

from esru.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
