"""The engine's version, apart from the engine so that nobody loads torch to learn it."""

from __future__ import annotations

ENGINE_VERSION = "4"
"""Part of every result's name in the cache: raise it when the same model, song and settings
give other samples than before."""
