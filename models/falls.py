"""Does any tree fall where more hardship must not lower a score? Answered for every household there could be.

LightGBM's "intermediate" way to keep monotone constraints lets a tree through now and then: seen as one of 10,000
scores. A sample of households finds that by luck.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_Side = tuple[float, float, bool]  # above, up to and with, and whether unknown is in it
_Box = Mapping[int, _Side]  # by column; one that no split asked about is not there
_ALL: _Side = (-math.inf, math.inf, True)


def falls(booster: Any, signs: Sequence[int]) -> int:
    """How many trees have a place where one column, moved the way of its sign alone, lowers the tree's value."""
    return sum(_falls(list(_leaves(tree["tree_structure"], {})), signs) for tree in booster.dump_model()["tree_info"])


def _leaves(node: Mapping[str, Any], box: _Box) -> Iterator[tuple[_Box, float]]:
    if "leaf_value" in node:
        yield box, node["leaf_value"]
        return
    column, at = node["split_feature"], node["threshold"]
    above, up_to, unknown = box.get(column, _ALL)
    # Where training met no unknown value, one is taken for 0.
    goes_left = node["default_left"] if node["missing_type"] == "NaN" else at >= 0
    yield from _leaves(node["left_child"], {**box, column: (above, min(up_to, at), unknown and goes_left)})
    yield from _leaves(node["right_child"], {**box, column: (max(above, at), up_to, unknown and not goes_left)})


def _falls(leaves: list[tuple[_Box, float]], signs: Sequence[int]) -> bool:
    return any(
        signs[column] * (high - low) < 0 and _meet_besides(below, over, column)
        for below, low in leaves
        for over, high in leaves
        for column in below.keys() & over.keys()
        if signs[column] and below[column][1] <= over[column][0]
    )


def _meet_besides(one: _Box, other: _Box, column: int) -> bool:
    """A household can lie in both but for that column."""
    for name in one.keys() & other.keys() - {column}:
        (above, up_to, unknown), (above_too, up_to_too, unknown_too) = one[name], other[name]
        if max(above, above_too) >= min(up_to, up_to_too) and not (unknown and unknown_too):
            return False
    return True
