"""docs/scale.md, all of it, from the JSON of benchmarks/scale.py and of benchmarks/nightly.py."""

import math
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

from benchmarks.nightly_judged import best
from benchmarks.nightly_report import table
from benchmarks.scale_costs import (
    ASSUMED,
    EXCHANGED,
    PRICES,
    READS,
    STAGES,
    Pieces,
    Told,
    Units,
    nightly_cost,
    pieces_of,
    ranges_of,
    reads,
    steps_for,
    steps_of,
    units_of,
)
from benchmarks.scale_limits import limits
from benchmarks.scale_model import Cluster, live, unlike

BILLION = 1e9
NEVER = 1e15
RANGES = (250_000, 1_000_000, 2_000_000)  # households in one
WORKERS = (64, 128, 256, 512, 1_024)
TENTH_WORKERS = (2, 4, 5, 8, 10)
SLOW = (1.0, 0.25)  # every second worker of the tenth
COMMAND = "python benchmarks/scale.py --folder FOLDER"
TRAINING = """## Training

Its rows grow with visits, not with households: one for each household that officers answered for in a round, 1.6 GB of
numbers per million. Beyond one machine's memory they are kept in parts, and workers grow the model together
(`model.rows_per_part`, docs/cluster.md). This was measured on thousands of rows in two parts, for quality and for
killed workers, not for speed: no figure here tells how long millions take. What does not grow with workers is
building each round's features on the one machine, out of all that was known on the round's day."""


def write_report(told: Told, performance: Told, folder: Path) -> None:
    nights = best(performance, "ours")
    size = max(nights)
    units = units_of(nights[size], nights[min(nights)], performance["countries"][str(size)])
    pieces = pieces_of(told["shuffle"])
    parts = [_head(units), _units(units), _pieces(told), _check(told), _tenth(told), _billion(units, pieces)]
    parts += [_cost(units, pieces), _limits(units, pieces, told, performance), TRAINING, _assumed()]
    (folder / "scale.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _head(units: Units) -> str:
    return f"""# Past one machine: what a billion households would take

Made by `{COMMAND}`; not written by hand. Unit costs are those of the largest night in
`docs/performance.json` (`python benchmarks/nightly.py`), {units.households:,} households; what is
assumed, prices above all, stands at the end and is said to be. Nothing here was run on a cluster of hundreds of
workers: these are reckonings from one machine's measurements, by a model checked below against a measured night."""


def _units(units: Units) -> str:
    rows: list[tuple[str, str]] = []
    for stage, names in STAGES.items():
        for name in names:
            seconds = units.worker_seconds[name]
            rows.append((f"`{name}`, workers' seconds", f"{seconds:.2f}"))
        rows.append((f"{stage}: seconds in which no range is worked, by growth", f"{units.alone[stage]:.2f}"))
    rows.append(("before, between and after the stages, seconds, by growth", f"{units.alone['rest']:.2f}"))
    rows.append(("lake, MiB", f"{units.lake_bytes / 2**20:,.1f}"))
    rows += [(f"handed on between ranges: {n}, MiB", f"{units.handed_bytes[n] / 2**20:,.1f}") for n in EXCHANGED]
    kept = sum(size for name, size in units.handed_bytes.items() if name not in EXCHANGED)
    rows.append(("kept by ranges for their own later steps, MiB", f"{kept / 2**20:,.1f}"))
    rows.append(("scores of one night, MiB", f"{units.scores_bytes / 2**20:,.2f}"))
    rows.append(("alerts", f"{units.alerts:,.0f}"))
    rows.append(("what the main process holds of them, MiB", f"{units.told_bytes / 2**20:,.1f}"))
    return "## Per million households\n\n" + table(("what", "measured"), rows)


def _pieces(told: Told) -> str:
    rows = [
        (
            f"{n['pieces']:,}",
            f"{n['read_seconds'] * 1e3:.2f}",
            f"{n['write_seconds'] * 1e3:.0f}",
            f"{n['extra_bytes'] / 1e3:,.0f}",
        )
        for n in told["shuffle"]
    ]
    text = "What handing on costs by the number of ranges (`store.shuffle`, files of 200,000 rows on a local disk):"
    names = ("pieces in a file", "one piece read, ms", "the file written, ms", "bytes beyond its rows, kB")
    logs = [(f"{n['files']:,}", f"{n['seconds'] * 1e3:.1f}") for n in told["log"]]
    return f"{text}\n\n{table(names, rows)}\n\n{table(('files of a Delta table', 'its log read, ms'), logs)}"


def _check(told: Told) -> str:
    calm, slowed, slow = told["calm"], told["slowed"], told["asked"]["slow"]
    steps = steps_of(calm)
    rows = []
    for name, night, speeds in (("undisturbed", calm, (1.0, 1.0)), (f"one at {slow:.0%}", slowed, (1.0, slow))):
        foretold = live(steps, Cluster(speeds)).seconds
        off = f"{foretold / night['seconds'] - 1:+.1%}"
        rows.append((name, f"{night['seconds']:.1f}", f"{foretold:.1f}", off))
    text = f"""{calm["households"]:,} households, {calm["parts"]} ranges, two worker processes. The model is given how
        long each range took in the undisturbed night and what lay between them, and foretells the night in which one
        worker is stopped and let go again five times a second, so that it runs {slow:.0%} of the time. (The undisturbed
        night it must give back: only idle ends are reckoned there.)"""
    found = table(("workers", "measured, s", "foretold, s", "off by"), rows)
    return f"## The model, checked\n\n{_paragraph(text)}\n\n{found}"


def _tenth(told: Told) -> str:
    steps, rows = steps_of(told["calm"]), []
    for workers in TENTH_WORKERS:
        cells = []
        for speed in SLOW:
            speeds = tuple(speed if n % 2 else 1.0 for n in range(workers))
            lived = live(steps, Cluster(speeds))
            cells += [f"{lived.seconds:.0f}", f"{lived.busy:.0%}"]
        failing = live(steps, Cluster(tuple([1.0] * workers), fails_every=120.0, away=10.0))
        rows.append((workers, *cells, f"{failing.seconds:.0f}", failing.begun_again))
    names = ("workers", "equal, s", "busy", "every second at 25 %, s", "busy", "failing every 2 min, s", "begun again")
    text = """The ranges of the undisturbed night above, spread by the model. Every step waits for its last range, so a
        slow worker that takes the last one holds up all: ranges should be several times as many as workers."""
    heading = "## The same tenth over more workers, some of them slow"
    return f"{heading}\n\n{_paragraph(text)}\n\n{table(names, rows)}"


def _billion(units: Units, pieces: Pieces) -> str:
    rows = []
    for in_range in RANGES:
        steps = steps_for(units, BILLION, in_range, pieces)
        for workers in WORKERS:
            lived = live(steps, _cluster(workers))
            alone = sum(step.alone for step in steps)
            rows.append(
                (f"{in_range:,}", f"{ranges_of(BILLION, in_range):,}", workers, f"{lived.seconds / 3600:.2f}",
                 f"{alone / 3600:.2f}", f"{lived.busy:.0%}", lived.begun_again)
            )  # fmt: skip
    names = (
        "households in a range",
        "ranges",
        "workers",
        "hours",
        "of which main process alone",
        "busy",
        "begun again",
    )
    peaks = ", ".join(f"{units.peak_gib / 2 * size / units.in_range:.1f} GiB for {size:,}" for size in RANGES)
    text = f"""The measured ranges again and again, on workers whose speeds differ and that fail (see what is assumed).
        Reading and writing a piece for every other range is added as measured; what only the main process does grows
        with the households, and bounds the night whatever the number of workers. Memory of a worker, half of the
        measured peak of two: {peaks}."""
    return f"## A billion households\n\n{_paragraph(text)}\n\n{table(names, rows)}"


def _cluster(workers: int) -> Cluster:
    return Cluster(
        speeds=unlike(workers, ASSUMED["spread"]),
        hand_out=ASSUMED["hand_out_seconds"],
        fails_every=ASSUMED["fails_every_hours"] * 3600,
    )


def _cost(units: Units, pieces: Pieces) -> str:
    rows = []
    for in_range in RANGES:
        steps = steps_for(units, BILLION, in_range, pieces)
        count = ranges_of(BILLION, in_range)
        waiting = reads(count) * ASSUMED["requests_per_piece"] * ASSUMED["request_seconds"]
        core_hours = (sum(sum(step.ranges) for step in steps)) / 3600
        cost = nightly_cost(units, BILLION, in_range, core_hours + waiting / 3600)
        night = cost["cores"] + cost["reads"] + cost["writes"]
        kept = cost["lake_month"] + cost["scores_month"]
        rows.append(
            (f"{in_range:,}", f"{core_hours:,.0f}", f"{reads(count) / 1e6:,.1f}", f"{waiting / 3600:,.0f}",
             f"{cost['cores']:,.0f}", f"{cost['reads'] + cost['writes']:,.0f}", f"{night:,.0f}",
             f"{night * ASSUMED['nights_per_year']:,.0f}", f"{kept:,.0f}")
        )  # fmt: skip
    names = (
        "households in a range", "core hours of work", "pieces read, millions", "hours of waiting for them", "cores, $",
        "requests, $", "a night, $", "a year of nights, $", "storage a month, $",
    )  # fmt: skip
    lake, shuffled = units.lake_bytes * 1e3, sum(units.handed_bytes.values()) * 1e3
    text = f"""Lake {lake / 2**40:.2f} TiB; handed on and kept in one night {shuffled / 2**40:.2f} TiB, gone when it
        ends; scores of one night {units.scores_bytes * 1e3 / 2**30:.0f} GiB. One worker is one core. A piece read
        from object storage costs two requests, one after the other."""
    return f"## Cost\n\n{_paragraph(text)}\n\n{table(names, rows)}"


def _paragraph(text: str) -> str:
    return fill(" ".join(text.split()), 120)


def _limits(units: Units, pieces: Pieces, told: Told, performance: Told) -> str:
    found = sorted(limits(units, pieces, told, performance), key=lambda limit: limit.households)
    rows = [(f"{_round(limit.households)}", limit.what, limit.bound, limit.cure) for limit in found]
    return (
        "## What breaks first\n\nHow many households it takes until a bound is met, everything else as it is, with "
        f"{units.in_range:,.0f} households in a range; the first to break stands first.\n\n"
        + table(("million households", "what", "bound", "what to do"), rows)
    )


def _round(households: float) -> str:
    if math.isinf(households) or households > NEVER:
        return "never"
    return f"{households / 1e6:,.0f}"


def _assumed() -> str:
    rows: Sequence[tuple[str, str]] = [
        *((f"price: {name.replace('_', ' ')}", f"${price}") for name, price in PRICES.items()),
        *((name.replace("_", " "), f"{value}") for name, value in ASSUMED.items()),
        (
            "pieces of each table that a night reads, times ranges squared",
            ", ".join(f"{n}: {k}" for n, k in READS.items()),
        ),
    ]
    return "## Assumed, not measured\n\n" + table(("what", "value"), rows)
