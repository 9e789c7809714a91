"""Real people's card arrears through the whole pipeline: intake, features, retrain, nightly.

Input: CSV like "Default of credit card clients" (Yeh and Lien 2009, UCI, CC BY 4.0): six months of PAY_*
(months overdue) and BILL_AMT* (billed), AGE, and DEFAULT, the outcome. Only the conversion to agency files is
this script's own.

    python benchmarks/real_arrears.py --train HALF.csv --test OTHER_HALF.csv [--more]
    python benchmarks/real_arrears.py --file WHOLE.csv [--more]        (a random half of it each)

Without --more: months overdue, bill and age. With it, what was paid and the credit limit come as two further signals,
by an entry each in the catalogue and no other line.
"""

import argparse
import json
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import yaml
from sklearn.metrics import average_precision_score, roc_auc_score

# benchmarks/features.py, beside this script, would hide the room of that name.
sys.path[:] = [place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent]

from signals.catalogue import SIGNALS
from signals.signal import MadeUp, Signal

CARD = SIGNALS["card_arrears"]
MORE = tuple(
    Signal(
        name=name, name_ko=name_ko, domain="debt", agency=CARD.agency, source_code=source_code, key_kind="person",
        kind="amount", legal_basis=CARD.legal_basis, legal_threshold="", available_from=CARD.available_from,
        unit="원", per_1000=900, reason_ko=f"{name_ko}이 {{amount}}입니다({{observed}} 기준).",
        check_ko="카드로 생활비를 돌려막고 있는지 물어봐 주세요.", direction=0,
        made_up=MadeUp("debt", base=0.1, lift=0.1),
    )
    for name, name_ko, source_code in (
        ("card_payment", "카드 결제 금액", "카드결제"),
        ("card_limit", "카드 한도", "카드한도"),
    )
)  # fmt: skip
# Before the rooms are imported: they read the catalogue once, as in production.
if "--more" in sys.argv:
    SIGNALS.update({signal.name: signal for signal in MORE})

from features import build, feature_list, prepare
from flows.desk import open_desk
from flows.knowledge import known_on
from flows.nightly import nightly
from flows.retrain import retrain
from models.columns import columns_of
from models.rules import GENERAL, order_of, single_rules
from signals.agencies import AGENCIES
from signals.layout import Layout
from signals.outcomes import OUTCOMES
from signals.registers import HOUSING_KO, REGISTERS
from store.tokens import tokens
from synthetic.writing import as_text, encode

MONTHS = 6
AMOUNTS = {CARD.name: "bill_{}", "card_payment": "paid_{}", "card_limit": "limit"}
OFFICES = 20
WON_PER_DOLLAR = 40  # New Taiwan dollar, roughly; amounts only need a plausible size
LAG = timedelta(days=50)
# The people learned from were chosen a month before the night, and told of one month earlier: alike in age of data.
CHOSEN_ON = date(2026, 10, 25)
NIGHT = date(2026, 12, 21)  # the answering time of the round is over (models.labels)
LAST_MONTH = {"train": date(2026, 8, 31), "test": date(2026, 9, 30)}


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--train", type=Path, help="people whose outcome officers have told")
    told.add_argument("--test", type=Path, help="people whom the night scores")
    told.add_argument("--file", type=Path, help="both: a random half of it each")
    told.add_argument("--more", action="store_true", help="payments and limit as further signals")
    told.add_argument("--work", type=Path, help="keep the work folder here")
    asked = told.parse_args()
    if (asked.file is None) == (asked.train is None or asked.test is None):
        told.error("name --file, or --train and --test")
    halves = halves_of(asked.file) if asked.file else [pl.read_csv(asked.train), pl.read_csv(asked.test)]
    people = read_people(*halves)
    with tempfile.TemporaryDirectory() as scratch:
        work = asked.work or Path(scratch) / "work"
        config = write_config(Path(scratch), work)
        write_inbox(people, work)
        trained = retrain.fn(NIGHT, str(config), str(work))
        nightly.fn(NIGHT, str(config), str(work))
        print(f"judged while training: {trained.metrics['model']['roc_auc']}")
        report(people.filter(part="test"), config, work)


def halves_of(file: Path) -> list[pl.DataFrame]:
    whole = pl.read_csv(file)
    is_first = np.random.default_rng(0).permutation(whole.height) % 2 == 0
    return [whole.filter(pl.Series(is_first)), whole.filter(pl.Series(~is_first))]


def read_people(train: pl.DataFrame, test: pl.DataFrame) -> pl.DataFrame:
    """One row a person: number, part, office, age, label, limit, and months_, bill_, paid_0..5 with 0 the newest
    month."""
    parts = [frame.with_columns(part=pl.lit(part)) for part, frame in (("train", train), ("test", test))]
    pay = ["PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6"]
    both = pl.concat(parts, how="diagonal_relaxed").with_row_index("number")
    return both.select(
        "number",
        "part",
        pl.col("AGE").cast(pl.Int64).alias("age"),
        pl.col("DEFAULT").cast(pl.Int64).alias("label"),
        (1111051500 + pl.col("number") % OFFICES).cast(pl.String).alias("office"),
        *(pl.col(name).cast(pl.Int64).clip(0).alias(f"months_{lag}") for lag, name in enumerate(pay)),
        *(_won(f"BILL_AMT{lag + 1}").alias(f"bill_{lag}") for lag in range(MONTHS)),
        *(_won(f"PAY_AMT{lag + 1}").alias(f"paid_{lag}") for lag in range(MONTHS)),
        _won("LIMIT_BAL").alias("limit"),
    ).with_columns(_identifiers())


def _won(column: str) -> pl.Expr:
    return (pl.col(column).clip(0) * WON_PER_DOLLAR).round(0).cast(pl.Int64)


def _identifiers() -> list[pl.Expr]:
    """Made up: resident numbers with the right birth year, a household each, an address each."""
    born = NIGHT.year - pl.col("age")
    century = pl.when(born < 2000).then(pl.lit("1")).otherwise(pl.lit("3"))
    serial = pl.col("number").cast(pl.String).str.zfill(6)
    return [
        pl.format("{}0101{}{}", (born % 100).cast(pl.String).str.zfill(2), century, serial).alias("person_no"),
        pl.format("{}", 9_000_000_000 + pl.col("number")).alias("household_no"),
        pl.format(
            "서울특별시 종로구 가상로 {}, 101동 {}호", pl.col("number") // 50 + 1, pl.col("number") % 50 + 101
        ).alias("address"),
    ]


def write_inbox(people: pl.DataFrame, work: Path) -> None:
    inbox = work / "inbox"
    inbox.mkdir(parents=True, mode=0o700)
    _write_registers(people, inbox)
    _write_bills(people, inbox)
    _write_answers(people.filter(part="train"), inbox)
    offices = people.select("office").unique().sort("office")
    offices.select(
        "office", name_ko=pl.format("가상{}동", pl.int_range(pl.len()) + 1), district=pl.lit("11110"),
        district_ko=pl.lit("종로구"), region_ko=pl.lit("서울특별시"), capacity=pl.lit(None, pl.Int64),
    ).write_csv(work / "offices.csv")  # fmt: skip


def _write_registers(people: pl.DataFrame, inbox: Path) -> None:
    since = pl.lit(date(2020, 1, 1))
    everybody = people.select(
        "person_no", "household_no", "address", "office", name=pl.lit("가상인"), phone=pl.lit(""), is_head=pl.lit("Y"),
        valid_from=since, valid_to=pl.lit(None, pl.Date), end_reason=pl.lit(""),
        housing=pl.lit(HOUSING_KO["apartment"]),
    )  # fmt: skip
    for code in ("residents", "addresses"):
        _write(everybody, REGISTERS[code].layout, inbox / f"{code}_202609_20261010.csv")


def _write_bills(people: pl.DataFrame, inbox: Path) -> None:
    """One file a month: a row for everybody who was billed, also with nothing overdue: covered, and zero."""
    rows = pl.concat(
        people.filter(part=part).select(
            "person_no", source_code=pl.lit(SIGNALS[name].source_code), month=pl.lit(_month_back(last, lag)),
            months=pl.col(f"months_{lag}") if name == CARD.name else pl.lit(None, pl.Int64), amount=amount.format(lag),
        )
        for name, amount in AMOUNTS.items()
        if name in SIGNALS
        for part, last in LAST_MONTH.items()
        for lag in range(MONTHS)
    )  # fmt: skip
    for (month,), told in sorted(rows.group_by("month")):
        assert isinstance(month, date)
        name = f"{CARD.agency}_{month:%Y%m}_{month + LAG:%Y%m%d}.csv"
        _write(told.sort("person_no"), AGENCIES[CARD.agency].layout, inbox / name)


def _write_answers(people: pl.DataFrame, inbox: Path) -> None:
    found = pl.col("label") == 1
    answers = people.select(
        "household_no", "office", case_no=pl.format("R1-{}", "number"), lane=pl.lit("incumbent"),
        selected_on=pl.lit(CHOSEN_ON), contacted_on=pl.lit(CHOSEN_ON + timedelta(days=14)),
        outcome=pl.when(found).then(pl.lit(OUTCOMES["need_no_benefit"].label_ko))
        .otherwise(pl.lit(OUTCOMES["no_need"].label_ko)),
        benefit=pl.lit(""), recorded_on=pl.lit(CHOSEN_ON + timedelta(days=15)),
    )  # fmt: skip
    _write(
        answers, REGISTERS["contacts"].layout, inbox / f"contacts_202611_{CHOSEN_ON + timedelta(days=16):%Y%m%d}.csv"
    )


def _write(rows: pl.DataFrame, layout: Layout, file: Path) -> None:
    file.write_bytes(encode(as_text(rows, layout), layout))


def _month_back(last: date, lag: int) -> date:
    first = last.replace(day=1)
    for _ in range(lag):
        first = (first - timedelta(days=1)).replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    return following - timedelta(days=1)


def write_config(folder: Path, work: Path) -> Path:
    """The product's own settings; only this data has no other agency than one."""
    told = yaml.safe_load((Path(__file__).parent.parent / "config.yaml").read_text(encoding="utf-8"))
    told["work"] = str(work)
    told["night"]["required_sources"] = ["residents", "addresses", CARD.agency]
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
    return file


def report(people: pl.DataFrame, config: Path, work: Path) -> None:
    """Every order beside the model's, on the same people, with the same features."""
    with open_desk(config, work) as desk:
        keys = people.select("label", tokens(people["household_no"], "household", desk.keys).alias("household_key"))
        features = build(prepare(known_on(desk, NIGHT), SIGNALS)).features
        judged = keys.join(desk.lake.read_scores(NIGHT), on="household_key").join(features, on="household_key")
    assert judged.height == people.height, "somebody was lost on the way"
    list_of = feature_list(SIGNALS)
    single = single_rules(columns_of(list_of), {feature.name: feature.label_ko for feature in list_of})
    rules = [*GENERAL, *(rule for rule in single if rule.code.startswith("card_"))]
    orders = {"model": judged["margin"].to_numpy(), **{rule.code: order_of(rule, judged) for rule in rules}}
    figures = {name: measure(judged["label"].to_numpy(), order) for name, order in orders.items()}
    for name, told in figures.items():
        print(f"{name:22s} " + "  ".join(f"{what} {value:.3f}" for what, value in told.items()))
    print(
        json.dumps(
            {"benchmark": "real_arrears", "more": "card_limit" in SIGNALS, "people": judged.height, "orders": figures}
        )
    )


def measure(label: np.ndarray, order: np.ndarray) -> dict[str, float]:
    """Ties at the cut count by their mean: as if drawn at random."""
    tenth = len(label) // 10
    cut = np.sort(order)[-tenth]
    above, tied = order > cut, order == cut
    found = label[above].sum() + label[tied].mean() * (tenth - above.sum())
    return {
        "roc_auc": round(float(roc_auc_score(label, order)), 4),
        "average_precision": round(float(average_precision_score(label, order)), 4),
        "precision_top_10": round(float(found / tenth), 4),
    }


if __name__ == "__main__":
    main()
