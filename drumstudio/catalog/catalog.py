"""The catalog: which models there are, which of them can run, and which is the best."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from drumstudio import paths
from drumstudio.catalog.model_card import CARD_NAME, ModelCard, read_card
from drumstudio.core.errors import DrumStudioError, ModelMissingError


class Catalog:
    """The models in some folders, as they were at the last `refresh`.

    Parameters
    ----------
    folders : sequence of Path
        Folders that hold a folder a model; one that is not there counts as empty. If two
        models have one id, the first wins, so that nothing added can pose as a shipped one.
    shipped : Path, optional
        The one of them that came with the program: only the scores of its models rank.

    Attributes
    ----------
    problems : list of DrumStudioError
        What is wrong with the cards that could not be read; they hide no others.
    """

    def __init__(self, folders: Sequence[Path], *, shipped: Path | None = None) -> None:
        self._folders = tuple(folders)
        self._shipped = shipped
        self.problems: list[DrumStudioError] = []
        self._cards: dict[str, ModelCard] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read the folders again; may be called beside threads that use the catalog."""
        problems: list[DrumStudioError] = []
        cards: dict[str, ModelCard] = {}
        for folder in self._folders:
            for model_folder in _model_folders(folder):
                try:
                    card = read_card(model_folder, shipped=folder == self._shipped)
                except DrumStudioError as error:
                    problems.append(error)
                else:
                    cards.setdefault(card.id, card)
        self.problems, self._cards = problems, cards

    def cards(self) -> list[ModelCard]:
        """Return all cards, best score first, then those that shipped, then by name."""
        return sorted(
            self._cards.values(),
            key=lambda card: (-card.ranking_score, not card.shipped, card.id),
        )

    def find(self, model_id: str) -> ModelCard:
        """Return the card of that id.

        Raises
        ------
        ModelMissingError
            If there is none; it lists what there is.
        """
        if model_id not in self._cards:
            raise ModelMissingError(
                f"There is no model called {model_id[:80]}",
                why=f"The models here are {', '.join(sorted(self._cards)) or 'none'}.",
                fix="Name one of them; see them with: studio models",
            )
        return self._cards[model_id]

    def ready(self, card: ModelCard) -> bool:
        """Return whether a model can run: it needs no weights, or they lie beside its card.

        A look at the size only; every byte is checked when the weights are loaded.
        """
        if not card.weights:
            return True
        try:
            return (card.folder / card.weights).stat().st_size == card.bytes
        except OSError:
            return False

    def best(self) -> ModelCard:
        """Return the ready separator with the highest score on our own protocol.

        Raises
        ------
        ModelMissingError
            If no separator is ready.
        """
        for card in self.cards():
            if card.kind == "separator" and self.ready(card):
                return card
        raise ModelMissingError(
            "There is no model to separate with",
            why="None of the models here has its weights beside its card.",
            fix="Install DrumStudio again; see the models with: studio models",
        )


def default_catalog() -> Catalog:
    """Return the catalog of the models that ship and those that the user added."""
    shipped = paths.shipped_folder("models")
    return Catalog([shipped, paths.user_models_folder()], shipped=shipped)


def _model_folders(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if (entry / CARD_NAME).is_file())
    except OSError:
        return []
