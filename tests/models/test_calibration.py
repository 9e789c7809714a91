from datetime import date, timedelta

import numpy as np
import polars as pl

from models.calibration import Numbers, curve, curve_out_of_time, expected_error, fit, out_of_time, table


def test_finds_the_numbers_that_made_the_labels() -> None:
    rng = np.random.default_rng(0)
    margin = rng.normal(0, 2, 200_000)
    label = (rng.random(margin.size) < 1 / (1 + np.exp(-(0.7 * margin - 1.5)))).astype(np.int64)
    fitted = fit(margin, label)
    assert abs(fitted.slope - 0.7) < 0.02
    assert abs(fitted.intercept + 1.5) < 0.02
    assert expected_error(table(fitted.probability(margin), label)) < 0.005


def test_an_overconfident_margin_is_put_right() -> None:
    rng = np.random.default_rng(1)
    margin = rng.normal(0, 1, 20_000)
    label = (rng.random(margin.size) < 1 / (1 + np.exp(-margin))).astype(np.int64)
    raw = expected_error(table(1 / (1 + np.exp(-5 * margin)), label))
    assert expected_error(table(fit(5 * margin, label).probability(5 * margin), label)) < raw / 5


def test_labels_that_can_be_told_apart_perfectly_stay_finite() -> None:
    margin = np.concatenate([np.full(50, -1.0), np.full(50, 1.0)])
    fitted = fit(margin, (margin > 0).astype(np.int64))
    assert np.isfinite(fitted).all()
    assert 0.9 < fitted.probability(np.array([1.0]))[0] < 1.0


def test_the_order_never_changes() -> None:
    fitted = fit(np.linspace(-3, 3, 100), np.arange(100) // 50)
    assert (np.diff(fitted.probability(np.linspace(-5, 5, 1_000))) > 0).all()


def test_a_perfect_model_errs_no_more_than_chance_and_a_wrong_one_does() -> None:
    rng = np.random.default_rng(2)
    chance = rng.beta(2, 6, 3_000)
    label = (rng.random(chance.size) < chance).astype(np.int64)
    right = curve(chance, label, rng)
    assert right.low <= right.expected_error <= max(right.high, right.by_chance)
    assert right.expected_error <= right.by_chance < 0.04
    wrong = curve(np.clip(chance * 1.5, 0, 1), label, rng)
    assert wrong.low > wrong.by_chance


def test_chances_of_a_round_are_told_from_answers_that_had_arrived() -> None:
    rng = np.random.default_rng(3)
    n, days = 3_000, [date(2025, 1, 1), date(2025, 3, 1), date(2025, 5, 1)]
    place = rng.integers(0, 3, n)
    margin = rng.normal(-1, 1, n)
    judged = pl.DataFrame(
        {
            "selected_on": [days[i] for i in place],
            "received_on": [days[i] + timedelta(days=30) for i in place],
            "label": (rng.random(n) < 1 / (1 + np.exp(-margin))).astype(np.int8),
            "margin": margin,
        }
    )
    told = out_of_time(judged)
    assert np.isnan(told[place == 0]).all()
    assert np.isfinite(told[place > 0]).all()
    # The newest round's own answers, and those that arrive after it began, change nothing of what was told.
    turned = judged.with_columns(
        label=pl.when(pl.col("selected_on") == days[2]).then(1 - pl.col("label")).otherwise("label")
    )
    np.testing.assert_array_equal(out_of_time(turned), told)
    late = judged.with_columns(
        received_on=pl.when(pl.col("selected_on") == days[1]).then(pl.lit(days[2])).otherwise("received_on")
    )
    expected = fit(margin[place == 0], judged["label"].cast(pl.Int64).to_numpy()[place == 0]).probability(
        margin[place == 2]
    )
    np.testing.assert_allclose(out_of_time(late)[place == 2], expected)


def test_of_few_answers_chance_shows_in_what_was_learned_too() -> None:
    """A model that is right is told wrong as seldom as said, however few answers its two numbers were fitted on; one
    whose chances changed from one round to the next is not excused."""
    told_wrong, as_if_known, changed = 0, 0, 0
    for seed in range(60):
        judged, chance = _two_rounds(np.random.default_rng(seed), shift=0.0)
        right = curve_out_of_time(judged, chance, np.random.default_rng(seed))
        assert right is not None
        told = out_of_time(judged)
        rows, label = np.isfinite(told), judged["label"].cast(pl.Int64).to_numpy()
        plain = curve(told[rows], label[rows], np.random.default_rng(seed))
        assert right.bands == plain.bands
        told_wrong += right.expected_error > right.by_chance
        as_if_known += plain.expected_error > plain.by_chance
        judged, chance = _two_rounds(np.random.default_rng(seed), shift=1.2)
        wrong = curve_out_of_time(judged, chance, np.random.default_rng(seed))
        assert wrong is not None
        changed += wrong.expected_error > wrong.by_chance
    assert told_wrong <= 4 < 15 < as_if_known
    assert changed >= 50


def test_no_curve_where_nothing_could_be_told_before() -> None:
    judged, chance = _two_rounds(np.random.default_rng(0), shift=0.0)
    first = (judged["selected_on"] == judged["selected_on"].min()).to_numpy()
    assert curve_out_of_time(judged.filter(first), chance[first], np.random.default_rng(0)) is None


def _two_rounds(rng: np.random.Generator, shift: float) -> tuple[pl.DataFrame, Numbers]:
    """Of 60 and 340 answers, the second with odds higher by `shift`; and the chance that all of them together tell."""
    place = (np.arange(400) >= 60).astype(np.int64)
    margin = rng.normal(0, 1, 400)
    label = (rng.random(400) < 1 / (1 + np.exp(-margin - shift * place))).astype(np.int8)
    day = [date(2025, 1, 1) + timedelta(days=61 * int(i)) for i in place]
    judged = pl.DataFrame({"selected_on": day, "received_on": [d + timedelta(30) for d in day], "label": label})
    return judged.with_columns(margin=margin), fit(margin, label.astype(np.int64)).probability(margin)
