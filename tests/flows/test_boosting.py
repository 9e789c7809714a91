"""One model grown by several learners: here workers are threads of ours; `make cluster-test` kills real ones."""

import os
import re
from collections.abc import Sequence
from datetime import date
from ipaddress import IPv4Network
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from features import feature_list
from flows import boosting
from flows.boosting import Held, Spot, Work, boost, find_spot, learn, refuse_few
from flows.cluster import WorkFailed
from flows.errors import OperatorError
from flows.parts import Parts, open_parts
from flows.settings import Engine, load_settings
from models.calibration import Calibration
from models.columns import Column, matrix_of
from models.evaluate import roc_auc
from models.learner import Learner, TrainSettings
from models.model import read_model
from models.monotone import violations
from signals.catalogue import SIGNALS
from store.shuffle import Shuffle

ROOT = Path(__file__).parent.parent.parent
COLUMNS = tuple(Column(f"c{i}", "group", i % 3 - 1) for i in range(9))
ROWS, ROUNDS, TREES = 3_000, 2, 20


def drawn(rows: int, seed: int) -> pl.DataFrame:
    """Half empty. Need hangs on some columns, and against the constraint on one."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, len(COLUMNS))).astype(np.float32)
    margin = values[:, 2] - values[:, 3] + values[:, 4] + np.sin(3 * values[:, 5])
    values[rng.random(values.shape) < 0.3] = np.nan
    told = pl.DataFrame(values, schema=[c.name for c in COLUMNS])
    keys = pl.Series(rng.integers(-(2**63), 2**63 - 1, rows))
    return told.with_columns(household_key=keys, label=pl.Series((rng.normal(size=rows) < margin).astype(np.int8)))


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return kept(tmp_path, drawn(ROWS, 1))


def kept(folder: Path, rows: pl.DataFrame) -> Work:
    place = str(folder / "scratch" / "training")
    for number in range(ROUNDS):
        Shuffle(place).scatter("rows", number, rows[number::ROUNDS], "household_key", 2)
    return Work(place, ROUNDS, 2, COLUMNS, TrainSettings(threads=1), 5, TREES)


def test_a_model_of_parts_is_as_good_and_as_monotone_as_one_of_the_whole(engine: Engine, work: Work) -> None:
    text = boost(engine, work)
    assert text == boost(engine, work), "other ports, other order: the same bytes"
    for told in ("127.0.0.1", "local_listen_port", "machines: "):
        assert told not in text.replace("num_machines: ", "")
    rows, asked = drawn(ROWS, 1), drawn(4_000, 2)
    whole = Learner(
        matrix_of(rows, COLUMNS), rows["label"].cast(pl.Int64).to_numpy(), COLUMNS, work.settings, work.seed
    )
    values, needs = matrix_of(asked, COLUMNS), asked["label"].cast(pl.Float64).to_numpy()
    model = read_model("new", text, COLUMNS, Calibration(0.0, 1.0))
    here = roc_auc(needs, whole.fit(TREES).predict(values))
    assert here > 0.7
    assert roc_auc(needs, model.margin(values)) > here - 0.02
    assert violations(model, values, 5_000, np.random.default_rng(1)) == 0
    roots = [int(count) for count in re.findall(r"^internal_count=(\d+)", text, re.MULTILINE)]
    assert len(roots) == TREES
    assert np.mean(roots) == pytest.approx(ROWS * work.settings.row_share, rel=0.02), "every tree drew from every part"


def test_the_recipe_is_the_one_of_here(engine: Engine, work: Work) -> None:
    rows = drawn(ROWS, 1)
    whole = Learner(
        matrix_of(rows, COLUMNS), rows["label"].cast(pl.Int64).to_numpy(), COLUMNS, work.settings, work.seed
    )
    here, there = (
        dict(re.findall(r"^\[(\w+): (.*)\]$", text, re.MULTILINE))
        for text in (whole.fit(TREES).model_to_string(), boost(engine, work))
    )
    others = {name for name in here | there if here.get(name) != there.get(name)}
    assert others <= {
        "tree_learner", "monotone_constraints_method", "feature_pre_filter", "pre_partition", "num_machines",
        "machines", "local_listen_port", "time_out",
    }  # fmt: skip
    assert there["monotone_constraints_method"] == "basic"


def test_a_column_that_few_rows_of_each_part_fill_is_learned_from(engine: Engine, tmp_path: Path) -> None:
    """Enough for a leaf of all rows, too few for one of any part's."""
    few, rows = TrainSettings().leaf_rows - 2, drawn(ROWS, 1)
    filled = pl.col("household_key").is_in([*rows["household_key"].bottom_k(few), *rows["household_key"].top_k(few)])
    told = rows.with_columns(c1=pl.when(filled).then(pl.col("c0").fill_null(0.5).abs()))
    work = kept(tmp_path, told.with_columns(label=pl.when(filled).then(1).otherwise("label").cast(pl.Int8)))
    assert re.search(r"^c1=\d+$", boost(engine, work), re.MULTILINE)


tried: list[int] = []


def fail_first(work: Work, spots: Sequence[Spot], part: int, held: Held) -> str:
    """Both learners of the first attempt."""
    tried.append(part)
    if len(tried) <= 2:
        raise OSError("connection reset by peer")
    return learn(work, spots, part, held)


def fail(work: Work, spots: Sequence[Spot], part: int, held: Held) -> str:
    raise OSError("connection reset by peer")


def test_an_attempt_that_failed_is_begun_again_from_the_first_tree(
    engine: Engine, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = boost(engine, work)
    tried.clear()
    monkeypatch.setattr(boosting, "learn", fail_first)
    assert boost(engine, work) == whole
    assert sorted(tried) == [0, 0, 1, 1]
    monkeypatch.setattr(boosting, "learn", fail)
    with pytest.raises(WorkFailed, match="OSError"):
        boost(engine, work)


def test_a_part_without_a_worker_is_refused_before_anything_is_built(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_few(engine, 2)
    monkeypatch.setattr(boosting, "PATIENCE", 0.2)
    with pytest.raises(OperatorError, match="in 3 parts takes as many workers; 2 are there -> start 1 more"):
        refuse_few(engine, 3)


def test_learners_of_several_machines_speak_on_a_network_that_is_named() -> None:
    client: Any = SimpleNamespace(
        wait_for_workers=lambda *_, **__: None, nthreads=lambda: {"tls://10.8.0.2:1": 1, "tls://10.8.0.3:1": 1}
    )
    with pytest.raises(OperatorError, match="in the clear"):
        boosting._chosen(client, 2, None)
    assert boosting._chosen(client, 2, IPv4Network("10.8.0.0/24")) == ["tls://10.8.0.2:1", "tls://10.8.0.3:1"]
    assert find_spot(IPv4Network("127.0.0.0/8")).place.startswith("127.0.0.1:")
    with pytest.raises(OperatorError, match=r"has no address in 203\.0\.113\.0/24"):
        find_spot(IPv4Network("203.0.113.0/24"))


def test_workers_together_read_every_row_once_and_in_the_columns_order(work: Work) -> None:
    rows, held = drawn(ROWS, 1), [boosting.load(work, part) for part in range(2)]
    told = np.column_stack([np.concatenate([h.values for h in held]), np.concatenate([h.label for h in held])])
    wanted = np.column_stack([matrix_of(rows, COLUMNS), rows["label"].to_numpy()])
    assert np.array_equal(told[np.lexsort(told.T)], wanted[np.lexsort(wanted.T)], equal_nan=True)


def test_a_learner_that_came_back_does_not_wait_for_the_others(work: Work) -> None:
    spots = [Spot("127.0.0.1:1", os.getpid() + 1), Spot("127.0.0.1:2", os.getpid())]
    with pytest.raises(ChildProcessError):
        learn(work, spots, 0, boosting.load(work, 0))


def desk_of(engine: Engine, rows_per_part: int | None) -> Any:
    settings = load_settings(ROOT / "config.yaml", Path(engine.places[1]).parent)
    model = settings.model.model_copy(update={"rows_per_part": rows_per_part})
    return SimpleNamespace(
        settings=settings.model_copy(update={"engine": engine, "model": model}), scratch=engine.scratch
    )


def test_every_row_is_kept_in_the_part_of_its_household_and_a_draw_stays_here(engine: Engine) -> None:
    rng, names = np.random.default_rng(3), [f.name for f in feature_list(SIGNALS)]
    keys = rng.integers(-(2**63), 2**63 - 1, 1_000)
    rounds = [
        pl.DataFrame({"household_key": keys, "label": rng.integers(0, 2, 1_000)}).with_columns(
            selected_on=pl.lit(day), received_on=pl.lit(day), office=pl.lit("1111051500"),
            **{name: pl.lit(float(at)) for at, name in enumerate(names)},
        )
        for day in (date(2026, 1, 2), date(2026, 3, 2))
    ]  # fmt: skip
    with open_parts(desk_of(engine, 1_000), lambda: 2_000) as parts:
        assert isinstance(parts, Parts)
        here = pl.concat([parts.keep(one) for one in rounds])
        told = parts.boosted()
        held = [Shuffle(parts.place).gather("rows", part, range(2)) for part in range(2)]
    assert sorted(pl.concat(held)["household_key"]) == sorted([*keys, *keys])
    assert not set(held[0]["household_key"]) & set(held[1]["household_key"])
    assert sorted(told.rows["label"]) == sorted([*rounds[0]["label"], *rounds[1]["label"]])
    assert 850 < here.height < 1_150
    assert here.height == 2 * here["household_key"].n_unique(), "a household with all its rounds, or not at all"
    assert not Path(parts.place).exists()


def test_what_one_machine_holds_stays_there(engine: Engine) -> None:
    alone = engine.model_copy(update={"kind": "local"})
    for asked in (desk_of(engine, None), desk_of(engine, 2_000), desk_of(alone, 1)):
        with open_parts(asked, lambda: 2_000) as parts:
            assert parts is None
