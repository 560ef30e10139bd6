from pathlib import Path

from drumstudio.workflows.find_songs import find_songs


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_a_folder_is_walked_and_its_structure_is_kept(tmp_path):
    make(tmp_path, "b.wav", "a.flac", "live/one/c.MP3", "live/notes.txt", ".hidden/d.wav", ".e.wav")
    found = find_songs([tmp_path])
    assert found.songs == (
        (tmp_path / "a.flac", Path()),
        (tmp_path / "b.wav", Path()),
        (tmp_path / "live/one/c.MP3", Path("live/one")),
    )
    assert found.ignored == (tmp_path / "live/notes.txt",)
    assert found.empty == ()


def test_a_file_that_is_named_itself_is_taken_whatever_its_name(tmp_path):
    make(tmp_path, "readme.txt")
    missing = tmp_path / "missing.wav"
    found = find_songs([tmp_path / "readme.txt", missing])
    assert [song for song, _ in found.songs] == [tmp_path / "readme.txt", missing]


def test_the_folder_of_results_is_left_out(tmp_path):
    make(tmp_path, "a.wav", "stems/a_drums.wav")
    found = find_songs([tmp_path], outside=tmp_path / "stems")
    assert [song for song, _ in found.songs] == [tmp_path / "a.wav"]


def test_a_folder_without_songs_is_named_even_if_it_is_called_like_a_song(tmp_path):
    (tmp_path / "x.wav").mkdir()
    assert find_songs([tmp_path / "x.wav"]).empty == (tmp_path / "x.wav",)


def test_a_link_that_leads_round_in_a_circle_ends(tmp_path):
    make(tmp_path, "a.wav")
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    assert len(find_songs([tmp_path]).songs) == 1


def test_what_lies_in_a_project_is_no_song(tmp_path):
    make(tmp_path, "a.wav", "Night.drumstudio/media/0a.wav", "Night.drumstudio/separations/0b.wav")
    assert find_songs([tmp_path]).songs == ((tmp_path / "a.wav", Path()),)
