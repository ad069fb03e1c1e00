"""What runs of `cifar10-resnet20` came to, kept in the cache that the searches use.

Such a run takes an hour. Each is stored as it ends, under everything that can change it: images,
epochs, design, seed, schedule, lanes, device, packages, and the sources that it depends on.
"""

from __future__ import annotations

from esru.search.cache import cache_folder
from esru.search.digest import EVALUATION, digest
from esru.search.store import Store, result_key
from esru.train.images.training import Score


class StoredScores:
    """Scores by run, as `esru.train.images.training.ImageTraining` keeps them.

    Parameters
    ----------
    versions : dict of str
        The packages that a result may depend on, with their versions.
    parts : object
        By name, what is the same for all runs: data, epochs, device.

    Attributes
    ----------
    path : Path
        The store's file.
    known : int
        How many were found, of those looked for.
    """

    def __init__(self, versions: dict[str, str], **parts: object) -> None:
        self.path = cache_folder() / "results.sqlite"
        self._same = {**parts, "tools": versions, "digest": digest(EVALUATION)}
        self.known = 0

    def get(self, run: str) -> Score | None:
        """Return what a run came to, None if that is not known."""
        key = self._key(run)
        with Store(self.path) as store:
            found = store.get([key]).get(key)
        if found is None:
            return None
        self.known += 1
        return Score(**found)

    def __setitem__(self, run: str, score: Score) -> None:
        with Store(self.path) as store:
            store.put("image-training", {self._key(run): score._asdict()})

    def _key(self, run: str) -> str:
        return result_key("image-training", run=run, **self._same)
