"""The hand over the spectrogram: from presses and moves to paint, or to what is selected."""

from __future__ import annotations

from drumstudio.application.edit_session import EditSession
from drumstudio.tools.table import TOOLS
from drumstudio.tools.tool import Point, Tool, ToolSettings


class Hand:
    """Paints or selects with the tool that is chosen.

    Attributes
    ----------
    session : EditSession or None
        What it paints on.
    """

    def __init__(self) -> None:
        self.session: EditSession | None = None

    @property
    def settings(self) -> ToolSettings | None:
        """What it paints with."""
        return self.session.editor.settings if self.session is not None else None

    @property
    def tool(self) -> Tool | None:
        """Its tool."""
        settings = self.settings
        return TOOLS[settings.tool] if settings is not None else None

    @property
    def selects(self) -> bool:
        """Whether its tool selects and does not paint."""
        settings, tool = self.settings, self.tool
        return settings is not None and tool is not None and settings.selecting and tool.selects

    @property
    def is_drawing(self) -> bool:
        """Whether a gesture is under way."""
        session = self.session
        return session is not None and (session.editor.is_drawing or session.selector.is_drawing)

    @property
    def outline(self) -> list[Point]:
        """The corners of the area that is being spanned, in seconds and hertz."""
        if self.session is None:
            return []
        return self.session.editor.outline or self.session.selector.outline

    def press(self, point: Point, pressure: float, way: str) -> None:
        """Begin a gesture, go on with one of corners, or click.

        Parameters
        ----------
        point : Point
            Where.
        pressure : float
            In [0, 1].
        way : str
            One of `application.selection.WAYS`, where it selects.

        Raises
        ------
        DrumStudioError
            As from `application.editor.Editor.press`.
        """
        session, tool, settings = self.session, self.tool, self.settings
        if session is None or tool is None or settings is None:
            return
        if session.hearing == "model":
            session.hear("edited")  # who paints wants to see and hear it
        if self.is_drawing:
            self.move(point, pressure, straight=False)
        elif tool.find is not None:
            session.click(*point, way)
        elif self.selects:
            session.selector.press(*point, settings, way)
        else:
            session.editor.press(*point, pressure)

    def move(self, point: Point, pressure: float, *, straight: bool) -> None:
        """Go on with a gesture."""
        if self.session is not None:
            self.session.editor.move(*point, pressure, straight=straight)
            self.session.selector.move(*point)

    def release(self, *, clicked: bool) -> None:
        """End a gesture, unless it is one of corners and this was a click.

        Raises
        ------
        DrumStudioError
            As from `application.editor.Editor.release`.
        """
        tool = self.tool
        corner = tool is not None and tool.by_corners and clicked and bool(self.outline)
        if self.session is not None and not corner:
            self.session.editor.release()
            self.session.selector.release(clicked=clicked)

    def finish(self) -> None:
        """End a lasso of corners.

        Raises
        ------
        DrumStudioError
            As from `release`.
        """
        if self.session is not None:
            self.session.editor.release()
            self.session.selector.release()

    def abort(self) -> None:
        """Drop the gesture that is under way."""
        if self.session is not None:
            self.session.editor.abort()
            self.session.selector.abort()
