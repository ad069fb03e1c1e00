"""Images from a local folder: IDX, CIFAR-10 in both its layouts, npz; numpy only.

Nothing is ever downloaded, nothing in a file is ever executed, and every file's SHA-256 goes
into the results.
"""

from __future__ import annotations

from esru.train.images.folder import LAYOUTS, Layout, load_images
from esru.train.images.parts import Images

__all__ = ["LAYOUTS", "Images", "Layout", "load_images"]
