"""Show how large the cache of separations is, or free its space."""

from __future__ import annotations

import argparse

from drumstudio import settings as user_settings
from drumstudio.cli.terminal import DONE, print_json, tell
from drumstudio.workflows.workshop import open_cache


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the words after `studio cache`."""
    parser.add_argument(
        "--free", action="store_true", help="remove every separation that no project owns"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> int:
    """Print the cache's size, after freeing it if asked."""
    cache = open_cache(user_settings.load())
    freed = cache.free() if options.free else 0
    size = {**cache.size(), "freed_bytes": freed}
    if options.json:
        print_json(size)
        return DONE
    if options.free:
        tell(f"freed {freed / 1e6:.1f} MB")
    tell(
        f"{size['results']} separations and {size['work_folders']} unfinished ones, "
        f"{size['bytes'] / 1e6:.1f} MB of at most {size['cap_bytes'] / 1e9:.0f} GB"
    )
    return DONE
