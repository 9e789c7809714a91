"""Exact path-dependent Shapley values, summed per group, for many rows at once.

A row's share of one leaf depends only on which decisions on the way to it the row meets: at most 2^depth patterns. So
every leaf becomes a small table, worked out once, and rows are looked up in it. That is woodelf's way, and its reader
of trees is used; its own sums are float32, per column, through pandas, and take about three times as long.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from woodelf.core.trees.parse_models import load_decision_tree_ensemble_model

from models.columns import Matrix

Numbers = npt.NDArray[np.float64]
Pattern = npt.NDArray[np.uint8]  # one bit per feature on the path, the first one highest
Tables = tuple[tuple[int, Numbers], ...]  # group, what each pattern adds to it

MAX_DEPTH: Final = 8  # bits of a pattern


@dataclass(frozen=True, slots=True)
class _Leaf:
    tables: Tables


@dataclass(frozen=True, slots=True)
class _Split:
    column: int
    threshold: np.float32
    unknown_goes_left: bool
    repeats: int | None  # place of the bit, from the lowest, when the path asked about this column before
    left: "_Split | _Leaf"
    right: "_Split | _Leaf | None"  # None: a leaf whose table was turned over and added to the left one's


class Engine:
    """A booster's trees, read once; `group_of`: number of the group of each column."""

    def __init__(self, booster: Any, group_of: Sequence[int]) -> None:
        trees = load_decision_tree_ensemble_model(booster, list(range(len(group_of))))
        if trees.max_depth > MAX_DEPTH:
            raise ValueError(f"trees of depth {trees.max_depth}: at most {MAX_DEPTH}")
        self._groups = max(group_of) + 1
        self._group_of = group_of
        # A tree that is a single leaf pushes nothing.
        self._trees = [self._read(tree, (), ()) for tree in trees.trees if not tree.is_leaf()]

    @property
    def work(self) -> int:
        """Decisions and look-ups per household: what explaining costs, the same on every machine."""
        return sum(_work(tree) for tree in self._trees)

    def pushes(self, matrix: Matrix) -> Numbers:
        """Groups x rows."""
        sums = np.zeros((self._groups, len(matrix)))
        found = np.empty(len(matrix))
        for tree in self._trees:
            for pattern, tables in _walk(tree, np.zeros(len(matrix), np.uint8), matrix):
                places = pattern.astype(np.intp)
                for group, table in tables:
                    np.take(table, places, out=found, mode="clip")
                    sums[group] += found
        return sums

    def _read(self, node: Any, path: tuple[int, ...], covers: tuple[float, ...]) -> _Split | _Leaf:
        """`path`: columns asked about so far; `covers`: share of the training rows that met all decisions on each."""
        if node.is_leaf():
            return _Leaf(self._tables(path, shapley_table(np.array(covers), node.value)))
        column, is_new = node.feature_name, node.feature_name not in path
        onward = (*path, column) if is_new else path
        left, right = (_went_on(covers, path, column, child.cover / node.cover) for child in (node.left, node.right))
        split = (column, float32_below(node.value), bool(node.nan_go_left))
        if is_new and node.left.is_leaf() and node.right.is_leaf():
            # Siblings differ in the last bit only: one look-up serves both.
            table = shapley_table(np.array(left), node.left.value)
            table = table + shapley_table(np.array(right), node.right.value)[np.arange(len(table)) ^ 1]
            return _Split(*split, None, _Leaf(self._tables(onward, table)), None)
        repeats = None if is_new else len(path) - 1 - path.index(column)
        return _Split(*split, repeats, self._read(node.left, onward, left), self._read(node.right, onward, right))

    def _tables(self, path: tuple[int, ...], table: Numbers) -> Tables:
        sums: dict[int, Numbers] = {}
        for position, column in enumerate(path):
            group = self._group_of[column]
            sums[group] = sums[group] + table[:, position] if group in sums else table[:, position]
        return tuple((group, np.ascontiguousarray(values)) for group, values in sums.items())


def _work(node: _Split | _Leaf) -> int:
    if isinstance(node, _Leaf):
        return len(node.tables)
    return 1 + _work(node.left) + (_work(node.right) if node.right is not None else 0)


def _went_on(covers: tuple[float, ...], path: tuple[int, ...], column: int, share: float) -> tuple[float, ...]:
    if column not in path:
        return (*covers, share)
    return tuple(cover * share if asked == column else cover for asked, cover in zip(path, covers, strict=True))


def float32_below(threshold: float) -> np.float32:
    """Rows are float32: x <= threshold exactly when x <= the largest float32 not above it."""
    rounded = np.float32(threshold)
    return np.nextafter(rounded, np.float32(-np.inf)) if float(rounded) > threshold else rounded


def _walk(split: _Split | _Leaf, pattern: Pattern, matrix: Matrix) -> Iterator[tuple[Pattern, Tables]]:
    """Every leaf (or pair of leaves) with each row's pattern there."""
    if isinstance(split, _Leaf):
        yield pattern, split.tables
        return
    values = matrix[:, split.column]
    goes_left = ~(values > split.threshold) if split.unknown_goes_left else values <= split.threshold
    met = goes_left.view(np.uint8)
    yield from _walk(split.left, _with_bit(pattern, met, split.repeats), matrix)
    if split.right is not None:
        yield from _walk(split.right, _with_bit(pattern, met ^ np.uint8(1), split.repeats), matrix)


def _with_bit(pattern: Pattern, met: Pattern, repeats: int | None) -> Pattern:
    if repeats is None:
        return (pattern << np.uint8(1)) | met
    # Asked again: the row meets the column's decisions when it meets all of them.
    return pattern & ((met << np.uint8(repeats)) | np.uint8(0xFF ^ (1 << repeats)))


def shapley_table(covers: Numbers, leaf: float) -> Numbers:
    """Patterns (2^d) x features (d): path-dependent Shapley values at one leaf.

    For feature i: leaf * (b_i - r_i) * integral over t in 0..1 of the product over j != i of (t b_j + (1-t) r_j), with
    b: the row meets j's decisions; r: share of training rows that did. Gauss-Legendre with d/2 nodes is exact.
    """
    plan = _plan(len(covers))
    factors = plan.t * plan.met[:, :, None] + (1 - plan.t) * covers[:, None]  # patterns x features x nodes
    others = factors[:, plan.others].prod(axis=2)
    table: Numbers = leaf * (plan.met - covers) * (others @ plan.weights)
    return table


class _Plan(NamedTuple):
    """What does not depend on the leaf. Worked out once per depth: a model has thousands of leaves."""

    met: Numbers  # patterns x features: 0 or 1
    others: npt.NDArray[np.int64]  # features x the other features
    t: Numbers
    weights: Numbers


@cache
def _plan(d: int) -> _Plan:
    nodes, weights = np.polynomial.legendre.leggauss((d + 1) // 2)
    met = ((np.arange(2**d)[:, None] >> np.arange(d - 1, -1, -1)) & 1).astype(np.float64)
    others = np.array([[j for j in range(d) if j != i] for i in range(d)], dtype=np.int64).reshape(d, d - 1)
    return _Plan(met, others, (nodes + 1) / 2, weights / 2)
