"""Officers of the made-up country: they try to reach a household, judge what they see, and record one answer.

Shares follow DOMAIN 2 and 3: 6-12 % unreached; public support for some 10-18 % of those selected; private support
handed out generously (40 %), to people in need and not.
"""

from dataclasses import dataclass, replace

import numpy as np

OUTCOME_CODES = (
    "basic_livelihood", "emergency", "other_public", "private_support", "need_no_benefit", "watch", "no_need",
    "already_served", "refused", "unreached", "not_living_there", "moved", "died", "in_hospital", "mistaken",
)  # fmt: skip
BENEFITS_KO = {
    "basic_livelihood": ("생계급여", "의료급여"),
    "emergency": ("긴급복지 생계지원", "긴급복지 의료지원"),
    "other_public": ("차상위 본인부담경감", "에너지바우처", "주거급여"),
    "private_support": ("푸드뱅크", "후원금 연계", "민간 생필품 지원"),
}
PUBLIC = ("basic_livelihood", "emergency", "other_public")

JUDGEMENT_NOISE = 0.85  # of one visit, in units of hardship: two officers do not see the same
SEES_NEED_ABOVE = -0.1  # from the threshold of need


@dataclass(frozen=True, slots=True)
class Visited:
    """What is so at the door, one entry per household visited; officers see it only through noise."""

    hardship: np.ndarray  # minus the threshold of need
    lives_alone: np.ndarray
    works: np.ndarray
    lives_elsewhere: np.ndarray
    is_gone: np.ndarray  # nobody of them left
    has_left: np.ndarray  # of those: moved out rather than died
    is_served: np.ndarray  # livelihood benefit already runs


def answer(visited: Visited, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(outcome codes, days until the answer): one of OUTCOMES each, 20 to 55 days after the household was named."""
    count = len(visited.hardship)
    outcome = np.full(count, "no_need", dtype=object)
    days = rng.integers(20, 56, count)
    is_open = np.full(count, True)

    def settle(where: np.ndarray, chance: np.ndarray | float, code: str) -> None:
        hit = is_open & where & (rng.random(count) < chance)
        outcome[hit] = code
        is_open[hit] = False

    everyone = np.full(count, True)
    settle(visited.is_gone & visited.has_left, 1.0, "moved")
    settle(visited.is_gone, 1.0, "died")
    settle(visited.lives_elsewhere, 0.55, "not_living_there")
    settle(visited.lives_elsewhere, 0.5, "unreached")
    settle(everyone, 0.045 + 0.03 * visited.lives_alone + 0.03 * visited.works, "unreached")
    settle(everyone, 0.004, "moved")
    settle(everyone, 0.006, "not_living_there")
    settle(everyone, 0.008, "in_hospital")
    settle(everyone, 0.006, "mistaken")
    settle(everyone, 0.03 + 0.02 * visited.lives_alone, "refused")
    seen = visited.hardship + rng.normal(0.0, JUDGEMENT_NOISE, count) > SEES_NEED_ABOVE
    # Some answers are habit: a form filled in without a close look.
    seen = np.where(rng.random(count) < 0.06, rng.random(count) < 0.2, seen)
    settle(visited.is_served, 0.6, "already_served")
    settle(seen, 0.72, "public")  # the others have no benefit that fits: income just above the line, assets
    settle(seen, 0.75, "need_no_benefit")
    settle(everyone, 0.62, "private_support")
    settle(everyone, 0.22, "watch")
    granted = outcome == "public"
    outcome[granted] = rng.choice(PUBLIC, granted.sum(), p=(0.17, 0.13, 0.70))  # DOMAIN 3.1, 2022: 2.1 / 1.3 / 9.1
    return outcome, days


def found_by_tracing(visited: Visited, is_found: np.ndarray) -> Visited:
    """As at the door where they really live, for those of them who were found."""
    return replace(visited, lives_elsewhere=visited.lives_elsewhere & ~is_found)


def benefits(outcome: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What was granted or passed on, in the office's words; empty where nothing was."""
    granted = np.full(len(outcome), "", dtype=object)
    for code, words in BENEFITS_KO.items():
        where = np.flatnonzero(outcome == code)
        granted[where] = rng.choice(np.array(words, dtype=object), len(where))
    return granted
