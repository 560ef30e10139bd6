"""R15 and R16: no sound file crashes or hangs us, and no header is believed."""

import sys

import pytest

from tests.files.hostile_cases import ROUTES
from tests.files.hostile_corpus import CORPUS
from tests.files.in_child import outcomes
from tests.files.seeds import SEEDS
from tests.promises import counts, record

pytestmark = [
    pytest.mark.robust,
    pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_AS and /proc"),
]

MEMORY_BYTES = 512 * 2**20
SECONDS_EACH = 5.0


def broken(case, outcome, expected=("audio", "error")):
    """Return what is wrong with an outcome, or None."""
    result = outcome.get("result")
    if result is None:
        return case, outcome
    if result["kind"] not in expected or result["seconds"] > SECONDS_EACH:
        return case, result
    if result["peak_bytes"] > MEMORY_BYTES:
        return case, f"{result['peak_bytes']} bytes"
    return None


def run(function, cases, folder):
    return outcomes(
        f"tests.files.hostile_cases:{function}",
        cases,
        seconds_each=4 * SECONDS_EACH,
        memory_bytes=MEMORY_BYTES,
        folder=folder,
    )


def test_the_harness_notices_crashes_hangs_and_wrong_errors(tmp_path):
    ways = ["fine", "SIGSEGV", "SIGABRT", "SIGKILL", "hang", "memory", "exit", "raise", "fine"]
    found = outcomes(
        "tests.files.hostile_cases:misbehave",
        ways,
        seconds_each=1.0,
        memory_bytes=MEMORY_BYTES,
        folder=tmp_path,
    )
    seen = [
        outcome.get("died") or outcome.get("raised", "").split(":")[0] or list(outcome)[0]
        for outcome in found
    ]
    assert seen == [
        *("result", "SIGSEGV", "SIGABRT", "SIGKILL", "hung", "MemoryError", "exit 3"),
        *("RuntimeError", "result"),
    ]


def test_r15_no_mutant_crashes_hangs_or_confuses_us(tmp_path):
    pytest.importorskip("av")
    each = counts(1_500, 15_000) // len(SEEDS)
    cases = [
        (name, number, ROUTES[number % len(ROUTES)]) for name in SEEDS for number in range(each)
    ]
    found = run("mutant_case", cases, tmp_path)
    wrong = [
        finding
        for case, outcome in zip(cases, found, strict=True)
        if (finding := broken(case, outcome))
    ]
    results = [outcome["result"] for outcome in found if "result" in outcome]
    audio = sum(result["kind"] == "audio" for result in results)
    careless = run("careless_mutant_case", cases[:: len(cases) // 200], tmp_path)
    untyped = sum("result" not in outcome for outcome in careless)
    record(
        "R15",
        what="mutants of twelve kinds of sound files, by three routes",
        count=len(cases),
        failures=len(wrong),
        figure=f"{audio} audio, {len(results) - audio} plain errors, {len(wrong)} others; worst "
        f"{max(result['seconds'] for result in results):.2f} s, "
        f"{max(result['peak_bytes'] for result in results) / 2**20:.0f} MB",
        control=f"soundfile.read: {untyped} of {len(careless)} end in an untyped exception",
        control_failed=untyped > 10,
    )
    assert wrong == []
    assert len(cases) * 0.1 < audio < len(cases) * 0.95  # neither all refused nor all harmless
    assert untyped > 10  # the negative control


def test_r16_no_header_is_believed(tmp_path):
    pytest.importorskip("av")
    assert len(CORPUS) >= 60
    (tmp_path / "careful").mkdir()
    (tmp_path / "careless").mkdir()
    cases = list(CORPUS)
    found = run("corpus_case", cases, tmp_path / "careful")
    wrong = []
    for name, outcome in zip(cases, found, strict=True):
        odd = CORPUS[name]
        finding = broken(name, outcome, (odd.expected,))
        if (
            finding is None
            and odd.expected == "audio"
            and outcome["result"]["samples"] < odd.samples
        ):
            finding = name, outcome
        if finding:
            wrong.append(finding)
    plain = [name for name in cases if not name.startswith(("pipe", "device"))]  # it would hang
    careless = run("careless_corpus_case", plain, tmp_path / "careless")
    fooled = [
        name
        for name, outcome in zip(plain, careless, strict=True)
        if CORPUS[name].expected == "audio"
        and outcome.get("result", {"samples": -1})["samples"] < CORPUS[name].samples
    ]
    record(
        "R16",
        what="fixed corpus of odd, lying and broken sound files",
        count=len(cases),
        failures=len(wrong),
        figure=f"{len(wrong)} of {len(cases)} neither whole audio nor one plain error",
        control=f"a reader that believes headers is fooled by {len(fooled)} that hold sound",
        control_failed=len(fooled) >= 5,
    )
    assert wrong == []
    assert len(fooled) >= 5  # the negative control
