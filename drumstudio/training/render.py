"""Fills a pool: real recordings at drawn pitches, and clips of the project's own synthesis."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from drumstudio import atomic
from drumstudio.jobs.job import Checkpoint
from drumstudio.synthesis.grooves import Grid, draw_grid, draw_groove
from drumstudio.synthesis.one_shots import OneShotBank, family_of
from drumstudio.training.data import SAMPLE_RATE, SampleCache, Source, to_float
from drumstudio.training.low_end import bass_line, kick_line, played_bass
from drumstudio.training.pools import write_clip
from drumstudio.training.written_parts import Score, bass_for, read_score, window

if TYPE_CHECKING:
    from drumstudio.synthesis.backing_clips import BackingClips
    from drumstudio.synthesis.drum_clips import DrumClips

Samples = NDArray[np.float32]

CLIP_SECONDS = 12.0
_CLIP_SAMPLES = int(CLIP_SECONDS * SAMPLE_RATE)
_SCORE_TRIES = 8
TEMPOS = (72.0, 84.0, 92.0, 100.0, 110.0, 118.0, 124.0, 128.0, 138.0, 150.0, 166.0)
"""Tempos of rendered clips: few, so that any drums find layers of the same."""

# Sounds of the pack that are no strokes on a drum, or whose onset comes late.
_LEFT_OUT = ("body", "timpani", "gong", "belltree", "guiro", "cuica", "click")


class Renderer:
    """Renders clips of any kind from sources.

    Parameters
    ----------
    sources : iterable of Source
        Training files; those of another split are left out.
    cache : SampleCache
    seed : int
        Another seed renders other clips, without limit.
    long_kicks : float
        Share of the rendered drums with a long kick below the kit's own.
    sounds : float
        Share of the synthesised sounds that a bank of one-shots holds by default.
    """

    def __init__(
        self,
        sources: Iterable[Source],
        cache: SampleCache,
        seed: int,
        long_kicks: float = 0.2,
        sounds: float = 1.0,
    ) -> None:
        self._cache = cache
        self._long_kicks = long_kicks
        self._sounds = sounds
        self._rng = np.random.default_rng([seed, 77])
        self._seed = self._clips_seed = seed
        self._by_kind: dict[str, dict[str, list[Source]]] = defaultdict(lambda: defaultdict(list))
        self._songs: dict[str, list[Source]] = defaultdict(list)
        song_drums: dict[str, list[Source]] = defaultdict(list)
        strokes = []
        self._score_files: list[Source] = []
        for source in sources:
            if source.split != "train":
                continue
            if source.role in ("hit", "note"):
                strokes.append(source)
            elif source.role == "score":
                self._score_files.append(source)
            elif source.role == "drums":
                self._by_kind["stem" if source.kind == "stem" else "loop"][_group(source)].append(
                    source
                )
            elif source.song:
                self._songs[source.song].append(source)
            else:
                kind = "voice" if source.kind in ("vocals", "speech") else "music"
                self._by_kind[kind][_group(source)].append(source)
            if source.song and source.kind == "vocals":
                self._by_kind["voice"][_group(source)].append(source)
            if source.song and source.role == "drums":
                song_drums[source.song].append(source)
        # A rest that was mixed already holds what the other stems hold.
        self._songs = {
            name: [stem for stem in stems if stem.kind == "mix"] or stems
            for name, stems in self._songs.items()
        }
        self._whole_songs = {
            name: (drums, self._songs[name])
            for name, drums in sorted(song_drums.items())
            if name in self._songs
        }
        self._strokes = strokes
        self._scores: dict[Source, Score | None] = {}
        self._bank: OneShotBank | None = None
        self._drum_clips: DrumClips | None = None
        self._backing_clips: BackingClips | None = None

    def reseed(self, seed: int) -> None:
        """Go on as a renderer of another seed would, with the same one-shots."""
        self._rng = np.random.default_rng([self._seed, seed])
        self._clips_seed = seed
        self._drum_clips = self._backing_clips = None

    def can_render(self, kind: str) -> bool:
        """Return whether there are files, or a synthesis, for a kind of clips."""
        if kind in ("rendered", "written", "backing", "bass"):
            return True
        songs = {"song": self._songs, "together": self._whole_songs}
        return bool(songs[kind] if kind in songs else self._by_kind.get(kind))

    def clips(self, kind: str, count: int) -> Iterator[tuple[int, Samples]]:
        """Yield `count` new clips, (tempo in hundredths, float32 (2, samples)), of a kind.

        Parameters
        ----------
        kind : str
            "rendered", "loop", "stem" (drums); "song", "music", "voice", "bass", "backing" (rest);
            "together" (a song's drums and rest as they are, four channels), "written" (drums and
            the bass that goes with them, four channels).
        count : int
        """
        if kind == "rendered":
            yield from self._rendered(count)
        elif kind == "together":
            yield from self._together(count)
        elif kind == "written":
            yield from self._written(count)
        elif kind == "backing":
            yield from self._backing(count)
        else:
            for _ in range(count):
                if kind == "bass":
                    grid = self._grid()
                    line = bass_line(self._rng, grid, CLIP_SECONDS, self._bass_note())
                    yield _hundredths(grid), np.stack([line, line])
                elif kind == "song":
                    yield 0, self._song()
                else:
                    yield 0, self._window(self._draw(kind))

    def _grid(self) -> Grid:
        grid = draw_grid(self._rng)
        return replace(
            grid, bpm=float(self._rng.choice(TEMPOS)), beats_per_bar=4, start_seconds=0.0
        )

    def _bass_note(self) -> Samples | None:
        """Return a recorded bass note in two of five draws, where there are any."""
        notes = [s for s in self._strokes if s.role == "note" and s.kind == "bass"]
        if not notes or self._rng.random() > 0.4:
            return None
        note = notes[int(self._rng.integers(len(notes)))]
        return to_float(self._cache.samples(note)).mean(0)

    def _draw(self, kind: str) -> Source:
        """Draw a group by the root of its length, then a file of it by length."""
        groups = self._by_kind[kind]
        if not groups:
            raise ValueError(f"no training files of kind {kind!r}")
        names = list(groups)
        weights = np.array([sum(s.seconds for s in groups[name]) ** 0.5 for name in names])
        files = groups[names[int(self._rng.choice(len(names), p=weights / weights.sum()))]]
        lengths = np.array([min(s.seconds, 120.0) + 1.0 for s in files])
        return files[int(self._rng.choice(len(files), p=lengths / lengths.sum()))]

    def _window(
        self, source: Source, *, place: float | None = None, rate: float | None = None
    ) -> Samples:
        """Return a stretch of a file at a drawn pitch, repeated if the file is shorter."""
        rng = self._rng
        samples = self._cache.samples(source)
        rate = float(2 ** (rng.uniform(-3, 3) / 12)) if rate is None else rate
        needed = int(_CLIP_SAMPLES * rate) + 64
        place = rng.random() if place is None else place
        first = int(place * max(0, samples.shape[1] - needed))
        stretch = to_float(samples[:, first : first + needed])
        if stretch.shape[1] < needed:
            stretch = np.tile(stretch, (1, -(-needed // max(1, stretch.shape[1]))))[:, :needed]
        import soxr  # only the renderer resamples

        resampled = soxr.resample(stretch.T, SAMPLE_RATE * rate, SAMPLE_RATE, quality="MQ").T
        stereo = np.repeat(resampled, 2, 0) if resampled.shape[0] == 1 else resampled[:2]
        clip = np.zeros((2, _CLIP_SAMPLES), np.float32)
        clip[:, : stereo.shape[1]] = stereo[:, :_CLIP_SAMPLES]
        return clip

    def _song(self) -> Samples:
        """Return the rest of a song, or some of its stems, at one place and pitch."""
        rng = self._rng
        names = sorted(self._songs)
        weights = np.array([max(s.seconds for s in self._songs[n]) ** 0.5 for n in names])
        stems = self._songs[names[int(rng.choice(len(names), p=weights / weights.sum()))]]
        kept = [s for s in stems if rng.random() < 0.85] or stems
        place, rate = rng.random(), float(2 ** (rng.uniform(-4, 4) / 12))
        return np.sum([self._window(s, place=place, rate=rate) for s in kept], axis=0)

    def _together(self, count: int) -> Iterator[tuple[int, Samples]]:
        """Yield stretches of songs with their own drums, spread evenly over all there is."""
        songs = list(self._whole_songs.values())
        cached = self._cache.samples
        lengths = [max(cached(s).shape[1] for s in drums + rest) for drums, rest in songs]
        # A song as long as a clip, or shorter, has one place.
        ends = np.cumsum([max(1, length - _CLIP_SAMPLES) for length in lengths])
        for number in range(count):
            place = (number + self._rng.random()) / count * ends[-1]
            song = min(int(np.searchsorted(ends, place, side="right")), len(songs) - 1)
            first = int(place - (ends[song - 1] if song else 0))
            needed = min(_CLIP_SAMPLES, lengths[song])
            parts = [
                np.sum([_stretch(cached(source), first, needed) for source in stems], axis=0)
                for stems in songs[song]
            ]
            yield 0, np.concatenate(parts)

    def _rendered(self, count: int) -> Iterator[tuple[int, Samples]]:
        for _ in range(count):
            grid = self._grid() if self._rng.random() < 0.8 else None
            grids = None if grid is None else [grid]
            clips = self._drummer()
            clip = clips.render(1, CLIP_SECONDS, grids=grids)[0].numpy()
            yield (0 if grid is None else _hundredths(grid)), self._with_kicks(clip)

    def _written(self, count: int) -> Iterator[tuple[int, Samples]]:
        """Yield drums with their bass: half from scores, where there are any."""
        from drumstudio.synthesis.parts import draw_harmony

        for _ in range(count):
            score = self._score() if self._rng.random() < 0.5 else None
            if score is not None:
                groove, notes = window(self._rng, score, CLIP_SECONDS)
                tempo = 0
            else:
                groove = draw_groove(self._rng, CLIP_SECONDS, self._grid())
                notes = bass_for(self._rng, groove, draw_harmony(self._rng), CLIP_SECONDS)
                tempo = _hundredths(groove.grid)
            clip = self._drummer().render(1, CLIP_SECONDS, grooves=[groove])[0].numpy()
            kicks = groove.times_of("kick")
            bass = played_bass(self._rng, notes, kicks, CLIP_SECONDS, self._bass_note())
            yield tempo, np.concatenate([self._with_kicks(clip), np.stack([bass, bass])])

    def _score(self) -> Score | None:
        """Draw a score that has drums and a bass; None if a few tries find none."""
        for _ in range(min(_SCORE_TRIES, len(self._score_files))):
            source = self._score_files[int(self._rng.integers(len(self._score_files)))]
            if source not in self._scores:
                self._scores[source] = read_score(source.path)
            score = self._scores[source]
            if score is not None:
                return score
        return None

    def _drummer(self) -> DrumClips:
        from drumstudio.synthesis.drum_clips import DrumClips

        if self._drum_clips is None:
            self._drum_clips = DrumClips(self._one_shots(), self._clips_seed)
        return self._drum_clips

    def _with_kicks(self, clip: Samples) -> Samples:
        """Return drums just rendered, in as many draws as wanted with long kicks below."""
        if self._rng.random() >= self._long_kicks:
            return clip
        groove = self._drummer().grooves[0]
        kicks = kick_line(self._rng, groove.times_of("kick"), CLIP_SECONDS)
        gain = np.float32(10 ** (self._rng.uniform(-14, 3) / 20))
        return clip + gain * kicks

    def _backing(self, count: int) -> Iterator[tuple[int, Samples]]:
        from drumstudio.synthesis.backing_clips import BackingClips

        if self._backing_clips is None:
            self._backing_clips = BackingClips(self._one_shots(), self._clips_seed)
        for _ in range(count):
            groove = draw_groove(self._rng, CLIP_SECONDS, self._grid())
            clip = self._backing_clips.render(1, CLIP_SECONDS, bpm_and_grid=[groove])[0].numpy()
            yield _hundredths(groove.grid), clip

    def _one_shots(self) -> OneShotBank:
        if self._bank is None:
            self._bank = one_shot_bank(self._strokes, self._cache, self._seed, self._sounds)
        return self._bank


def one_shot_bank(
    strokes: Iterable[Source], cache: SampleCache, seed: int, synthesised: float = 1.0
) -> OneShotBank:
    """Return a bank of recorded one-shots, kits and notes, with synthesised ones added.

    Parameters
    ----------
    strokes : iterable of Source
        Of the roles "hit" and "note".
    cache : SampleCache
    seed : int
    synthesised : float
        How many, as a share of the bank's own default.
    """
    recorded: dict[str, list[Samples]] = defaultdict(list)
    kits: dict[str, dict[str, dict[str, dict[str, dict[str, Samples]]]]] = {}
    for source in strokes:
        folder = source.path.parent.name
        if folder in _LEFT_OUT:
            continue
        samples = to_float(cache.samples(source))
        if source.role == "note":
            recorded[source.kind].append(samples.mean(0))
        elif source.song:
            name, layer, microphone = _kit_name(source.path.stem)
            kit = kits.setdefault(source.song, {})
            drum = kit.setdefault(source.kind, {}).setdefault(name, {})
            drum.setdefault(layer, {})[microphone] = samples[:2]
        else:
            known = family_of(folder, samples.shape[1]) is not None
            recorded[folder if known else source.kind].append(_onset_first(samples[:2]))
    nested = [
        {
            family: [
                [drum[layer] for layer in sorted(drum, key=_layer_number)]
                for drum in drums.values()
            ]
            for family, drums in kit.items()
        }
        for kit in kits.values()
    ]
    return OneShotBank(
        recorded,
        nested,
        drums_per_family=round(40 * synthesised),
        notes_per_family=round(24 * synthesised),
        seed=seed,
    )


def _kit_name(stem: str) -> tuple[str, str, str]:
    """Split `<instrument>_<name>_v<layer>[_<microphone>]` into drum, layer and microphone."""
    microphone = "close"
    for ending in ("close", "oh", "room"):
        if stem.endswith(f"_{ending}"):
            stem, microphone = stem[: -len(ending) - 1], ending
    name, _, layer = stem.rpartition("_v")
    return name or stem, layer, microphone


def _layer_number(layer: str) -> float:
    return float(layer) if layer.isdigit() else 0.0


def _onset_first(samples: Samples) -> Samples:
    """Return a hit without more than 5 ms before it reaches a tenth of its peak."""
    loud = np.abs(samples).max(0)
    first = int(np.argmax(loud > 0.1 * loud.max(initial=0.0)))
    return samples[:, max(0, first - 220) :]


def _stretch(samples: NDArray[np.int16], first: int, count: int) -> Samples:
    """Return part of a file on both sides, float32 (2, count), silence after its end."""
    part = to_float(samples[:2, first : first + count])
    return np.pad(part, ((0, 0), (0, count - part.shape[1]))) * np.ones((2, 1), np.float32)


def _group(source: Source) -> str:
    return source.song or source.origin


def _hundredths(grid: Grid) -> int:
    return round(grid.bpm * 100)


def fill_pool(
    checkpoint: Checkpoint,
    renderer: Renderer,
    folder: Path,
    counts: Mapping[str, int],
    first: int,
    most: Mapping[str, int] | None = None,
) -> None:
    """Render clips into a pool's folder, kinds in turn.

    Parameters
    ----------
    checkpoint : Checkpoint
    renderer : Renderer
    folder : Path
        Made if need be, in a folder that is there.
    counts : mapping of str to int
        How many clips of each kind; a kind that can not be rendered is left out.
    first : int
        Number of the first clip; a clip of the same kind, tempo and number is replaced.
    most : mapping of str to int, optional
        How many clips of a kind are kept: those of the lowest numbers go.

    Raises
    ------
    DiskFullError
        Before the first clip, if there is no room for all.
    """
    folder.mkdir(exist_ok=True)
    wanted = {kind: count for kind, count in counts.items() if renderer.can_render(kind)}
    total = sum(wanted.values())
    done = 0
    channels = total * 2 + 2 * sum(wanted.get(kind, 0) for kind in ("together", "written"))
    room = channels * _CLIP_SAMPLES * np.dtype(np.int16).itemsize
    atomic.require_free(folder, room, f"Cannot render {total} clips to train from")
    for kind, count in wanted.items():
        for number, (tempo, clip) in enumerate(renderer.clips(kind, count)):
            write_clip(folder, kind, tempo, first + number, clip)
            done += 1
            checkpoint(done / total, f"Rendered {done} of {total} clips")
    for kind, limit in (most or {}).items():
        clips = sorted(folder.glob(f"{kind}~*~*.npy"), key=_clip_number)
        for old in clips[: max(0, len(clips) - limit)]:
            old.unlink()


def _clip_number(path: Path) -> int:
    return int(path.stem.rpartition("~")[2])
