"""Projects for tests: made up songs, and edits of every kind drawn by a seeded generator."""

from __future__ import annotations

import hashlib
import json
import random

from drumstudio.core.history import Command, Edit, Edited
from drumstudio.core.plain import to_plain
from drumstudio.core.separation import (
    Blob,
    Media,
    Separation,
    Stem,
)
from drumstudio.core.song import (
    Clip,
    Lane,
    Project,
    Song,
    StrokeLayer,
    Track,
)
from drumstudio.core.tempo_map import TempoMap


def an_id(generator: random.Random) -> str:
    return f"{generator.getrandbits(48):012x}"


def a_hash(generator: random.Random) -> str:
    return f"{generator.getrandbits(256):064x}"


def a_media(generator: random.Random) -> Media:
    samples = generator.randrange(1, 10_000_000)
    return Media(
        a_hash(generator),
        samples * 8 + 104,
        generator.choice([44_100, 48_000, 96_000]),
        generator.choice([1, 2, 6]),
        samples,
        a_hash(generator),
    )


def a_song(generator: random.Random, name: str = "Song") -> Song:
    return Song(an_id(generator), name, f"{name}.mp3", a_media(generator))


def a_separation(generator: random.Random) -> Separation:
    return Separation(
        id=an_id(generator),
        name="HPSS",
        stems=(Stem("drums", a_media(generator)),),
        computed="rest",
        origin="model",
        drums="drums",
        model_id="hpss",
        model_hash=a_hash(generator),
        engine_version="1",
        settings={"kernel": 31, "power": 2.0, "soft": True, "mode": "wide"},
        device="cpu",
        seconds=generator.random() * 100,
        notes=("resampled from 48 kHz",),
    )


def a_project(songs: int = 0, seed: int = 0) -> Project:
    generator = random.Random(seed)
    return Project(
        an_id(generator), 44_100, tuple(a_song(generator, f"Song {n}") for n in range(songs))
    )


def state_hash(edited: Edited) -> str:
    """Return a hash of everything that a project and its history hold, bit by bit."""
    plain = [to_plain(edited.project), edited.history.to_plain()]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def project_hash(project: Project) -> str:
    return hashlib.sha256(json.dumps(to_plain(project), sort_keys=True).encode()).hexdigest()


def random_command(project: Project, generator: random.Random) -> Command:
    """Return an edit that fits the project, of a kind drawn at random; it always changes it."""
    kinds = [_add_song, _add_track, _set_rate]
    if project.songs:
        kinds += [_rename, _set_strip, _set_strip, _set_amount, _separate, _add_layer, _set_tempo]
        kinds += [_remove_song] if len(project.songs) > 3 else []
    if any(song.layers for song in project.songs):
        kinds += [_paint, _paint, _set_layer]
    if any(song.separations for song in project.songs):
        kinds += [_remove_separation]
    if project.tracks and project.songs:
        kinds += [_add_clip, _add_clip, _change_clip, _move_track]
    while True:
        edit = Edit(project)
        kind = generator.choice(kinds)
        kind(edit, generator)
        command = edit.command(kind.__name__[1:].replace("_", " "))
        if command.changes:
            return command


def _add_song(edit: Edit, generator: random.Random) -> None:
    song = a_song(generator, f"Söng {generator.randrange(1000)} 🥁")
    edit.insert(("songs",), song, generator.randint(0, len(edit.project.songs)))


def _remove_song(edit: Edit, generator: random.Random) -> None:
    song = generator.choice(edit.project.songs)
    for track in edit.project.tracks:
        for clip in track.clips:
            if clip.song == song.id:
                edit.remove(("tracks", track.id, "clips"), clip.id)
    edit.remove(("songs",), song.id)


def _set_rate(edit: Edit, generator: random.Random) -> None:
    edit.set(("sample_rate",), generator.choice([44_100, 48_000, 96_000]))


def _rename(edit: Edit, generator: random.Random) -> None:
    song = generator.choice(edit.project.songs)
    edit.set(("songs", song.id, "name"), f"Name {generator.randrange(10**6)} \\ \" '\n")


def _set_strip(edit: Edit, generator: random.Random) -> None:
    song = generator.choice(edit.project.songs)
    stem = generator.choice(["drums", "rest", "kick", "oboe"])
    if all(lane.stem != stem for lane in song.lanes):
        edit.insert(("songs", song.id, "lanes"), Lane(stem))
    at = ("songs", song.id, "lanes", stem, "strip")
    edit.set((*at, "gain_db"), generator.uniform(-96.0, 24.0))
    edit.set((*at, "pan"), generator.uniform(-1.0, 1.0))
    edit.set((*at, "mute"), generator.random() < 0.5)
    edit.set((*at, "colour"), f"#{generator.getrandbits(24):06x}")


def _set_amount(edit: Edit, generator: random.Random) -> None:
    song = generator.choice(edit.project.songs)
    edit.set(("songs", song.id, "amount"), generator.uniform(-1.0, 1.0))


def _separate(edit: Edit, generator: random.Random) -> None:
    song = generator.choice(edit.project.songs)
    separation = a_separation(generator)
    edit.insert(("songs", song.id, "separations"), separation)
    edit.set(("songs", song.id, "active"), separation.id)


def _remove_separation(edit: Edit, generator: random.Random) -> None:
    song = generator.choice([song for song in edit.project.songs if song.separations])
    separation = generator.choice(song.separations)
    if song.active == separation.id:
        edit.set(("songs", song.id, "active"), None)
    edit.remove(("songs", song.id, "separations"), separation.id)


def _add_layer(edit: Edit, generator: random.Random) -> None:
    song = generator.choice(edit.project.songs)
    edit.insert(("songs", song.id, "layers"), StrokeLayer(an_id(generator), "Layer"))


def _set_layer(edit: Edit, generator: random.Random) -> None:
    song = generator.choice([song for song in edit.project.songs if song.layers])
    at = ("songs", song.id, "layers", generator.choice(song.layers).id)
    edit.set((*at, "opacity"), generator.random())
    edit.set((*at, "on"), generator.random() < 0.5)


def _paint(edit: Edit, generator: random.Random) -> None:
    song = generator.choice([song for song in edit.project.songs if song.layers])
    layer = generator.choice(song.layers)
    stroke = Blob(a_hash(generator), generator.randrange(60, 20_000))
    edit.insert(("songs", song.id, "layers", layer.id, "strokes"), stroke)


def _set_tempo(edit: Edit, generator: random.Random) -> None:
    song = generator.choice(edit.project.songs)
    tempo_map = TempoMap.constant(generator.uniform(40.0, 240.0), generator.uniform(0.0, 2.0))
    edit.set(("songs", song.id, "tempo_map"), tempo_map)


def _add_track(edit: Edit, generator: random.Random) -> None:
    edit.insert(("tracks",), Track(an_id(generator), f"Track {generator.randrange(1000)}"))


def _move_track(edit: Edit, generator: random.Random) -> None:
    track = generator.choice(edit.project.tracks)
    edit.move(("tracks",), track.id, generator.randrange(len(edit.project.tracks)))


def _add_clip(edit: Edit, generator: random.Random) -> None:
    track = generator.choice(edit.project.tracks)
    start = generator.uniform(0.0, 100.0)
    clip = Clip(
        id=an_id(generator),
        song=generator.choice(edit.project.songs).id,
        stem=generator.choice(["mixture", "drums", "rest"]),
        start_seconds=start,
        stop_seconds=start + generator.uniform(0.0, 100.0),
        position_seconds=generator.uniform(0.0, 1000.0),
    )
    edit.insert(("tracks", track.id, "clips"), clip)


def _change_clip(edit: Edit, generator: random.Random) -> None:
    track = generator.choice(edit.project.tracks)
    for clip in track.clips[:1]:
        at = ("tracks", track.id, "clips", clip.id)
        edit.set((*at, "position_seconds"), generator.uniform(0.0, 1000.0))
        edit.set((*at, "stretch"), generator.uniform(0.25, 4.0))
        edit.set((*at, "fade_in_seconds"), generator.uniform(0.0, 2.0))
