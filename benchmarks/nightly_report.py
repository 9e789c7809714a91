"""docs/performance.md, all of it, from the JSON of benchmarks/nightly.py."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.nightly_judged import Told, best, targets
from benchmarks.nightly_plots import STAGES, draw

COMMANDS = {
    "intake": "python benchmarks/intake.py --gigabytes 5",
    "features": "python benchmarks/features.py",
    "explain": "python benchmarks/explain.py",
    "training": "python benchmarks/training.py",
    "country": "python benchmarks/country.py",
}


def write_report(told: Told, folder: Path) -> None:
    plots = draw(told, folder)
    parts = [_head(told), _targets(told), *(_picture(name) for name in plots), _sides(told), _stages(told)]
    parts += [_more(told), _made(told), _published(told), _beside(told)]
    text = "\n\n".join(part for part in parts if part)
    (folder / "performance.md").write_text(text + "\n", encoding="utf-8")


def _head(told: Told) -> str:
    machine, asked = told.get("machine", {}), told.get("asked", {})
    words = f"--sizes {' '.join(map(str, asked.get('sizes', [])))} --naive-up-to {asked.get('naive_up_to', 0)}"
    if asked.get("more"):
        words += f" --more {' '.join(map(str, asked['more']))}"
    command = f"python benchmarks/nightly.py --folder FOLDER {words} --runs {asked.get('runs', 1)}"
    return f"""# How fast, and how much memory

Made by `python benchmarks/nightly.py --report docs/performance.json`; not written by hand. The figures in the JSON come
from

    {command}

on {machine.get("cores")} cores, {machine.get("memory_gib")} GiB, Python {machine.get("python")}; where another command
made a figure, it is named beside it. Households are made up (`blindspot synthesize --lake`): people, hidden hardship,
offices and deliveries in the numbers of the real country.

- **Ours** is the night's own code, stage by stage: arrange what is known by households, score every one, fill the
  offices' queues, explain every alert in words, write alerts and pushes as one Parquet and one CSV per region. Sheets,
  names and addresses are not in it (timed apart, below); neither are intake and Prefect's server.
- **The floor** is what nobody can leave out, bare: read every column of the same Parquet, `Booster.predict` for every
  household on a ready float32 matrix, woodelf on the ready rows of the alerts. No join, no feature, no queue, no word.
- **The plain way** is pandas: `read_parquet`, merges, groupby and unstack, LightGBM, `shap.TreeExplainer` on the
  alerts, a sort per office, `to_csv`. It chooses by score alone: no lanes, no rests, no sentences.
- **Peak memory** is that of all processes of a side together (proportional set size, looked at four times a second):
  mapped files count. Seconds count from the first read to the last write; interpreter and imports do not, the start of
  our worker processes does. CPU seconds are of all processes, imports and their start included."""


def _targets(told: Told) -> str:
    rows = [(t.what, t.bound, t.found, t.verdict) for t in targets(told)]
    return "## Targets\n\n" + table(("what", "target", "found", "met"), rows)


def _picture(name: str) -> str:
    return f"![{name}]({name})"


def _sides(told: Told) -> str:
    ours, floor, naive = (best(told, side) for side in ("ours", "floor", "naive"))
    rows: list[tuple[object, ...]] = []
    for size, night in ours.items():
        for side, nights in (("ours", ours), ("floor", floor), ("plain way", naive)):
            if size in nights:
                it = nights[size]
                ratio = f"{it['seconds'] / night['seconds']:.2f}"
                rows.append(
                    (f"{night['households']:,}", side, f"{it['alerts']:,}", f"{it['seconds']:,.1f}", ratio,
                     f"{it['cpu_seconds']:,.0f}", f"{it['peak_gib']:.2f}", f"{it['peak_anonymous_gib']:.2f}")
                )  # fmt: skip
    names = ("households", "side", "alerts", "seconds", "times ours", "CPU seconds", "peak GiB", "without mapped files")
    return "## The sides\n\n" + table(names, rows)


def _stages(told: Told) -> str:
    rows: list[tuple[object, ...]] = []
    for night in best(told, "ours").values():
        parts = [f"{night['stages'][stage]:,.1f}" for stage in STAGES]
        rest = night["seconds"] - sum(night["stages"][stage] for stage in STAGES)
        rate = f"{night['households'] / night['seconds']:,.0f}"
        handed = sum(told["bytes"] for told in night["shuffle"].values()) / 2**30
        rows.append((f"{night['households']:,}", night["parts"], *parts, f"{rest:.1f}", rate, f"{handed:.2f}"))
    names = ("households", "ranges", *STAGES, "rest", "households/s", "handed on, GiB")
    text = "## Where our time goes, in seconds\n\n" + table(names, rows)
    bare = ("read", "predict", "explain")
    floors = best(told, "floor").values()
    rows = [(f"{n['households']:,}", *(f"{n['stages'][name]:,.1f}" for name in bare)) for n in floors]
    text += "\n\nThe floor's:\n\n" + table(("households", *bare), rows)
    naive = list(best(told, "naive").values())
    if naive:
        stages = ("read", "features", "predict", "queues", "explain", "write")
        rows = [(f"{n['households']:,}", *(f"{n['stages'][s]:,.1f}" for s in stages)) for n in naive]
        text += "\n\nThe plain way's (its wide frames for a quarter of a million households at a time):\n\n"
        text += table(("households", *stages), rows)
    return text


def _more(told: Told) -> str:
    rows: list[tuple[object, ...]] = []
    for night in best(told, "more").values():
        stages = [f"{night['stages'][stage]:,.1f}" for stage in STAGES]
        share = f"{night['seconds'] / night['full_seconds']:.2f}"
        whole = f"{night['full_seconds']:,.1f}"
        rows.append(
            (
                f"{night['households']:,}",
                f"{night['late']['rows']:,}",
                *stages,
                f"{night['seconds']:,.1f}",
                whole,
                share,
            )
        )
    if not rows:
        return ""
    names = ("households", "households told of", *STAGES, "seconds", "a full night's", "share")
    return (
        "## A night after one more delivery\n\nThe same day once more, when arrears of a hundredth of the households "
        "came late, beside the same night done anew.\n\n" + table(names, rows)
    )


def _made(told: Told) -> str:
    rows: list[tuple[object, ...]] = []
    for country in sorted(told["countries"].values(), key=lambda c: int(c["households"])):
        made, tidied = country["made"], country["tidied"]
        counts = (country["households"], tidied["rows"]["residents"], tidied["rows"]["observations"])
        size = f"{sum(tidied['bytes'].values()) / 2**30:.2f}"
        took = (f"{made['process_seconds']:,.0f}", f"{made['peak_gib']:.2f}")
        arranging = (f"{tidied['seconds']:,.1f}", f"{tidied['peak_gib']:.2f}")
        rows.append((*(f"{count:,}" for count in counts), size, *took, *arranging))
    first = ("households", "tellings of residents", "observations", "lake, GiB")
    names = (*first, "made, s", "peak GiB", "tidied, s", "peak GiB")
    text = "## The countries, made once and arranged once by `Lake.tidy`\n\n" + table(names, rows)
    if learned := told.get("learned"):
        text += (
            f"\n\nThe model, the same for all: {learned['rows']:,} answered rows of a country of "
            f"{told['asked']['learned_on']:,} households; features {learned['features_seconds']:.0f} s, training and "
            f"judging {learned['training_seconds']:.0f} s."
        )
    return text


def _published(told: Told) -> str:
    """Of nights of their own, whose peak is that of the whole."""
    names = ("households", "offices", "alerts", "before, s", "publishing, s", "s an office", "files", "GiB", "peak GiB")
    rows = []
    for night in best(told, "published").values():
        sheets = night["published"]
        each = sheets["seconds"] / night["offices"]
        rows.append([
            f"{night['households']:,}", f"{night['offices']:,}", f"{night['alerts']:,}", f"{night['seconds']:.1f}",
            f"{sheets['seconds']:.1f}", f"{each:.3f}", f"{sheets['files']:,}", f"{sheets['bytes'] / 2**30:.2f}",
            f"{night['peak_gib']:.2f}",
        ])  # fmt: skip
    text = (
        "## The rest of a real night: publishing\n\nNames joined and logged, alerts into the database (SQLite), a "
        "workbook, a CSV and a page for every office, each file on the disk and read back.\n\n"
    )
    return text + table(names, rows) if rows else ""


def _beside(told: Told) -> str:
    parts = []
    for name, found in sorted(told["beside"].items()):
        parts.append(f"### `{COMMANDS.get(name, f'python benchmarks/{name}.py')}`\n\n{_figures(found)}")
    return "## Other benchmarks\n\n" + "\n\n".join(parts) if parts else ""


def _figures(found: Told) -> str:
    plain = [(key.replace("_", " "), _shown(value)) for key, value in found.items() if _is_plain(key, value)]
    text = table(("figure", "value"), plain) if plain else ""
    for key, value in found.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            names = [name for name, told in value[0].items() if _is_plain(name, told)]
            rows = [tuple(_shown(row.get(name, "")) for name in names) for row in value]
            text += f"\n\n{key.replace('_', ' ')}:\n\n" + table([name.replace("_", " ") for name in names], rows)
    return text.strip()


def _is_plain(key: str, value: Any) -> bool:
    return key != "benchmark" and isinstance(value, str | int | float | bool)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows)])
