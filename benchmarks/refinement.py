"""What the hit average gains behind each model, and behind an import: SDR of the drums in dB.

    studio benchmark refinement --audio FOLDER [--model ID ...] [--json]

FOLDER holds excerpts as `studio evaluate` takes them. Every excerpt is separated as the model
stands, a model's own average switched off, and then refined. "import" is a file from elsewhere:
the flagship's drums without its average, written with 24 bits and read again.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from drumstudio.catalog.catalog import default_catalog
from drumstudio.core.audio import Samples
from drumstudio.core.scores import sdr
from drumstudio.files.wav_file import WavReader, WavWriter
from drumstudio.inference.refine import refine
from drumstudio.inference.separate import separate
from drumstudio.jobs.job import no_checkpoint
from drumstudio.training.evaluate import Excerpt, find_excerpts, read_excerpt
from drumstudio.workflows.separation_settings import SeparationSettings, separation_settings

IMPORT = "import"


def separated(excerpt: Excerpt, model: str, settings: SeparationSettings, work: Path) -> Path:
    """Separate an excerpt and return the file of its drums."""
    rate, samples = excerpt.mixture.sample_rate, excerpt.mixture.samples
    with WavWriter(work / "mixture.wav", rate, samples.shape[0]) as writer:
        writer.write(samples)
    (work / "chunks").mkdir(exist_ok=True)
    separate(
        no_checkpoint,
        mixture=str(work / "mixture.wav"),
        drums=str(work / "drums.wav"),
        card_folder=str(settings.card.folder),
        settings=settings.parameters,
        device="cpu",
        threads=1,
        work_folder=str(work / "chunks"),
    )
    if model == IMPORT:
        drums = np.clip(samples_of(work / "drums.wav"), -1, 1)
        soundfile.write(work / "elsewhere.wav", drums.T, rate, subtype="PCM_24")
        again = soundfile.read(work / "elsewhere.wav", dtype="float32", always_2d=True)[0].T
        with WavWriter(work / "drums.wav", rate, again.shape[0]) as writer:
            writer.write(np.ascontiguousarray(again))
    return work / "drums.wav"


def samples_of(path: Path) -> Samples:
    """Return a media file's samples."""
    with WavReader(path) as reader:
        return reader.read(0, reader.samples)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    audio = os.environ.get("DRUMSTUDIO_AUDIO")
    parser.add_argument("--audio", type=Path, default=Path(audio, "eval") if audio else None)
    parser.add_argument("--model", action="append", dest="models")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    models = options.models or ["hpss", "fast", IMPORT]
    catalog = default_catalog()
    found, _ = find_excerpts(options.audio)
    rows: dict[str, dict[str, list[float]]] = {model: {} for model in models}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for name, stems in found.items():
            excerpt = read_excerpt(name, stems, work)
            for model in models:
                wanted = "flagship" if model == IMPORT else model
                settings = separation_settings(catalog, wanted, {}, "cpu", 1, {"hit-average": {}})
                drums = separated(excerpt, model, settings, work)
                better = work / "better.wav"
                refine(
                    no_checkpoint,
                    mixture=str(work / "mixture.wav"),
                    drums=str(drums),
                    target=str(better),
                    card_folder=str(settings.refinements[0].card.folder),
                    settings=settings.refinements[0].parameters,
                )
                true = excerpt.drums.samples
                rows[model][name] = [float(sdr(true, samples_of(p))) for p in (drums, better)]
    if options.json:
        print(json.dumps(rows))
        return
    print(f"{'excerpt':32}" + "".join(f"{model:>26}" for model in models))
    for name in next(iter(rows.values())):
        told = (rows[model][name] for model in models)
        print(f"{name:32}" + "".join(f"{a:9.2f} to{b:6.2f} ({b - a:+.2f})" for a, b in told))
    means = [np.mean(list(rows[model].values()), axis=0) for model in models]
    print(f"{'mean':32}" + "".join(f"{a:9.2f} to{b:6.2f} ({b - a:+.2f})" for a, b in means))


if __name__ == "__main__":
    main()
