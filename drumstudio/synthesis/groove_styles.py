"""The drum patterns that grooves are drawn from: a digit is a chance in ninths for a step."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Style:
    """One way of drumming, as chances on a bar's grid.

    Parameters
    ----------
    bpm : tuple of float
        Lowest and highest tempo, in beats a minute.
    steps_per_beat : int
        3 or 4.
    chances : dict of str
        Instrument to a string with one character a step: `.` never, 1-9 chance in ninths.
    swing : tuple of float
        Range of the delay of every second step, as a share of a step (0 straight, 0.33 triplet).
    ghost : float
        Chance that an empty step of the snare gets a ghost stroke.
    rolls : float
        Chance for a hat step to become a roll of two, three or four.
    electronic : float
        Chance that the kit is of drum-machine sounds.
    """

    bpm: tuple[float, float]
    chances: dict[str, str]
    steps_per_beat: int = 4
    swing: tuple[float, float] = (0.0, 0.08)
    ghost: float = 0.05
    rolls: float = 0.0
    electronic: float = 0.4


STYLES: dict[str, Style] = {
    "rock": Style(
        (90, 165),
        {
            "kick": "9.1...4.7.5...3.",
            "snare": "....9.......9..1",
            "hat_closed": "9.9.9.9.9.9.9.8.",
            "hat_open": "..............2.",
        },
        electronic=0.1,
    ),
    "rock_ride": Style(
        (80, 190),
        {
            "kick": "9..2..5.6.4..2..",
            "snare": "....9..1....9...",
            "ride": "9.9.9.9.9.9.9.9.",
            "hat_pedal": "....4.......4...",
        },
        electronic=0.0,
    ),
    "ballad": Style(
        (60, 100),
        {
            "kick": "9......3.58....2",
            "snare": "....6.......6...",
            "rim": "....3.......3...",
            "hat_closed": "9.9.9.9.9.9.9.9.",
        },
        ghost=0.02,
        electronic=0.2,
    ),
    "funk": Style(
        (85, 125),
        {
            "kick": "9.3..26..47..5.2",
            "snare": "....9..3.3..9..2",
            "hat_closed": "9697979796979797",
            "hat_open": "..1...2...1...3.",
        },
        swing=(0.0, 0.2),
        ghost=0.35,
        electronic=0.05,
    ),
    "soul": Style(
        (75, 120),
        {
            "kick": "9.....38.37.....",
            "snare": "....9.......9...",
            "hat_closed": "9.7.9.7.9.7.9.7.",
            "tambourine": "....6.......6...",
        },
        swing=(0.0, 0.3),
        ghost=0.2,
        electronic=0.05,
    ),
    "house": Style(
        (112, 135),
        {
            "kick": "9...9...9...9..1",
            "clap": "....8.......8...",
            "hat_open": "..8...8...8...8.",
            "hat_closed": "4444444444444444",
            "shaker": "2323232323232323",
        },
        ghost=0.0,
        electronic=0.95,
    ),
    "techno": Style(
        (120, 150),
        {
            "kick": "9...9...9...9...",
            "hat_closed": "..9...9...9...9.",
            "ride": "1.1.1.1.1.1.1.1.",
            "clap": "....4.......4...",
            "hand_low": "..1..2.1..2..1..",
            "rim": "...2..1....2..1.",
        },
        ghost=0.0,
        electronic=1.0,
    ),
    "trap": Style(
        (120, 165),
        {
            "kick": "9.....2.1.3..22.",
            "snare": "........9.......",
            "clap": "........7.......",
            "hat_closed": "9.9.9.9.9.9.9.9.",
            "hat_open": "......1.......1.",
        },
        ghost=0.0,
        rolls=0.2,
        electronic=1.0,
    ),
    "hip_hop": Style(
        (75, 105),
        {
            "kick": "9..2..1.2.73..12",
            "snare": "....9.......9...",
            "hat_closed": "9.8.9.8.9.8.9.8.",
            "shaker": "1.1.1.1.1.1.1.1.",
        },
        swing=(0.05, 0.35),
        ghost=0.08,
        electronic=0.6,
    ),
    "breakbeat": Style(
        (100, 175),
        {
            "kick": "9.9.......98....",
            "snare": "....9..6.5..9..5",
            "hat_closed": "9.9.9.9.9.9.9.9.",
            "ride": "1.1.1.1.1.1.1.1.",
        },
        ghost=0.2,
        electronic=0.2,
    ),
    "drum_and_bass": Style(
        (160, 180),
        {
            "kick": "9.........9....1",
            "snare": "....9.......9..1",
            "hat_closed": "9.9.9.9.9.9.9.9.",
            "hat_open": "......1.......2.",
            "shaker": "2222222222222222",
        },
        ghost=0.12,
        electronic=0.6,
    ),
    "electro": Style(
        (105, 135),
        {
            "kick": "9..5..8...5..2..",
            "snare": "....9.......9...",
            "hat_closed": "8687868786878687",
            "cowbell": "..3..3....3..3..",
            "clap": "....3.......3...",
        },
        ghost=0.0,
        electronic=1.0,
    ),
    "half_time": Style(
        (60, 100),
        {
            "kick": "9..3..2....3..4.",
            "snare": "........9.......",
            "hat_closed": "9.7.9.7.9.7.9.7.",
            "crash": "1...............",
        },
        ghost=0.1,
        electronic=0.3,
    ),
    "metal": Style(
        (110, 200),
        {
            "kick": "9696969696969696",
            "snare": "....9.......9...",
            "crash": "3...1...2...1...",
            "ride": "5...5...5...5...",
            "hat_open": "3...3...3...3...",
        },
        ghost=0.0,
        electronic=0.05,
    ),
    "punk": Style(
        (150, 200),
        {
            "kick": "9.....4.9.9.....",
            "snare": "....9.......9...",
            "hat_open": "6...6...6...6...",
            "hat_closed": "3.3.3.3.3.3.3.3.",
        },
        ghost=0.0,
        electronic=0.0,
    ),
    "reggae": Style(
        (60, 95),
        {
            "kick": "........9.......",
            "rim": "........8...1...",
            "hat_closed": "9.7.9.7.9.7.9.7.",
            "snare": "...........1..1.",
        },
        swing=(0.0, 0.33),
        ghost=0.05,
        electronic=0.1,
    ),
    "bossa": Style(
        (110, 160),
        {
            "kick": "9..89..89..89..8",
            "rim": "9..9..9...9..9..",
            "hat_closed": "9898989898989898",
            "shaker": "3333333333333333",
        },
        ghost=0.0,
        electronic=0.1,
    ),
    "samba": Style(
        (90, 130),
        {
            "kick": "4...9..44...9..4",
            "hand_low": "....9.......9...",
            "hand_high": "5..5..5.5..5.5..",
            "tambourine": "9797979797979797",
            "snare": "6556655665566556",
            "shaker": "6666666666666666",
        },
        swing=(0.0, 0.15),
        electronic=0.05,
    ),
    "latin": Style(
        (85, 125),
        {
            "kick": "...6..6....6..6.",
            "hand_high": "7.7.9.7.7.7.7.99",
            "hand_low": "......9.......99",
            "cowbell": "9...9...9.7.9...",
            "rim": "6..6..6...6.6...",
            "shaker": "5.5.5.5.5.5.5.5.",
        },
        electronic=0.15,
    ),
    "percussion": Style(
        (70, 150),
        {
            "hand_high": "7.47.47.7.47.474",
            "hand_low": "9..3..5.4..3..5.",
            "shaker": "6464646464646464",
            "triangle": "1...4...1...4...",
            "clap": "....2.......2...",
        },
        ghost=0.0,
        electronic=0.2,
    ),
    "swing": Style(
        (90, 200),
        {
            "ride": "9..9.79..9.7",
            "hat_pedal": "...9.....9..",
            "kick": "4..3..4..3.1",
            "snare": "..1..2..1..2",
        },
        steps_per_beat=3,
        ghost=0.1,
        electronic=0.0,
    ),
    "brushes": Style(
        (60, 160),
        {
            "brush": "9..9.59..9.5",
            "hat_pedal": "...9.....9..",
            "kick": "4.....4....1",
            "ride": "2..2.22..2.2",
        },
        steps_per_beat=3,
        ghost=0.0,
        electronic=0.0,
    ),
    "shuffle": Style(
        (70, 140),
        {
            "kick": "9....49....4",
            "snare": "...9.....9..",
            "hat_closed": "9.89.89.89.8",
        },
        steps_per_beat=3,
        ghost=0.15,
        electronic=0.1,
    ),
    "toms": Style(
        (70, 150),
        {
            "tom_low": "9..4..7.5..4..5.",
            "tom_mid": "..3..2..3..3..4.",
            "tom_high": "....2.......3..2",
            "kick": "9...5...9...5...",
            "snare": "....3.......7...",
        },
        ghost=0.0,
        electronic=0.2,
    ),
    "march": Style(
        (90, 130),
        {
            "snare": "9.669.669.669696",
            "kick": "9.......9.......",
            "crash": "2...............",
        },
        ghost=0.4,
        electronic=0.05,
    ),
}
