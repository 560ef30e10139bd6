from __future__ import annotations

import os

from drumstudio.files.oldest_first import remove_oldest


def test_what_was_not_used_for_longest_makes_room(tmp_path):
    for number in range(4):
        path = tmp_path / f"{number}.peaks"
        path.write_bytes(bytes(100))
        os.utime(path, (number, number))
    (tmp_path / "other.txt").write_bytes(bytes(1_000))
    remove_oldest([*tmp_path.glob("*.peaks"), tmp_path / "gone.peaks"], 250)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2.peaks", "3.peaks", "other.txt"]
