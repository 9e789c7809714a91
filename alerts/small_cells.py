"""Small counts (1-10) of published tables, hidden together with whatever would reveal them.

Every published figure is a sum of some disjoint parts (of households, of alerts) at a place, and places form a tree:
country, region, district, office. A reader can subtract: parts from their total, children from their parent. So what is
hidden among the children of a place is a block, some rows by some parts: whatever is moved within it leaves all sums of
the place as they stand, and what is hidden at a place is hidden in all below it. How far a figure can then lie from the
truth follows in closed form from the sums of its row and its columns (a transportation polytope); rows and parts are
added to the block until that is far enough. tests/alerts/test_small_cells.py asks a solver, knowing all that is shown.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

SMALL: Final = 10
# All that is shown must leave a hidden count an interval this wide: not even whether it is small can be told.
ROOM: Final = SMALL + 1

Place = tuple[str, ...]  # from the country down
Measure = frozenset[int]  # the parts it sums
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Veil:
    """What is hidden of one place."""

    parts: frozenset[int] = frozenset()  # and every measure that holds some of them, but not all
    is_whole: bool = False  # all of it, its total too

    def hides(self, measure: Measure) -> bool:
        return self.is_whole or bool(self.parts & measure and self.parts - measure)


@dataclass(frozen=True, slots=True)
class Kind:
    """A way of counting: disjoint parts, and the sums of them that are shown, their total among them."""

    parts: tuple[str, ...]
    measures: Mapping[str, Measure]
    cover: tuple[int, ...]  # the order in which parts are hidden for the sake of others: the least missed first

    @property
    def asked(self) -> tuple[Measure, ...]:
        """Differences of measures can be told too: each part is protected as if it were shown."""
        return tuple(dict.fromkeys([*self.measures.values(), *(frozenset([part]) for part in range(len(self.parts)))]))


def kind_of(
    parts: Sequence[str], measures: Mapping[str, Sequence[str]], *, total: str, cover: Sequence[str] = ()
) -> Kind:
    """By names. Parts that `cover` does not name come after those it names."""
    place = {name: number for number, name in enumerate(parts)}
    order = (*cover, *(name for name in parts if name not in cover))
    sums = {name: frozenset(place[part] for part in of) for name, of in ({**measures, total: parts}).items()}
    return Kind(tuple(parts), sums, tuple(place[name] for name in order))


def told_of(leaves: Mapping[Place, Sequence[int]], kind: Kind) -> dict[Place, dict[str, int | None]]:
    """Every measure of every place, the leaves and all above them; None where it is hidden."""
    veils = veil(leaves, kind)
    return {
        place: {
            name: None if veils[place].hides(of) else int(row[sorted(of)].sum()) for name, of in kind.measures.items()
        }
        for place, row in summed(leaves).items()
    }


def veil(leaves: Mapping[Place, Sequence[int]], kind: Kind) -> dict[Place, Veil]:
    """Of every place, the leaves and all above them. `leaves`: counts of the parts, all of them equally deep."""
    counts = summed(leaves)
    below: dict[Place, list[Place]] = defaultdict(list)
    for place in sorted(counts):
        if place[:-1] in counts:
            below[place[:-1]].append(place)
    roots = [place for place in counts if place[:-1] not in counts]
    found = {root: _alone(counts[root], kind) for root in roots}
    waiting = list(roots)
    while waiting:
        place = waiting.pop()
        if children := below[place]:
            rows = np.array([counts[child] for child in children])
            found |= zip(children, _Block(rows, kind, found[place]).veils(), strict=True)
            waiting += children
    return found


def summed(leaves: Mapping[Place, Sequence[int]]) -> dict[Place, Counts]:
    """Of every place above a leaf, and the leaves."""
    counts: dict[Place, Counts] = {}
    for leaf, values in leaves.items():
        for depth in range(1, len(leaf) + 1):
            counts[leaf[:depth]] = counts.get(leaf[:depth], 0) + np.asarray(values, dtype=np.int64)
    return counts


def is_small(count: int) -> bool:
    return 0 < count <= SMALL


def _alone(row: Counts, kind: Kind) -> Veil:
    """Of a place that nothing else is subtracted from."""
    if is_small(int(row.sum())):
        return Veil(is_whole=True)
    parts = {part for part, count in enumerate(row) if is_small(int(count))}
    for part in _covers(row, kind, parts):
        if not parts or row[list(parts)].sum() >= ROOM:
            break
        parts.add(part)
    return Veil(frozenset(parts))


def _covers(row: Counts, kind: Kind, parts: set[int]) -> Iterator[int]:
    return (part for part in kind.cover if part not in parts and row[part])


class _Block:
    """The children of one place."""

    def __init__(self, rows: Counts, kind: Kind, above: Veil) -> None:
        self.rows, self.kind, self.above = rows, kind, above
        self.totals = rows.sum(axis=1)
        self.sums = rows.sum(axis=0)
        self.parts = set(above.parts)
        self.whole: set[int] = set()
        self.hidden = set(range(len(rows))) if self.parts else set[int]()

    def veils(self) -> list[Veil]:
        everything = [Veil(is_whole=True)] * len(self.rows)
        if self.above.is_whole:
            return everything
        if (self.totals > 0).sum() <= 1:
            return [self.above if total else Veil() for total in self.totals]
        self.whole = {row for row, total in enumerate(self.totals) if is_small(int(total))}
        while repair := self._wanted():
            if not repair():
                return everything
        return [
            Veil(is_whole=True) if row in self.whole
            else Veil(frozenset(self.parts)) if row in self.hidden
            else Veil()
            for row in range(len(self.rows))
        ]  # fmt: skip

    def _wanted(self) -> Callable[[], bool] | None:
        """What is to be done next; None: every small count is hidden well enough."""
        for row, measure in self._small():
            parts = {part for part in measure if self.rows[row, part]}
            if row not in self.hidden or not parts <= self.parts:
                return partial(self._hide, row, parts)
            if not self._is_roomy({row}, measure):
                return partial(self._widen, row, measure)
        for measure in self._told_of_whole():
            if not self._is_covered(measure):
                return partial(self._hide_one_more, measure)
        return None

    def _told_of_whole(self) -> list[Measure]:
        """What a reader can tell of the places that show nothing, all together. What is hidden above is known there in
        one sum."""
        shown = [measure for measure in self.kind.asked if not self.above.hides(measure)]
        return shown + [self.above.parts] * bool(self.above.parts)

    def _is_covered(self, measure: Measure) -> bool:
        """Together the places that show nothing have many of it or none, or others hide it too."""
        count = int(self.rows[sorted(self.whole)][:, sorted(measure)].sum())
        if not count or (count >= ROOM and len(self.whole) > 1):
            return True
        others = self.hidden - self.whole
        is_split = bool(self.parts & measure and self.parts - measure)
        return bool(others) and len(self.whole) > 1 and is_split and self._is_roomy(self.whole, measure)

    def _hide_one_more(self, measure: Measure) -> bool:
        """One more place shows nothing. False: no other has any of it."""
        count = int(self.rows[sorted(self.whole)][:, sorted(measure)].sum())
        row = self._enough(measure, ROOM - count, self.whole)
        if row is None:
            return False
        self.whole.add(row)
        return True

    def _small(self) -> Iterator[tuple[int, Measure]]:
        for measure in self.kind.asked:
            for row in np.flatnonzero(np.isin(self.rows[:, sorted(measure)].sum(axis=1), range(1, SMALL + 1))):
                if row not in self.whole:
                    yield int(row), measure

    def _hide(self, row: int, parts: set[int]) -> bool:
        self.hidden.add(row)
        self.parts |= parts
        return True

    def _sums(self, rows: set[int], measure: Measure) -> tuple[int, int, int]:
        """Of what is hidden: in the rows, of the measure, in all."""
        block = self.rows[sorted(self.hidden | self.whole)][:, sorted(self.parts)]
        of = [place for place, part in enumerate(sorted(self.parts)) if part in measure]
        return int(self.rows[sorted(rows)][:, sorted(self.parts)].sum()), int(block[:, of].sum()), int(block.sum())

    def _is_roomy(self, rows: set[int], measure: Measure) -> bool:
        in_rows, of_measure, in_all = self._sums(rows, measure)
        if self._is_hidden_above(measure):
            return in_rows >= ROOM
        return min(in_rows, of_measure) - max(0, in_rows + of_measure - in_all) >= ROOM

    def _is_hidden_above(self, measure: Measure) -> bool:
        """A count that is small above is not known there: how far it can lie from the truth was seen to above."""
        return self.above.hides(measure) and is_small(int(self.sums[sorted(measure)].sum()))

    def _widen(self, row: int, measure: Measure) -> bool:
        """One more part, or one more row. False: there is neither."""
        in_row, of_measure, _ = self._sums({row}, measure)
        lacking = ROOM - of_measure
        wanted = measure if lacking > 0 else frozenset(self.parts)
        more = self._enough(wanted, max(lacking, ROOM), self.hidden | self.whole)
        if in_row >= ROOM and more is not None:
            return self._hide(more, set())
        for part in _covers(self.rows[row], self.kind, self.parts):
            return self._hide(row, {part})
        rest = [part for part in self.kind.cover if part not in self.parts and self.sums[part]]
        return bool(rest) and self._hide(row, {rest[0]})

    def _enough(self, measure: Measure, lacking: int, besides: set[int]) -> int | None:
        """Of the rows outside the smallest that has so many of it, or the one that has most. None: none has any."""
        sums = self.rows[:, sorted(measure)].sum(axis=1)
        sums[sorted(besides)] = 0
        if not sums.any():
            return None
        enough = np.flatnonzero(sums >= lacking)
        return int(enough[self.totals[enough].argmin()]) if enough.size else int(sums.argmax())
