"""What the documents say is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md")))
README_LINES = 150


def dead_links(text: str, folder: Path) -> list[str]:
    """Return the links and pictures of a page that lead to no file."""
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    local = [target for target in targets if "://" not in target]
    return [target for target in local if not (folder / target).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page):
    text = page.read_text(encoding="utf8")
    assert dead_links(text, page.parent) == []


def test_a_dead_link_is_seen():
    text = "[a](README.md), [b](docs/none.md#part), ![c](none.png), [d](https://example.org/x)"
    assert dead_links(text, ROOT) == ["docs/none.md", "none.png"]


def test_every_page_of_the_docs_is_named_in_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    pages = [page.name for page in (ROOT / "docs").glob("*.md")]
    assert [page for page in pages if f"docs/{page}" not in readme] == []


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf8").splitlines()) <= README_LINES
