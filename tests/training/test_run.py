from __future__ import annotations

import json

import numpy as np
import pytest

from drumstudio.catalog.model_card import read_card
from drumstudio.core.errors import Cancelled, ModelCorruptError
from drumstudio.files.wav_file import WavReader, WavWriter
from drumstudio.inference.separate import separate
from drumstudio.jobs.job import no_checkpoint
from drumstudio.training.evaluate import evaluate
from drumstudio.training.run import train_job
from tests.training.conftest import drums, tone, write


@pytest.mark.robust
def test_a_folder_becomes_a_model_that_separates(songs, tiny_recipe_file, tmp_path):
    work = tmp_path / "training"

    def train(**changes):
        arguments = {
            "recipe": str(tiny_recipe_file), "data": [str(songs)], "folder": str(work),
            "device": "cpu",
        }  # fmt: skip
        return train_job(no_checkpoint, **(arguments | changes))

    result = train()
    json.dumps(result)
    assert result["steps"] == 4
    assert result["skipped_steps"] == 0
    card = read_card(work / "tiny")
    assert [entry.name for entry in card.trained_on] == ["song 0", "song 1"]
    assert (work / "curve.png").exists()

    # A training that is over does nothing more; a longer one goes on.
    assert train()["steps"] == 4
    assert train(steps=6)["steps"] == 6
    before = card.sha256
    assert read_card(work / "tiny").sha256 != before

    # Its weights can start another one, of the same network only.
    other = train(
        folder=str(tmp_path / "second"), from_card=str(work / "tiny"), steps=1, name="Our Club 2"
    )
    assert other["steps"] == 1
    assert read_card(tmp_path / "second" / "our-club-2").name == "Our Club 2"
    wider = tmp_path / "wider.toml"
    wider.write_text(tiny_recipe_file.read_text().replace("channels = 4\n", "channels = 8\n", 1))
    with pytest.raises(ModelCorruptError):
        train(
            recipe=str(wider), folder=str(tmp_path / "third"), from_card=str(work / "tiny"), steps=1
        )

    excerpt = tmp_path / "excerpts" / "one"
    write(excerpt / "drums.wav", drums(2.0, 9))
    write(excerpt / "rest.wav", tone(2.0, 90))
    scored = evaluate(
        no_checkpoint, folder=str(tmp_path / "excerpts"), card_folders=[str(work / "tiny")],
        device="cpu",
    )  # fmt: skip
    assert np.isfinite(scored["mean"]["tiny"]["sdr"])

    mixture = drums(2.0, 9) + tone(2.0, 90)
    with WavWriter(tmp_path / "song.wav", 44_100, 2) as writer:
        writer.write(mixture)
    separate(
        no_checkpoint, mixture=str(tmp_path / "song.wav"), drums=str(tmp_path / "out.wav"),
        card_folder=str(work / "tiny"), settings={"isolation": 0.5}, device="cpu", threads=1,
        work_folder=str(tmp_path / "chunks"),
    )  # fmt: skip
    with WavReader(tmp_path / "out.wav") as reader:
        assert reader.samples == mixture.shape[1]
        assert np.abs(reader.read(0, reader.samples)).max() > 0


def test_a_cancelled_training_has_shipped_what_it_had(songs, tiny_recipe_file, tmp_path):
    def stop(fraction, message):
        if fraction > 0.4:
            raise Cancelled

    with pytest.raises(Cancelled):
        train_job(
            stop, recipe=str(tiny_recipe_file), data=[str(songs)], folder=str(tmp_path / "t"),
            device="cpu",
        )  # fmt: skip
    assert read_card(tmp_path / "t" / "tiny").bytes > 0
