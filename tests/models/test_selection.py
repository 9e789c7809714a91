import pytest

from models.selection import regrets


def test_regret_is_what_the_choice_lost_in_the_next_window() -> None:
    windows = [{"a": 0.5, "b": 0.4}, {"a": 0.2, "b": 0.3}, {"a": 0.6, "b": 0.1}]
    told = regrets(windows)
    assert told["best_last"]["chosen"] == ["a", "b"]
    assert told["best_last"]["regret"] == pytest.approx([0.1, 0.5])
    assert told["best_mean"]["chosen"] == ["a", "a"]
    assert told["best_mean"]["mean_regret"] == pytest.approx(0.05)
    assert told["best_worst"]["chosen"] == ["a", "b"]
    assert told["always_b"]["regret"] == pytest.approx([0.0, 0.5])


def test_one_window_tells_nothing() -> None:
    assert regrets([{"a": 1.0}]) == {}
