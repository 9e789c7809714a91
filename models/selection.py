"""Which way of choosing would have served best.

Had somebody picked an order by the windows so far: what would have been lost in the next, against the best one there?
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

Windows = Sequence[Mapping[str, float]]  # per window, oldest first: order -> precision at capacity
Pick = Callable[[Windows], str]


def _best(worth: Mapping[str, float]) -> str:
    """The first of those that are equally good, in the order in which they are listed."""
    return max(worth, key=lambda code: worth[code])


def _by_last(seen: Windows) -> str:
    return _best(seen[-1])


def _by_mean(seen: Windows) -> str:
    return _best({code: float(np.mean([w[code] for w in seen])) for code in seen[0]})


def _by_worst(seen: Windows) -> str:
    return _best({code: min(w[code] for w in seen) for code in seen[0]})


CHOICES: Final[Mapping[str, Pick]] = {"best_last": _by_last, "best_mean": _by_mean, "best_worst": _by_worst}


def regrets(windows: Windows) -> dict[str, Any]:
    """Per way of choosing, and per order kept throughout: regret in each window but the first, and its mean. {} when
    there are fewer than two windows."""
    if len(windows) < 2:
        return {}
    told = {name: _told([pick(windows[:t]) for t in range(1, len(windows))], windows) for name, pick in CHOICES.items()}
    kept = {f"always_{code}": _told([code] * (len(windows) - 1), windows) for code in windows[0]}
    return told | kept


def _told(chosen: Sequence[str], windows: Windows) -> dict[str, Any]:
    lost = [max(after.values()) - after[code] for code, after in zip(chosen, windows[1:], strict=True)]
    return {"mean_regret": float(np.mean(lost)), "regret": lost, "chosen": list(chosen)}
