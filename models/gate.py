"""What a model must show before it may order anybody's queue.

Every gate is told, passed or not, with what was measured and against which bound. None can be switched off; a person
may overrule only those that are matters of judgement.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

from models.calibration import Curve
from models.drift import DRIFTED
from models.evidence import CHAMPION, Evidence, Measured
from models.gate_texts import QUESTIONS, Said, say
from models.groups import INSUFFICIENT, TITLES_KO, VALUES_KO, GroupReach, worst_ratio

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
    what: str  # a sentence, for ledger and terminal
    what_ko: str  # the same, for the report
    measured: dict[str, Any]
    bound: dict[str, Any]
    may_be_overruled: bool


class Seen(NamedTuple):
    passed: bool
    what: Said
    measured: dict[str, Any]
    bound: dict[str, Any]


Look = Callable[[Measured], Seen]


@dataclass(frozen=True)
class Gate:
    name: str
    may_be_overruled: bool  # by a named person who has read the evidence
    look: Look

    @property
    def question(self) -> str:
        return QUESTIONS[self.name].en


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
    return Seen(passed, say("both_answers" if passed else "one_answer"), seen, {"least": 1})


def _enough(told: Measured) -> Seen:
    seen = {"judged": told.labels.judged, "judged_needs": told.labels.judged_needs}
    passed = seen["judged"] >= FEWEST_JUDGED and seen["judged_needs"] >= FEWEST_NEEDS
    what = say("enough", judged=seen["judged"], needs=seen["judged_needs"])
    return Seen(passed, what, seen, {"judged": FEWEST_JUDGED, "judged_needs": FEWEST_NEEDS})


def _fresh(told: Measured) -> Seen:
    days = told.labels.answer_days
    what = say("fresh", days=days, round=told.labels.newest_round)
    return Seen(days <= STALE_DAYS, what, {"days": days}, {"days": STALE_DAYS})


def _ordered(told: Measured) -> Seen:
    order = told.order
    is_order = order.distinct >= FEWEST_SCORES and order.most_alike <= MOST_ALIKE
    passed = is_order and order.roc_auc.low > 0.5
    what = say("ordered", distinct=order.distinct, alike=order.most_alike, auc=order.roc_auc.value)
    seen = {"distinct": order.distinct, "most_alike": order.most_alike, "roc_auc": order.roc_auc._asdict()}
    return Seen(passed, what, seen, {"distinct": FEWEST_SCORES, "most_alike": MOST_ALIKE, "roc_auc_low": 0.5})


def _as_judged(told: Measured) -> Seen:
    seen = told.order.agreement
    return Seen(seen >= AGREEMENT, say("as_judged", agreement=seen), {"agreement": seen}, {"agreement": AGREEMENT})


def _known_in_time(told: Measured) -> Seen:
    late = told.suspicion.late
    what = say("known_late", count=len(late), columns=", ".join(late[:3])) if late else say("known_in_time")
    return Seen(not late, what, {"late": list(late)}, {"late": 0})


def _believable(told: Measured) -> Seen:
    seen, auc = told.suspicion, told.order.roc_auc
    carries = seen.its_gain > ONE_COLUMN_GAIN and seen.its_auc > ONE_COLUMN_TOO_GOOD
    passed = auc.low <= UNBELIEVABLE and seen.its_auc <= ONE_COLUMN and not carries
    column = seen.strongest or Said("no column", "없음")
    what = say("believable", auc=auc.value, column=column, alone=seen.its_auc, gain=seen.its_gain)
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
        return Seen(False, say("no_place"), seen, {"ratio": 1.0})
    what = say("beats_the_rule", ratio=ratio.value, rule=told.rule.other)
    return Seen(ratio.value >= 1.0, what, seen, {"ratio": 1.0})


def _not_worse(told: Measured) -> Seen:
    bound = {"ratio": WORSE, "low": WORSE_LOW}
    if told.champion is None:
        return Seen(True, told.no_champion, {}, bound)
    ratio, how = told.champion.ratio, told.champion.how
    if ratio is None:
        return Seen(False, say("no_shared_place", how=how), {"how": how.en}, bound)
    what = say("not_worse", ratio=ratio.value, low=ratio.low, high=ratio.high, how=how)
    passed = ratio.value >= WORSE and ratio.low >= WORSE_LOW
    return Seen(passed, what, {"ratio": ratio._asdict(), "how": how.en}, bound)


def _fair(told: Measured) -> Seen:
    lost = [g for g in told.groups if _is_lost(g)]
    worst = worst_ratio(told.groups)
    bound = {"ratio": UNFAIR, "high": 1.0, "least_needs": INSUFFICIENT}
    if worst is None:
        return Seen(True, say("no_group", least=INSUFFICIENT), {"groups": []}, bound)
    named = lost[0] if lost else worst
    grouping = Said(named.grouping, TITLES_KO[named.grouping])
    group = Said(named.group, VALUES_KO.get(named.group, named.group))
    beside = told.groups_beside
    whose = say("champion") if beside == CHAMPION else say("rule", name=beside)
    what = say("unfair" if lost else "fair", grouping=grouping, group=group, ratio=named.ratio, beside=whose)
    return Seen(not lost, what, {"beside": beside, "lost": [asdict(g) for g in lost], "worst": asdict(worst)}, bound)


def _is_lost(group: GroupReach) -> bool:
    return group.ratio is not None and group.high is not None and group.ratio < UNFAIR and group.high < 1.0


def _calibrated(told: Measured) -> Seen:
    curves = {"out_of_time": told.out_of_time, "as_sealed": told.as_sealed}
    seen = {name: curve and _figures(curve) for name, curve in curves.items()}
    passed = all(c is None or c.expected_error <= max(CALIBRATED, c.by_chance) for c in curves.values())
    error, name = max((c.expected_error, name) for name, c in curves.items() if c is not None)
    what = say("calibrated", error=error, which=say(name))
    if told.out_of_time is None:
        what = say("not_before", calibrated=what)
    return Seen(passed, what, seen, {"expected_error": CALIBRATED})


def _figures(curve: Curve) -> dict[str, float]:
    return {name: getattr(curve, name) for name in ("expected_error", "low", "high", "by_chance")}


def _explained(told: Measured) -> Seen:
    difference, fell = told.telling.difference_to_shap, told.telling.violations
    passed = difference is not None and difference <= DIFFERENCE_TO_SHAP and fell == 0
    told_apart = difference is not None
    what = say("explained", difference=difference, fell=fell) if told_apart else say("unexplained", fell=fell)
    return Seen(
        passed,
        what,
        {"difference": difference, "violations": fell},
        {"difference": DIFFERENCE_TO_SHAP, "violations": 0},
    )


def _not_slower(told: Measured) -> Seen:
    work, theirs = told.telling.work, told.telling.champions_work
    bound = MOST_WORK if theirs is None else min(MOST_WORK, max(theirs * SLOWER, FREE_WORK))
    what = say("work", work=work) if theirs is None else say("work_beside", work=work, theirs=theirs)
    return Seen(work <= bound, what, {"work": work, "champion": theirs}, {"work": bound})


def _not_drifted(told: Measured) -> Seen:
    if told.score_psi is None:
        return Seen(True, say("no_earlier_day"), {}, {"psi": DRIFTED})
    seen = {"psi": told.score_psi, "features": told.feature_drift}
    return Seen(told.score_psi <= DRIFTED, say("not_drifted", psi=told.score_psi), seen, {"psi": DRIFTED})


GATES: Final = (
    Gate("both_answers", False, _both_answers),
    Gate("enough", False, _enough),
    Gate("fresh", True, _fresh),
    Gate("ordered", False, _ordered),
    Gate("as_judged", False, _as_judged),
    Gate("known_in_time", False, _known_in_time),
    Gate("believable", True, _believable),
    Gate("beats_the_rule", True, _beats_the_rule),
    Gate("not_worse", True, _not_worse),
    Gate("fair", True, _fair),
    Gate("calibrated", True, _calibrated),
    Gate("explained", False, _explained),
    Gate("not_slower", True, _not_slower),
    Gate("not_drifted", True, _not_drifted),
)
SEALED: Final = "sealed"


def decide(evidence: Evidence) -> Decision:
    if evidence.measured is None:
        what = say("broken", what=evidence.broken) if evidence.broken else say("unmeasured")
        return _decision((Verdict(SEALED, False, *what, {}, {}, may_be_overruled=False),))
    verdicts = [Verdict(SEALED, True, *say("sealed"), {}, {}, may_be_overruled=False)]
    for gate in GATES:
        passed, what, measured, bound = gate.look(evidence.measured)
        verdicts.append(Verdict(gate.name, passed, *what, measured, bound, gate.may_be_overruled))
    return _decision(tuple(verdicts))


def _decision(verdicts: tuple[Verdict, ...]) -> Decision:
    failed = [v for v in verdicts if not v.passed]
    why = "; ".join(f"{v.gate}: {v.what}" for v in failed) or say("passed").en
    return Decision(not failed, all(v.may_be_overruled for v in failed), why, verdicts)
