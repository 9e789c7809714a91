"""Plots of the benchmark of the night: time and memory over size, and where the time goes."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

from benchmarks.nightly_judged import Told, best

SIDES = {"ours": "Blindspot", "floor": "floor", "naive": "pandas + shap"}
COLOURS = {"ours": "#0b6e4f", "floor": "#8d99ae", "naive": "#c8553d"}
STAGES = ("arrange", "score households", "fill office queues", "gather queues", "write regions")


def draw(told: Told, folder: Path) -> list[str]:
    """Names of the files written; the same figures give the same bytes."""
    import matplotlib.pyplot as plt

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "blindspot", "font.size": 9, "svg.fonttype": "path"})
    names = []
    for name, paint in (("performance-growth", _growth), ("performance-stages", _stages)):
        figure = paint(told, plt)
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None}, bbox_inches="tight")
        plt.close(figure)
        names.append(f"{name}.svg")
    return names


def _growth(told: Told, plt: Any) -> Any:
    figure, (time, memory) = plt.subplots(1, 2, figsize=(9, 3.6))
    for side, label in SIDES.items():
        nights = best(told, side)
        x = [night["households"] / 1e6 for night in nights.values()]
        for axis, name in ((time, "seconds"), (memory, "peak_gib")):
            y = [night[name] for night in nights.values()]
            axis.plot(x, y, marker="o", color=COLOURS[side], label=label)
    for axis, title in ((time, "seconds"), (memory, "peak memory, GiB")):
        axis.set(xscale="log", xlabel="million households", title=title)
        axis.grid(True, alpha=0.3)
    time.set(yscale="log")
    memory.axhline(5, color="#444444", linewidth=0.8, linestyle="--")
    memory.set(ylim=(0, None))
    time.legend(frameon=False)
    return figure


def _stages(told: Told, plt: Any) -> Any:
    nights = best(told, "ours")
    figure, axis = plt.subplots(figsize=(9, 0.6 + 0.45 * max(len(nights), 1)))
    labels = [f"{night['households'] / 1e6:.2f} M" for night in nights.values()]
    left = [0.0] * len(nights)
    for stage in STAGES:
        width = [night["stages"][stage] / night["households"] * 1e6 for night in nights.values()]
        axis.barh(labels, width, left=left, label=stage)
        left = [before + more for before, more in zip(left, width, strict=True)]
    axis.set(xlabel="seconds per million households")
    axis.legend(frameon=False, ncols=len(STAGES), loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return figure
