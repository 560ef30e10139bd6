"""DrumStudio: separate, touch up and remix the drums of any song."""

__version__ = "0.1.0"
