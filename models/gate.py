"""What a model must show before it may order anybody's queue.

Every gate is told, passed or not, with what was measured and against which bound. None can be switched off; a person
may overrule only those that are matters of judgement.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

from models.calibration import Curve
from models.drift import DRIFTED
from models.evidence import Evidence, Measured
from models.groups import INSUFFICIENT, GroupReach, worst_ratio

# Fewer judged households, or needs among them, and every figure below is noise.
FEWEST_JUDGED: Final = 200
FEWEST_NEEDS: Final = 30
# Answers take up to two months and rounds are two months apart: older than this, three rounds have been missed.
STALE_DAYS: Final = 180
# Trees of a few hundred rows give a few dozen different scores; an order of fewer leaves the rest to chance.
FEWEST_SCORES: Final = 20
MOST_ALIKE: Final = 0.5
# The model that goes out has seen the judged rows, those that were judged had not: their orders differ, but not wholly.
AGREEMENT: Final = 0.5
# A newer model is preferred to an equally good older one: it knows the signals of today. So it need not be proved
# better; it must not be worse by more than chance explains. A loss of 3 in 100 needs found is the most that is taken
# for chance, and a loss of 1 in 10 must be excluded at 97.5 %.
WORSE: Final = 0.97
WORSE_LOW: Final = 0.90
# Four fifths, as in the audits of selection everywhere; beyond chance, over all groups together.
UNFAIR: Final = 0.80
CALIBRATED: Final = 0.05
# Nobody has ordered need like this on real data (0.66-0.67 in the country's own system, 0.78 on card arrears).
UNBELIEVABLE: Final = 0.90
ONE_COLUMN: Final = 0.85
ONE_COLUMN_GAIN: Final = 0.80
ONE_COLUMN_TOO_GOOD: Final = 0.75
SLOWER: Final = 2.0
# Some 600 trees of 16 leaves: 4 million households could not be explained in a night.
MOST_WORK: Final = 60_000
FREE_WORK: Final = 10_000  # what the usual recipe may cost whatever the champion did: a tiny champion must not stay
DIFFERENCE_TO_SHAP: Final = 1e-4


@dataclass(frozen=True)
class Verdict:
    gate: str
    passed: bool
    what: str  # a sentence
    measured: dict[str, Any]
    bound: dict[str, Any]
    may_be_overruled: bool


class Seen(NamedTuple):
    passed: bool
    what: str
    measured: dict[str, Any]
    bound: dict[str, Any]


Look = Callable[[Measured], Seen]


@dataclass(frozen=True)
class Gate:
    name: str
    question: str
    may_be_overruled: bool  # by a named person who has read the evidence
    look: Look


@dataclass(frozen=True)
class Decision:
    promotes: bool
    may_be_overruled: bool  # nothing failed but what a person may judge otherwise
    why: str
    verdicts: tuple[Verdict, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        return tuple(v.gate for v in self.verdicts if not v.passed)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def _both_answers(told: Measured) -> Seen:
    labels = told.labels
    seen = {
        "needs": labels.needs, "rest": labels.rows - labels.needs, "judged_needs": labels.judged_needs,
        "judged_rest": labels.judged - labels.judged_needs,
    }  # fmt: skip
    passed = min(seen.values()) > 0
    what = "outcomes of both kinds were learned from and judged on" if passed else "all outcomes say the same"
    return Seen(passed, what, seen, {"least": 1})


def _enough(told: Measured) -> Seen:
    seen = {"judged": told.labels.judged, "judged_needs": told.labels.judged_needs}
    passed = seen["judged"] >= FEWEST_JUDGED and seen["judged_needs"] >= FEWEST_NEEDS
    what = f"judged on {seen['judged']} households not learned from, {seen['judged_needs']} with need"
    return Seen(passed, what, seen, {"judged": FEWEST_JUDGED, "judged_needs": FEWEST_NEEDS})


def _fresh(told: Measured) -> Seen:
    days = told.labels.answer_days
    what = f"the newest answer learned from came {days} days before, the newest round is of {told.labels.newest_round}"
    return Seen(days <= STALE_DAYS, what, {"days": days}, {"days": STALE_DAYS})


def _ordered(told: Measured) -> Seen:
    order = told.order
    is_order = order.distinct >= FEWEST_SCORES and order.most_alike <= MOST_ALIKE
    passed = is_order and order.roc_auc.low > 0.5
    what = f"{order.distinct} different scores, {order.most_alike:.0%} alike, ROC-AUC {order.roc_auc.value:.3f}"
    seen = {"distinct": order.distinct, "most_alike": order.most_alike, "roc_auc": order.roc_auc._asdict()}
    return Seen(passed, what, seen, {"distinct": FEWEST_SCORES, "most_alike": MOST_ALIKE, "roc_auc_low": 0.5})


def _as_judged(told: Measured) -> Seen:
    seen = told.order.agreement
    what = f"rank correlation {seen:.2f} between the model that goes out and those that were judged"
    return Seen(seen >= AGREEMENT, what, {"agreement": seen}, {"agreement": AGREEMENT})


def _known_in_time(told: Measured) -> Seen:
    late = told.suspicion.late
    what = (
        f"{len(late)} columns hold what was not known on the day: {', '.join(late[:3])}"
        if late
        else ("built again from what was known on the day, a round gives the same columns")
    )
    return Seen(not late, what, {"late": list(late)}, {"late": 0})


def _believable(told: Measured) -> Seen:
    seen, auc = told.suspicion, told.order.roc_auc
    carries = seen.its_gain > ONE_COLUMN_GAIN and seen.its_auc > ONE_COLUMN_TOO_GOOD
    passed = auc.low <= UNBELIEVABLE and seen.its_auc <= ONE_COLUMN and not carries
    what = (
        f"ROC-AUC {auc.value:.3f}; {seen.strongest or 'no column'} alone reaches {seen.its_auc:.3f} and has "
        f"{seen.its_gain:.0%} of the trees' gain"
    )
    figures = {"roc_auc_low": auc.low, "column": seen.strongest, "its_auc": seen.its_auc, "its_gain": seen.its_gain}
    bound = {
        "roc_auc_low": UNBELIEVABLE,
        "its_auc": ONE_COLUMN,
        "its_gain_if_auc_above": [ONE_COLUMN_GAIN, ONE_COLUMN_TOO_GOOD],
    }
    return Seen(passed, what, figures, bound)


def _beats_the_rule(told: Measured) -> Seen:
    """By the estimate alone: a rule everybody can apply needs no proof, the model does not get the benefit of doubt."""
    ratio = told.rule.ratio
    seen = {"rule": told.rule.other, "places": told.rule.places, "ratio": ratio and ratio._asdict()}
    if ratio is None:
        return Seen(False, "no office has a place to fill: nothing can be compared", seen, {"ratio": 1.0})
    what = f"finds {ratio.value:.2f} times the need at capacity that “{told.rule.other}” finds"
    return Seen(ratio.value >= 1.0, what, seen, {"ratio": 1.0})


def _not_worse(told: Measured) -> Seen:
    bound = {"ratio": WORSE, "low": WORSE_LOW}
    if told.champion is None:
        return Seen(True, told.no_champion, {}, bound)
    ratio, how = told.champion.ratio, told.champion.how
    if ratio is None:
        return Seen(False, f"no place to fill on the rounds shared with the champion ({how})", {"how": how}, bound)
    what = f"finds {ratio.value:.2f} [{ratio.low:.2f}, {ratio.high:.2f}] times what the champion finds ({how})"
    return Seen(ratio.value >= WORSE and ratio.low >= WORSE_LOW, what, {"ratio": ratio._asdict(), "how": how}, bound)


def _fair(told: Measured) -> Seen:
    lost = [g for g in told.groups if _is_lost(g)]
    worst = worst_ratio(told.groups)
    bound = {"ratio": UNFAIR, "high": 1.0, "least_needs": INSUFFICIENT}
    if worst is None:
        return Seen(True, f"no group has {INSUFFICIENT} needs: insufficient to say", {"groups": []}, bound)
    named = lost[0] if lost else worst
    what = f"{named.grouping} {named.group}: reach {named.ratio:.2f} times that of {told.groups_beside}"
    return Seen(
        not lost, what, {"beside": told.groups_beside, "lost": [asdict(g) for g in lost], "worst": asdict(worst)}, bound
    )


def _is_lost(group: GroupReach) -> bool:
    return group.ratio is not None and group.high is not None and group.ratio < UNFAIR and group.high < 1.0


def _calibrated(told: Measured) -> Seen:
    curves = {"out_of_time": told.out_of_time, "as_sealed": told.as_sealed}
    seen = {name: curve and _figures(curve) for name, curve in curves.items()}
    passed = all(c is None or c.expected_error <= max(CALIBRATED, c.by_chance) for c in curves.values())
    words = {"out_of_time": "out of time", "as_sealed": "of the two numbers that go out"}
    worst = max((c.expected_error, words[name]) for name, c in curves.items() if c is not None)
    what = f"expected calibration error {worst[0]:.3f} {worst[1]}"
    if told.out_of_time is None:
        what += "; no round could be told before"
    return Seen(passed, what, seen, {"expected_error": CALIBRATED})


def _figures(curve: Curve) -> dict[str, float]:
    return {name: getattr(curve, name) for name in ("expected_error", "low", "high", "by_chance")}


def _explained(told: Measured) -> Seen:
    difference, fell = told.telling.difference_to_shap, told.telling.violations
    passed = difference is not None and difference <= DIFFERENCE_TO_SHAP and fell == 0
    what = "it cannot be explained" if difference is None else f"pushes differ from shap by {difference:.0e}"
    what += f"; more hardship lowered {fell} of 10,000 scores"
    return Seen(
        passed,
        what,
        {"difference": difference, "violations": fell},
        {"difference": DIFFERENCE_TO_SHAP, "violations": 0},
    )


def _not_slower(told: Measured) -> Seen:
    work, theirs = told.telling.work, told.telling.champions_work
    bound = MOST_WORK if theirs is None else min(MOST_WORK, max(theirs * SLOWER, FREE_WORK))
    what = f"{work:,} steps to explain a household" + (f", the champion {theirs:,}" if theirs is not None else "")
    return Seen(work <= bound, what, {"work": work, "champion": theirs}, {"work": bound})


def _not_drifted(told: Measured) -> Seen:
    if told.score_psi is None:
        return Seen(True, "no earlier day to compare with", {}, {"psi": DRIFTED})
    what = f"scores of all households moved by a PSI of {told.score_psi:.3f} since the newest round learned from"
    return Seen(
        told.score_psi <= DRIFTED, what, {"psi": told.score_psi, "features": told.feature_drift}, {"psi": DRIFTED}
    )


GATES: Final = (
    Gate("both_answers", "Did officers find need and no need?", False, _both_answers),
    Gate("enough", "Was it judged on enough households?", False, _enough),
    Gate("fresh", "Are the answers recent?", True, _fresh),
    Gate("ordered", "Is there an order, and does it find need?", False, _ordered),
    Gate("as_judged", "Is the model that goes out the one that was judged?", False, _as_judged),
    Gate("known_in_time", "Does it use only what was known on the day?", False, _known_in_time),
    Gate("believable", "Is it too good to be true?", True, _believable),
    Gate("beats_the_rule", "Does it find as much as the best plain rule?", True, _beats_the_rule),
    Gate("not_worse", "Does it find as much as the champion?", True, _not_worse),
    Gate("fair", "Is every group reached as before?", True, _fair),
    Gate("calibrated", "Does a told chance mean what it says?", True, _calibrated),
    Gate("explained", "Do its reasons hold?", False, _explained),
    Gate("not_slower", "Can it be explained in the night?", True, _not_slower),
    Gate("not_drifted", "Are today's households like those it learned from?", True, _not_drifted),
)
SEALED: Final = "sealed"


def decide(evidence: Evidence) -> Decision:
    if evidence.measured is None:
        what = evidence.broken or "nothing was measured"
        return _decision((Verdict(SEALED, False, what, {}, {}, may_be_overruled=False),))
    verdicts = [Verdict(SEALED, True, "signature, digest and columns hold", {}, {}, may_be_overruled=False)]
    for gate in GATES:
        seen = gate.look(evidence.measured)
        verdicts.append(Verdict(gate.name, *seen, may_be_overruled=gate.may_be_overruled))
    return _decision(tuple(verdicts))


def _decision(verdicts: tuple[Verdict, ...]) -> Decision:
    failed = [v for v in verdicts if not v.passed]
    why = "; ".join(f"{v.gate}: {v.what}" for v in failed) or "passed every gate"
    return Decision(not failed, all(v.may_be_overruled for v in failed), why, verdicts)
