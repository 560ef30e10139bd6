"""What a run of the program works with: its workers and its cache, opened and closed together."""

from __future__ import annotations

from drumstudio import paths
from drumstudio.core.closing import Closing
from drumstudio.files.result_cache import ResultCache
from drumstudio.settings import Settings
from drumstudio.workers.pool import WorkerPool


def open_cache(settings: Settings) -> ResultCache:
    """Return the user's cache of separations, with the size the settings allow it."""
    return ResultCache(paths.user_cache_folder() / "separations", int(settings.cache_cap_gb * 1e9))


class Workshop(Closing):
    """The worker pool and the result cache of one run, as a context.

    Parameters
    ----------
    settings : Settings
        The user's settings: threads, cache size.
    """

    def __init__(self, settings: Settings) -> None:
        self.pool = WorkerPool(threads=settings.processor_threads)
        self.cache = open_cache(settings)

    def close(self) -> None:
        """End the workers."""
        self.pool.close()
