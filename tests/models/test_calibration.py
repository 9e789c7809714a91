import numpy as np

from models.calibration import expected_error, fit, table


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
