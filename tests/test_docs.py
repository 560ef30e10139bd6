"""What the documents say is there."""

from __future__ import annotations

import ast
import builtins
import importlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

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


# --- the architecture ---------------------------------------------------------------------

ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf8")
PACKAGE = ROOT / "drumstudio"


def absent_modules(text: str) -> list[str]:
    """Return the modules that a table of packages names and nobody wrote, but for planned ones."""
    absent = []
    for packages, jobs in re.findall(r"^\| ((?:`\w+/` ?)+)\|(.*?)\|", text, flags=re.MULTILINE):
        folders = [PACKAGE / name for name in re.findall(r"`(\w+)/`", packages)]
        for name, planned in re.findall(r"`([a-z][a-z0-9_]*)`( \(planned)?", jobs):
            is_there = any((folder / f"{name}.py").is_file() for folder in folders)
            if is_there == bool(planned):
                absent.append(f"{packages.strip()} {name}")
    return absent


def unresolved(text: str) -> list[str]:
    """Return names such as `files.lock.Lock` and `ui/dialogs` that lead nowhere."""
    packages = {folder.name for folder in PACKAGE.iterdir() if folder.is_dir()}
    lost = []
    for name in re.findall(r"`([a-z_]+(?:[./][A-Za-z_]+)+)(?:\([^`]*\))?`", text):
        parts = re.split("[./]", name.removesuffix(".py"))
        there = (ROOT / name).exists() or (PACKAGE / name).exists()
        if parts[0] in packages and not there and not resolves(parts):
            lost.append(name)
    return lost


def resolves(parts: list[str]) -> bool:
    for count in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(["drumstudio", *parts[:count]]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[count:]:
            found = getattr(found, attribute, None)
        return found is not None
    return False


def unknown_names(code: str, sources: str) -> set[str]:
    """Return what an example calls or raises that nothing of that name defines."""
    tree = ast.parse(code)
    called = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = {getattr(func, "id", getattr(func, "attr", "")) for func in called}
    known = {name for name in names if hasattr(builtins, name)} | {"assert_allclose"}
    return {
        name
        for name in names - known
        if not re.search(rf"(?:def|class) {name}\b|\b{name}: \w+,?$", sources, re.MULTILINE)
    }


def test_every_module_that_the_architecture_names_is_there():
    assert absent_modules(ARCHITECTURE) == []


def test_every_name_that_the_architecture_quotes_resolves():
    pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
    assert unresolved(ARCHITECTURE) == []


def test_every_call_in_an_example_is_one_that_exists():
    sources = "\n".join(path.read_text(encoding="utf8") for path in PACKAGE.rglob("*.py"))
    (code,) = re.findall(r"```python\n(.*?)```", ARCHITECTURE, flags=re.DOTALL)
    assert unknown_names(code, sources) == set()


def test_what_is_not_there_is_seen():
    row = (
        "| `core/` | the domain: `audio`, `sorcery`, `magic` (planned), `stft` (planned) | numpy |"
    )
    assert absent_modules(row) == ["`core/` sorcery", "`core/` stft"]
    text = "`files.lock.Spell`, `ui/wizard`, `core/audio`, `files.formats.FORMATS`, `np.float32`"
    assert unresolved(text) == ["files.lock.Spell", "ui/wizard"]
    assert unknown_names("x = conjure(len(y))", "def separate(x): ...") == {"conjure"}


def versions_run() -> dict[str, dict[str, list[Version]]]:
    """Return package -> Python -> versions, from the table in docs/fresh_machines.md."""
    page = (ROOT / "docs" / "fresh_machines.md").read_text(encoding="utf8")
    rows = re.findall(r"^\| ([\w-]+) \| ([\d., ]+) \| ([\d., ]+) \|$", page, re.MULTILINE)
    return {
        name: {
            python: [Version(word) for word in cell.split(", ")]
            for python, cell in zip(("3.11", "3.13"), cells, strict=True)
        }
        for name, *cells in rows
    }


def requirements() -> Iterator[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    for lines in (project["dependencies"], *project["optional-dependencies"].values()):
        yield from map(Requirement, lines)


def untried(requirement: Requirement) -> str:
    """Return what is wrong with a requirement's bounds, "" if they are of what was run."""
    tried = [
        version
        for python, versions in versions_run().get(requirement.name, {}).items()
        if requirement.marker is None or requirement.marker.evaluate({"python_version": python})
        for version in versions
    ]
    if not tried:
        return f"{requirement.name} is not in the table"
    bounds = {bound.operator: Version(bound.version) for bound in requirement.specifier}
    newest = max(tried)
    right = {">=": min(tried), "<": Version(f"{newest.major}.{newest.minor + 1}")}
    return "" if bounds == right else f"{requirement} was run in {sorted(map(str, tried))}"


def test_every_bound_of_a_library_is_a_version_that_was_run():
    assert [wrong for requirement in requirements() if (wrong := untried(requirement))] == []


@pytest.mark.parametrize("bounds", [">=2.4,<2.6", ">=2.4.6,<3", ">=2.4.6,<2.7", ">=2.4.6,<2.5"])
def test_a_bound_that_nobody_ran_is_seen(bounds):
    assert untried(Requirement(f"numpy{bounds}"))
