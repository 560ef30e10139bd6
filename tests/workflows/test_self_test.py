"""The self-test, and that it can fail."""

from __future__ import annotations

import pytest

from drumstudio import settings
from drumstudio.catalog.catalog import default_catalog
from drumstudio.jobs.job import no_checkpoint
from drumstudio.workflows import self_test
from drumstudio.workflows.workshop import Workshop


def test_every_separator_that_ships_has_a_stored_score():
    shipped = {card.id for card in default_catalog().cards() if card.kind == "separator"}
    assert set(self_test.stored_scores()) == shipped


@pytest.mark.robust
def test_every_model_passes_and_a_wrong_score_is_found(monkeypatch):
    with Workshop(settings.load()) as workshop:
        rows = self_test.self_test(default_catalog(), workshop, no_checkpoint)
        assert {row.model for row in rows} == set(self_test.stored_scores())
        assert [row.problem for row in rows] == [None] * len(rows)
        wrong = {row.model: row.sdr + 1.0 for row in rows}
        monkeypatch.setattr(self_test, "stored_scores", lambda: wrong)
        again = self_test.self_test(default_catalog(), workshop, no_checkpoint)
        assert all("should score" in (row.problem or "") for row in again)
