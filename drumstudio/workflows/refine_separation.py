"""A separation of a song with better drums: refined behind whatever made it, an import too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from drumstudio.core.separation import Separation, Stem
from drumstudio.core.song import Song, cleaned_name, new_id
from drumstudio.files.project_media import SEPARATIONS, ProjectMedia
from drumstudio.jobs.job import Checkpoint, portion
from drumstudio.workers.pool import WorkerPool
from drumstudio.workflows.project import shape_of
from drumstudio.workflows.separation_settings import RefinementSettings, records_of


def refine_separation(
    song: Song,
    separation: Separation,
    chain: Sequence[RefinementSettings],
    media: ProjectMedia,
    pool: WorkerPool,
    checkpoint: Checkpoint,
) -> Separation:
    """Return a separation with the same stems but for its drums, which are refined.

    What is painted is not in it: strokes act on whichever separation is active.

    Parameters
    ----------
    song : Song
        The song.
    separation : Separation
        One of it, with a stem that serves as drums.
    chain : sequence of RefinementSettings
        One or more, checked by `separate_song.refinement_settings`.
    media : ProjectMedia
        Of the song's project.

    Raises
    ------
    DrumStudioError
        If sound is missing or the disk refuses.
    Cancelled
        If the person asked to stop; nothing is kept.
    """
    mixture, files = media.mixture_file(song), media.split_files(song, separation)
    media.require_free(len(chain) * song.mixture.bytes, f"Cannot refine {separation.name}")
    drums = files.stored[separation.drums]
    for number, one in enumerate(chain):
        part = portion(checkpoint, number / len(chain), (number + 1) / len(chain))
        with media.incoming(SEPARATIONS) as incoming:
            pool.run(
                "refine",
                part,
                mixture=str(mixture),
                drums=str(drums),
                target=str(incoming),
                card_folder=str(one.card.folder),
                settings=one.parameters,
            )
            sha256, size = media.keep(incoming, SEPARATIONS)
        drums = media.path(SEPARATIONS, sha256)
    better = Stem(separation.drums, shape_of(drums, sha256, size))
    made = [separation.name, *(one.card.name.lower() for one in chain)]
    return replace(
        separation,
        id=new_id(),
        name=cleaned_name(" + ".join(made)),
        stems=tuple(better if stem.name == better.name else stem for stem in separation.stems),
        refinements=(*separation.refinements, *records_of(chain)),
    )
