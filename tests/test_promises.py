from tests.promises import main, record


def write(tmp_path, monkeypatch, **changed):
    path = tmp_path / "found.jsonl"
    monkeypatch.setenv("DRUMSTUDIO_PROMISES", str(path))
    entry = {
        "what": "kill -9", "count": 10, "failures": 0, "figure": "0 of 10",
        "control": "plain writer: 3 of 10", "control_failed": True,
    }  # fmt: skip
    record("R1", **{**entry, **changed})
    return path


def test_the_table_passes_when_promises_hold_and_controls_fail(tmp_path, monkeypatch, capsys):
    assert main([str(write(tmp_path, monkeypatch))]) == 0
    assert "| R1 | kill -9 | 10 | 0 | 0 of 10 | plain writer: 3 of 10 |" in capsys.readouterr().out


def test_of_several_runs_the_last_finding_of_each_harness_counts(tmp_path, monkeypatch, capsys):
    first, second = (tmp_path / name for name in ("first", "second"))
    first.mkdir()
    second.mkdir()
    broken = write(first, monkeypatch, failures=1)
    mended = write(second, monkeypatch)
    write(second, monkeypatch, what="power cut")
    assert main([str(broken), str(mended)]) == 0
    assert capsys.readouterr().out.count("| R1 |") == 2
    assert main([str(mended), str(broken)]) == 1


def test_the_table_fails_when_a_promise_is_broken(tmp_path, monkeypatch):
    assert main([str(write(tmp_path, monkeypatch, failures=1))]) == 1


def test_the_table_fails_when_a_control_does_not_fail(tmp_path, monkeypatch):
    assert main([str(write(tmp_path, monkeypatch, control_failed=False))]) == 1
