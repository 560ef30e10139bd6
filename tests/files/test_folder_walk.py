import os
from pathlib import Path

import pytest

from drumstudio.files import folder_walk
from drumstudio.files.folder_walk import PassedOver, walk


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def files(folder: Path, **options: object) -> list[str]:
    found = [item for item in walk(folder, **options) if isinstance(item, Path)]
    return [path.relative_to(folder).as_posix() for path in found]


def passed_over(folder: Path, **options: object) -> dict[str, str]:
    found = [item for item in walk(folder, **options) if isinstance(item, PassedOver)]
    return {item.path.relative_to(folder).as_posix(): item.why for item in found}


def test_files_come_by_name_before_those_of_the_folders_below(tmp_path):
    make(tmp_path, "b", "z/a", "a/c", "a/b/d", ".x", ".hidden/y")
    assert files(tmp_path) == ["b", "a/c", "a/b/d", "z/a"]
    assert passed_over(tmp_path) == {}


def test_a_folder_that_is_not_entered_is_not_told(tmp_path):
    make(tmp_path, "a/b", "c")
    assert files(tmp_path, enters=lambda folder: folder.name != "a") == ["c"]


def test_links_to_folders_end_the_walk_and_are_named(tmp_path):
    make(tmp_path, "album/a.wav")
    (tmp_path / "album" / "up").symlink_to(tmp_path, target_is_directory=True)
    assert files(tmp_path) == ["album/a.wav"]
    assert passed_over(tmp_path) == {"album/up": "a link to a folder"}


def test_a_folder_that_is_met_twice_is_walked_once(tmp_path, monkeypatch):
    make(tmp_path, "a/x", "b/x")
    real = os.stat

    def bound(path, *words, **options):  # as a mount of one folder at two places looks
        return real(tmp_path / "a" if Path(path) == tmp_path / "b" else path, *words, **options)

    monkeypatch.setattr(folder_walk.os, "stat", bound)
    assert files(tmp_path) == ["a/x"]
    assert passed_over(tmp_path) == {"b": "a folder that was met before"}


def test_a_link_to_a_file_of_the_folder_counts_it_once(tmp_path):
    make(tmp_path, "b.wav", ".store/c")
    (tmp_path / "a.wav").symlink_to("b.wav")
    (tmp_path / "c.wav").symlink_to(".store/c")  # a store of files under names of its own
    assert files(tmp_path) == ["b.wav", "c.wav"]
    assert passed_over(tmp_path) == {"a.wav": "a link to a file of the same folder"}


def test_a_link_that_leads_out_counts_only_where_that_is_allowed(tmp_path):
    make(tmp_path, "outside.wav", "in/a.wav")
    (tmp_path / "in" / "b.wav").symlink_to(tmp_path / "outside.wav")
    assert files(tmp_path / "in") == ["a.wav", "b.wav"]
    assert files(tmp_path / "in", linked=False) == ["a.wav"]
    assert passed_over(tmp_path / "in", linked=False) == {"b.wav": "a link"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_pipes_and_devices_are_named_and_block_nobody(tmp_path):
    make(tmp_path, "a.wav")
    os.mkfifo(tmp_path / "b.wav")
    (tmp_path / "c.wav").symlink_to("/dev/null")
    (tmp_path / "d.wav").symlink_to("gone")
    assert files(tmp_path) == ["a.wav"]
    assert passed_over(tmp_path) == {
        "b.wav": "a pipe",
        "c.wav": "a link to a device or a socket",
        "d.wav": "a link to what is not there",
    }


def test_a_folder_that_can_not_be_read_is_named_and_the_walk_goes_on(tmp_path, monkeypatch):
    make(tmp_path, "a/x", "b/x")
    real = os.scandir

    def refusing(path):
        if Path(path) == tmp_path / "a":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(folder_walk.os, "scandir", refusing)
    found = list(walk(tmp_path))
    assert found[0] == PassedOver(
        tmp_path / "a", 'not to be read: the system says "Permission denied"', unreadable=True
    )
    assert found[1] == tmp_path / "b" / "x"


def test_folders_nested_deeper_than_python_recurses_are_walked(tmp_path):
    here = tmp_path
    for _ in range(1_500):  # `os.makedirs` recurses too
        here = here / "d"
        here.mkdir()
    make(here, "a.wav")
    found = files(tmp_path)
    (here / "a.wav").unlink()
    while here != tmp_path:  # what removes it otherwise recurses as well
        here.rmdir()
        here = here.parent
    assert len(found) == 1
