"""Everything the gates look at. Measured by models.measure, told to whoever asks why."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

import polars as pl

from models.calibration import Curve
from models.columns import FeatureLike
from models.evaluate import Interval
from models.gate_texts import Said, say
from models.groups import GroupReach
from models.learner import TrainSettings

CHAMPION: Final = "champion"


@dataclass(frozen=True)
class Bundle:
    """A model as it was saved."""

    files: Mapping[str, bytes]
    public_key: bytes


@dataclass(frozen=True)
class Case:
    """What both are judged on."""

    as_of: date
    rows: pl.DataFrame  # the challenger's matrix: household_key, selected_on, received_on, office, label, features
    judged: pl.DataFrame  # Trained.judged: margins of rows not learned from
    features: Sequence[FeatureLike]
    capacity: Mapping[str, int]
    recipe: tuple[TrainSettings, int]  # the challenger's, with its seed
    late: tuple[str, ...]  # columns that differ when a round is built again from what was known on its day
    then: pl.DataFrame | None = None  # features of a sample of all households, on the newest learned round's day
    now: pl.DataFrame | None = None  # and on as_of
    no_champion: Said = say("no_champion")  # noqa: RUF009 - a tuple of two words


@dataclass(frozen=True)
class Labels:
    rows: int
    needs: int
    judged: int
    judged_needs: int
    newest_round: date
    newest_answer: date
    answer_days: int  # from it to the day of the decision


@dataclass(frozen=True)
class Order:
    distinct: int  # different scores among the judged rows
    most_alike: float  # share of them with the commonest score
    agreement: float  # rank correlation of the model that goes out with those that were judged
    roc_auc: Interval


@dataclass(frozen=True)
class Beside:
    """Precision at capacity over somebody else's, on the same rows."""

    other: str
    how: Said
    rows: int
    places: int
    ratio: Interval | None  # None: no place to fill


@dataclass(frozen=True)
class Suspicion:
    strongest: str  # the column that orders the judged rows best by itself
    its_auc: float  # either way round
    its_gain: float  # share of the trees' whole gain
    late: tuple[str, ...]


@dataclass(frozen=True)
class Telling:
    """What it takes to explain."""

    work: int  # decisions and look-ups per household
    champions_work: int | None
    difference_to_shap: float | None  # None: no explanation at all
    violations: int  # pairs of 10,000 in which more hardship lowered the score


@dataclass(frozen=True)
class Measured:
    labels: Labels
    order: Order
    rule: Beside
    champion: Beside | None
    no_champion: Said  # why there is none
    groups: tuple[GroupReach, ...]
    groups_beside: str
    out_of_time: Curve | None  # None: no round whose chance could be told before
    as_sealed: Curve  # the two numbers that go out, on the judged rows
    suspicion: Suspicion
    telling: Telling
    score_psi: float | None  # None: nothing to compare with
    feature_drift: dict[str, Any] | None


@dataclass(frozen=True)
class Evidence:
    as_of: date
    broken: str | None  # why the files were not even opened
    measured: Measured | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        told: dict[str, Any] = _plain(asdict(self))
        return told


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value
