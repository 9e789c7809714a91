"""One delivery: agency words to ours, identifiers to keyed tokens at once. Block by block: no large file is held."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeVar, get_args

import polars as pl
import polars.selectors as cs

from features.ranges import cuts
from flows.standstill import went_on
from signals.agencies import AGENCIES
from signals.blocks import BAD, Reader, between_rows, split_block, warnings_of, with_columns_at_fault
from signals.delivery import DeliveryName
from signals.readers import addresses_reader, contacts_reader, observations_reader, residents_reader
from signals.rows import Head, blocks
from signals.signal import KeyKind
from store.keys import Keys
from store.lake import KEYS, TABLES, Table
from store.spill import Piece, Spill
from store.tokens import Domain, tokens

T = TypeVar("T")
S = TypeVar("S")
_Key = Callable[[pl.Series, Domain], pl.Series]

# A range of a delivery's keys: what is held when its rows are compared, sorted and appended.
BYTES_PER_RANGE: Final = 128 << 20
# From here on it pays to compile the hashing, eight seconds once on a machine.
_BYTES_WORTH_COMPILING: Final = 128 << 20
# Polars uses every core for one block's sorts, but one for its texts.
_WORKERS: Final = 2
_LINES: Final = 100_000  # of a reply, at a time
_KEY_KINDS: Final = pl.Enum(get_args(KeyKind))
_HOUSEHOLD: Final[Mapping[str, tuple[str, Domain]]] = {"household_key": ("household_no", "household")}


@dataclass(frozen=True, slots=True)
class Source:
    """How the deliveries of one source are read, and where their rows go."""

    table: Table
    reader: Reader
    keyed: Mapping[str, tuple[str, Domain]]  # column of the table -> identifier in clear, its domain
    stamps: Mapping[str, pl.Expr]  # columns of the table that the name of the file tells


@dataclass(frozen=True, slots=True)
class Tokenised:
    """accepted + bad.height == received. Rows in ranges of the table's key."""

    source: Source
    received: int
    accepted: int
    bad: pl.DataFrame  # signals.blocks.BAD, by row
    leftover: tuple[str, ...]
    warnings: tuple[str, ...]
    counts: Mapping[str, int]  # rows accepted, by signal
    stamps: Mapping[str, pl.Expr]
    ranges: int
    rows: Spill

    @property
    def table(self) -> Table:
        return self.source.table

    def frames(self) -> Iterator[pl.DataFrame]:
        """Schemas of signals.tables (Categorical: few words), no identifier in clear; by key, however it was cut."""
        schema = TABLES[self.table]
        for rows in self.in_clear():
            stamped = rows.with_columns(**self.stamps).select(schema.names())
            words = stamped.select(cs.by_dtype(pl.Categorical, pl.Enum)).columns
            yield stamped.cast({name: kind for name, kind in schema.items() if name not in words})

    def whole(self) -> pl.DataFrame:
        schema = TABLES[self.table]
        return pl.concat([pl.DataFrame(schema=schema), *(rows.cast(schema) for rows in self.frames())])

    def set_aside(self) -> Iterator[pl.DataFrame]:
        """signals.blocks.SET_ASIDE, by row."""
        layout = self.source.reader.layout
        return (with_columns_at_fault(lines, layout) for lines in self.bad.iter_slices(_LINES) if lines.height)

    def in_clear(self) -> Iterator[pl.DataFrame]:
        """As accepted: identifiers of registers beside their tokens."""
        for part in range(self.ranges):
            if pieces := self.rows.take(part):
                yield pl.concat(pieces)


def source_of(name: DeliveryName) -> Source:
    match name.source:
        case "residents":
            return Source(
                "residents", residents_reader(name), {"person_key": ("person_no", "person"), **_HOUSEHOLD}, {}
            )
        case "addresses":
            keyed: dict[str, tuple[str, Domain]] = {
                "address_key": ("address", "address"),
                "building_key": ("building", "address"),
            }
            return Source("addresses", addresses_reader(name), {**keyed, **_HOUSEHOLD}, {})
        case "contacts":
            return Source("contacts", contacts_reader(name), _HOUSEHOLD, {"alert": pl.col("case_no")})
        case code:
            agency = AGENCIES[code]
            key_kind = {"key_kind": pl.lit(agency.key_kind, dtype=_KEY_KINDS)}
            reader = observations_reader(agency, name)
            return Source("observations", reader, {"key": ("identifier", agency.key_kind)}, key_kind)


def tokenise(
    chunks: Iterable[bytes],
    head: Head,
    source: Source,
    stamps: Mapping[str, pl.Expr],
    keys: Keys,
    size: int,
    scratch: Path,
) -> Tokenised:
    """chunks: the file, of about `size` bytes; scratch: a folder for what is too much to hold."""
    ranges = 1 + size // BYTES_PER_RANGE
    rows = Spill(scratch if ranges > 1 else None)
    told: list[_Told] = []
    with ThreadPoolExecutor(_WORKERS) as pool:
        key = partial(tokens, keys=keys, are_many=size >= _BYTES_WORTH_COMPILING)
        read = partial(_read, head=head, source=source, key=key, rows=rows, ranges=ranges)
        for one in _in_order(pool, read, blocks(chunks)):
            for part, piece in one.pieces:
                rows.put(piece, part)
            told.append(replace(one, pieces=[]))
            went_on()
        for one in _in_order(pool, partial(_compare, source=source, rows=rows), range(ranges)):
            for part, piece in one.pieces:
                rows.replace(part, piece)
            told.append(replace(one, pieces=[]))
    received = sum(one.received for one in told)
    bad = pl.concat([pl.DataFrame(schema=BAD), *(one.bad for one in told)]).sort("row_no")
    return Tokenised(
        source,
        received,
        received - bad.height,
        bad,
        head.leftover,
        warnings_of(received, sum(one.unreadable_phones for one in told)),
        sum((Counter(one.counts) for one in told), Counter()),
        {**stamps, **source.stamps},
        ranges,
        rows,
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """What one block, or one range, adds to the whole."""

    pieces: list[tuple[int, Piece]]  # range, rows
    bad: pl.DataFrame
    received: int = 0
    unreadable_phones: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)


def _read(numbered: tuple[int, bytes], head: Head, source: Source, key: _Key, rows: Spill, ranges: int) -> _Told:
    block = split_block(numbered[1], head, source.reader, numbered[0])
    keyed = block.good.with_columns(
        key(block.good[clear], domain).alias(name) for name, (clear, domain) in source.keyed.items()
    )
    if source.table == "observations":
        # Nothing needs the identifier from here on: two that share a token are one in the lake.
        keyed = keyed.drop("identifier").cast({"months": pl.Int16})
    pieces = [(part, rows.seal(piece, part)) for part, piece in _in_ranges(keyed, KEYS[source.table], ranges)]
    return _Told(pieces, block.bad, block.received, block.unreadable_phones)


def _in_ranges(keyed: pl.DataFrame, key: str, ranges: int) -> Iterator[tuple[int, pl.DataFrame]]:
    if ranges == 1:
        yield 0, keyed
        return
    ordered = keyed.sort(key, maintain_order=True)
    for part, (first, end) in enumerate(pairwise(cuts(ordered[key], ranges).tolist())):
        if first < end:
            yield part, ordered[first:end]


def _compare(part: int, source: Source, rows: Spill) -> _Told:
    """All rows of some identifiers are together: what only they show. Rows that are bad leave the range."""
    found = rows.take(part)
    if not found:
        return _Told([], pl.DataFrame(schema=BAD))
    # In order of the blocks, and within one by row: of equal rows the first stands first.
    key = pl.col(KEYS[source.table])
    together = pl.concat(found).sort(key, maintain_order=True)
    alike = together.filter((key == key.shift(1)) | (key == key.shift(-1)))
    bad = between_rows(alike, source.reader)
    good = together.join(bad, on="row_no", how="anti", maintain_order="left") if bad.height else together
    counts: Mapping[str, int] = {}
    if source.table == "observations":
        counts = dict(good["signal"].value_counts().iter_rows())
        good = good.drop("row_no")
    return _Told([(part, rows.seal(good, part))], bad, counts=counts)


def _in_order(pool: ThreadPoolExecutor, work: Callable[[T], S], items: Iterable[T]) -> Iterator[S]:
    """One item more than there are workers is under way, so that none of them waits and few are held."""
    waiting: deque[Future[S]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) > _WORKERS:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
