"""The pictures of a report: SVG whose points are one small bitmap and whose words stay words. Same input, same bytes.

matplotlib and shap's plots cost a second to import and are wanted once per training: they are imported here only when
something is drawn.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any, Final

import numpy as np

from models.calibration import Numbers
from models.columns import Matrix

INK, SOFT, LINE, OURS, WARM = "#18212c", "#465364", "#cfd6df", "#1f4e8c", "#b45309"
OTHERS: Final = ("#b45309", "#0b5d56", "#6a1b8a", "#7a828e")
# matplotlib sees one face of a collection, the Japanese one; its Korean letters are as wide.
FONTS: Final = ("Noto Sans CJK KR", "Noto Sans CJK JP", "Noto Sans KR", "Malgun Gothic", "Apple SD Gothic Neo")
_LOOK: Final[dict[str, Any]] = {
    "svg.fonttype": "none",  # words stay words: no font is carried along
    "svg.hashsalt": "blindspot",  # ids in the file: always the same
    "font.family": "sans-serif",
    "font.sans-serif": [*FONTS, "DejaVu Sans"],
    "font.size": 9, "axes.edgecolor": LINE, "axes.labelcolor": SOFT, "xtick.color": SOFT, "ytick.color": SOFT,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "axes.axisbelow": True,
    "grid.color": "#e6eaf0",
    "axes.unicode_minus": False, "text.color": INK, "legend.frameon": False, "savefig.dpi": 150,
}  # fmt: skip
Draw = Callable[[Any], None]


@contextmanager
def _drawing() -> Iterator[Any]:
    """pyplot without a screen, in our look; shap shuffles by numpy's global generator, which is put back after."""
    import logging

    import matplotlib as mpl

    state = np.random.get_state()
    told = logging.getLogger("matplotlib.font_manager")
    level = told.level
    with warnings.catch_warnings(), mpl.rc_context(_LOOK):
        # Where no Korean font is installed widths are guessed; the reader's browser has one.
        warnings.simplefilter("ignore")
        told.setLevel(logging.ERROR)
        mpl.use("agg")
        from matplotlib import pyplot

        np.random.seed(0)
        try:
            yield pyplot
        finally:
            pyplot.close("all")
            np.random.set_state(state)
            told.setLevel(level)


def _svg(figure: Any) -> bytes:
    for axes in figure.axes:
        for points in axes.collections:
            points.set_rasterized(True)
    box = figure.get_tightbbox().padded(0.05)
    box = box.from_extents(box.x0 - _guessed_too_narrow(figure), box.y0, box.x1, box.y1)
    buffer = BytesIO()
    # No date, no version: the same figures give the same file.
    figure.savefig(buffer, format="svg", bbox_inches=box, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _guessed_too_narrow(figure: Any) -> float:
    """Inches. Without a Korean font every letter is taken for a box of 0.6 of its width."""
    from matplotlib.font_manager import fontManager

    if {font.name for font in fontManager.ttflist} & set(FONTS):
        return 0.0
    words = [label.get_text() for axes in figure.axes for label in axes.get_yticklabels()]
    letters = max((sum("가" <= letter <= "힣" for letter in word) for word in words), default=0)
    return letters * 0.4 * 9 / 72


def _value(value: float, _: Any = None) -> str:
    return f"{value / 10_000:g}만" if abs(value) >= 10_000 else f"{value:g}"


def _few_ticks(axes: Any) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(_value))


def draw_beeswarm(values: Numbers, matrix: Matrix, names: Sequence[str]) -> bytes:
    """shap's own: a point per household and column, its push across, its value in colour."""
    with _drawing() as plt:
        import shap

        told = shap.Explanation(values, data=matrix.astype(np.float64), feature_names=list(names))
        axes = plt.figure(figsize=(6.4, 0.3 * len(names) + 1)).gca()
        shap.plots.beeswarm(
            told, max_display=len(names) + 1, ax=axes, show=False, plot_size=None, s=7, color_bar_label=""
        )
        if len(axes.figure.axes) > 1:
            axes.figure.axes[1].set_yticklabels(["값 작음", "값 큼"])
        axes.set_xlabel("점수를 올리거나 내린 정도 (log-odds)")
        axes.tick_params("both", labelsize=8)
        axes.xaxis.label.set_size(9)
        return _svg(axes.figure)


def draw_dependence(push: Numbers, value: Matrix, name: str) -> bytes:
    """shap's own: value against push, a point per household."""
    with _drawing() as plt:
        import shap

        told = shap.Explanation(push, data=value.astype(np.float64), feature_names=name)
        axes = plt.figure(figsize=(5.6, 2.5)).gca()
        shap.plots.scatter(told, ax=axes, show=False, color=OURS, alpha=0.45, dot_size=10)
        axes.set_xlabel(name, fontsize=9)
        axes.set_ylabel("밀어 올린 정도 (log-odds)", fontsize=9)
        axes.tick_params("both", labelsize=8)
        _few_ticks(axes)
        return _svg(axes.figure)


def _one(size: tuple[float, float], draw: Draw) -> bytes:
    with _drawing() as plt:
        axes = plt.figure(figsize=size).gca()
        draw(axes)
        return _svg(axes.figure)


def draw_partial(points: Sequence[Mapping[str, float]], name: str) -> bytes:
    def draw(axes: Any) -> None:
        axes.plot([p["value"] for p in points], [p["chance"] for p in points], color=OURS, marker="o", ms=3)
        axes.set_xlabel(name)
        axes.set_ylabel("평균 가능성")
        _few_ticks(axes)
        axes.set_ylim(bottom=0)

    return _one((5.6, 2.5), draw)


def draw_calibration(bands: Sequence[Mapping[str, float]]) -> bytes:
    def draw(axes: Any) -> None:
        most = max(max(b["told"], b["found"]) for b in bands) * 1.1 + 0.01
        axes.plot([0, most], [0, most], color="#8894a5", lw=1, ls="--")
        axes.plot([b["told"] for b in bands], [b["found"] for b in bands], color=OURS, marker="o", ms=4)
        axes.set_xlabel("말한 가능성 (구간 평균)")
        axes.set_ylabel("실제로 어려움이 확인된 비율")
        axes.set_aspect("equal")

    return _one((4.3, 3.4), draw)


def draw_capacity(curve: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> bytes:
    """Precision at every share of a round, with the model's interval; the rules beside it."""

    def draw(axes: Any) -> None:
        share = [100 * p["share"] for p in curve]
        axes.fill_between(share, [p["low"] for p in curve], [p["high"] for p in curve], color=OURS, alpha=0.15, lw=0)
        axes.plot(share, [p["precision"] for p in curve], color=OURS, marker="o", ms=3, label="모형 (95 % 구간)")
        for (code, name), colour in zip(names.items(), OTHERS, strict=False):
            axes.plot(share, [p["rules"][code] for p in curve], color=colour, lw=1, ls="--", label=name)
        axes.set_xlabel("한 차수에서 살펴보는 비율 (%)")
        axes.set_ylabel("어려움이 확인된 비율")
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=8)

    return _one((6.4, 3.2), draw)


def draw_windows(windows: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> bytes:
    """Precision of several orders, round by round."""

    def draw(axes: Any) -> None:
        days = [w["judged_on"][2:] for w in windows]
        for (code, name), colour in zip(names.items(), (OURS, *OTHERS), strict=False):
            strong = code == "model"
            axes.plot(days, [w["precision"][code] for w in windows], color=colour, marker="o", ms=3,
                      lw=2 if strong else 1, ls="-" if strong else "--", label=name)  # fmt: skip
        axes.set_ylim(bottom=0)
        axes.set_ylabel("어려움이 확인된 비율")
        axes.legend(fontsize=8)

    return _one((6.4, 3.0), draw)


def draw_reach(groups: Sequence[tuple[str, float, float, float]], bound: float) -> bytes:
    """Ratio of reach per group with its interval, on a log axis; the bound as a line."""

    def draw(axes: Any) -> None:
        for i, (_, value, low, high) in enumerate(groups):
            axes.plot([low, high], [i, i], color=OURS, lw=1.6)
            axes.plot([value], [i], color=OURS, marker="o", ms=4)
        axes.axvline(1, color="#8894a5", lw=1)
        axes.axvline(bound, color=WARM, lw=1, ls="--")
        axes.set_xscale("log")
        least, most = min(bound, *(g[2] for g in groups)) / 1.1, max(1.2, *(g[3] for g in groups)) * 1.1
        axes.set_xlim(least, most)
        ticks = [t for t in (0.1, 0.25, 0.5, 0.8, 1, 1.25, 2, 4, 8) if least <= t <= most]
        axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
        axes.minorticks_off()
        axes.set_yticks(range(len(groups)), [g[0] for g in groups])
        axes.invert_yaxis()
        axes.set_xlabel("찾아낸 비율의 비 (1보다 크면 더 많이 찾음)")

    return _one((6.4, 0.24 * len(groups) + 0.9), draw)


def draw_groups(groups: Sequence[Mapping[str, Any]]) -> bytes:
    """Mean absolute push per signal, the strongest on top."""

    def draw(axes: Any) -> None:
        axes.barh([g["name_ko"] for g in groups], [g["mean_push"] for g in groups], color=OURS, height=0.62)
        axes.invert_yaxis()
        axes.set_xlabel("평균 절대 기여 (log-odds)")

    return _one((6.4, 0.26 * len(groups) + 0.8), draw)


def draw_drift(worst: Sequence[tuple[str, float]], bounds: tuple[float, float]) -> bytes:
    """PSI of the features that moved most; where watching begins and where another population does, as lines."""

    def draw(axes: Any) -> None:
        colours = [WARM if psi > bounds[1] else OURS for _, psi in worst]
        axes.barh(range(len(worst)), [psi for _, psi in worst], color=colours, height=0.62)
        for bound, style in zip(bounds, (":", "--"), strict=True):
            axes.axvline(bound, color=WARM, lw=1, ls=style)
        axes.set_yticks(range(len(worst)), [name for name, _ in worst])
        axes.invert_yaxis()
        axes.set_xlim(0, max(bounds[1] * 1.2, *(psi for _, psi in worst)) * 1.02)
        axes.set_xlabel("PSI (점선 0.10부터 지켜봄, 파선 0.25부터 다른 모집단)")

    return _one((6.4, 0.26 * len(worst) + 0.8), draw)


def draw_arrivals(agencies: Sequence[tuple[str, Sequence[float | None]]], months: Sequence[str], bound: float) -> bytes:
    """A square per agency and month: more than usual in blue, less in orange; beyond the bound also marked."""

    def draw(axes: Any) -> None:
        values = np.array([[np.nan if f is None else f for f in factors] for _, factors in agencies])
        shade = np.log2(np.clip(values, 0.25, 4.0))
        axes.imshow(shade, cmap="PuOr", vmin=-2, vmax=2, aspect="auto")
        for (i, j), factor in np.ndenumerate(values):
            if np.isfinite(factor) and not 1 / bound <= factor <= bound:
                axes.text(j, i, "▲" if factor > 1 else "▼", ha="center", va="center", fontsize=7, color=INK)
        axes.set_yticks(range(len(agencies)), [name for name, _ in agencies])
        axes.set_xticks(range(len(months)), [month[2:] for month in months], rotation=45)
        axes.grid(False)
        for line in range(1, len(agencies)):
            axes.axhline(line - 0.5, color="white", lw=1)

    return _one((8.4, 0.24 * len(agencies) + 0.9), draw)
