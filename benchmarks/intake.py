"""A large delivery taken in whole, beside a bare `polars.read_csv` and `write_parquet` of the same file.

    python benchmarks/intake.py                      # half a gigabyte of KEPCO's and of the credit bureau's files
    python benchmarks/intake.py --gigabytes 5        # eight minutes; bare needs 14 GiB

Ours is everything a night does with a file: digest, sealed copy, contract, tokens, comparison of rows, one commit of
the lake, the record. Bare reads all columns with their types inferred; of CP949 Polars has Python decode the whole
file first, in its own time and about three times the file's size in memory. Each side runs in a process of its own, one
after the other, one source at a time; all files are gone at the end. The first run on a machine compiles the hashing,
which counts. JSON on standard output.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import polars as pl

ROOT = Path(__file__).resolve().parent.parent
# benchmarks/features.py, beside this script, would hide the room of that name.
sys.path[:] = [str(ROOT), *(place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent)]

from signals.agencies import AGENCIES
from signals.catalogue import SIGNALS
from signals.layout import Layout
from signals.registers import REGISTERS

ROWS = 200_000  # made at a time
NIGHT = date(2026, 11, 2)
SOURCES = ("kepco", "kcredit")  # addresses in CP949; persons in UTF-8
MOST_TIMES, MOST_GIB = 4.0, 2.0


def main() -> None:
    told = _arguments()
    if told.side == "bare":
        print(json.dumps(_bare(Path(told.file), told.source)))
    elif told.side == "ours":
        print(json.dumps(_ours(Path(told.file))))
    else:
        found = [_beside(source, told) for source in told.sources]
        print(json.dumps({"benchmark": "intake", "gigabytes": told.gigabytes, "sources": found}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=0.5)
    parser.add_argument("--sources", nargs="+", default=list(SOURCES), choices=[*AGENCIES, "residents", "addresses"])
    parser.add_argument("--folder", type=Path, help="where there is room for three times the size; default: temporary")
    parser.add_argument("--side", choices=["bare", "ours"], help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    parser.add_argument("--source", help=argparse.SUPPRESS)
    return parser.parse_args()


def _beside(source: str, told: argparse.Namespace) -> dict[str, object]:
    with tempfile.TemporaryDirectory(dir=told.folder) as folder:
        file = Path(folder) / f"{source}_202608_20261015.csv"
        rows = make_file(file, source, int(told.gigabytes * 1e9))
        size = file.stat().st_size
        bare, ours = (_in_own_process(side, file, source) for side in ("bare", "ours"))
    times = ours["seconds"] / bare["seconds"]
    return {
        "source": source,
        "gigabytes": round(size / 1e9, 2),
        "rows": rows,
        **ours,
        **{f"bare_{name}": figure for name, figure in bare.items()},
        "times": round(times, 2),
        "times_by_cpu": round(ours["cpu_seconds"] / bare["cpu_seconds"], 2),
        "holds": times <= MOST_TIMES and ours["peak_gib"] <= MOST_GIB,
    }


def _in_own_process(side: str, file: Path, source: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--side", side, "--file", str(file), "--source", source]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found: dict[str, float] = json.loads(result.stdout)
    return found


def _bare(file: Path, source: str) -> dict[str, float]:
    layout = _layout(source)
    start = _now()
    encoding = "utf8" if layout.encoding == "utf-8-sig" else layout.encoding
    pl.read_csv(file, separator=layout.separator, encoding=encoding).write_parquet(file.with_suffix(".parquet"))
    return _cost(start)


def _ours(file: Path) -> dict[str, float]:
    import yaml

    from flows.desk import open_desk
    from flows.inbox import take_in

    config, work = file.with_name("config.yaml"), file.with_name("work")
    settings = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    config.write_text(yaml.safe_dump({**settings, "database": None}, allow_unicode=True), encoding="utf-8")
    with open_desk(config, work) as desk:
        os.link(file, desk.inbox / file.name)
        start = _now()
        (taken,) = take_in(desk, NIGHT)
        cost = _cost(start)
    return {**cost, "received": taken.received, "accepted": taken.accepted, "set_aside": taken.set_aside}


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _cost(start: tuple[float, float]) -> dict[str, float]:
    seconds, cpu = _now()
    return {
        "seconds": round(seconds - start[0], 2),
        "cpu_seconds": round(cpu - start[1], 2),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }


def _layout(source: str) -> Layout:
    return REGISTERS[source].layout if source in REGISTERS else AGENCIES[source].layout


def make_file(file: Path, source: str, size: int) -> int:
    """Good rows for the most part, of those with amounts every thousandth with an absurd one. Returns how many."""
    layout, rows = _layout(source), 0
    with file.open("wb") as out:
        while out.tell() < size:
            table = made_up(source, layout, rows).write_csv(
                separator=layout.separator, include_header=rows == 0, line_terminator="\r\n"
            )
            out.write(table.encode("utf-8-sig" if rows == 0 and layout.encoding == "utf-8-sig" else _plain(layout)))
            rows += ROWS
    return rows


def _plain(layout: Layout) -> str:
    return "utf-8" if layout.encoding == "utf-8-sig" else layout.encoding


def made_up(source: str, layout: Layout, first: int) -> pl.DataFrame:
    """Cells of as many different people and homes as there are rows, in the source's own columns."""
    number = pl.int_range(first, first + ROWS, eager=True, dtype=pl.Int64).alias("number").to_frame()
    n, mixed = pl.col("number"), (pl.col("number") * 2_654_435_761) % 4_294_967_296
    code = next((s.source_code for s in SIGNALS.values() if s.agency == source), "")
    region = _one_of(
        mixed, ["서울특별시 종로구", "부산광역시 해운대구", "경기도 수원시 팔달구", "강원특별자치도 춘천시"]
    )
    road = _one_of(mixed // 7, ["가람로", "은행나무길", "행복로12번길", "중앙대로", "새싹길"])
    block, flat = 101 + n // 40 % 5, (n % 40 // 4 + 1) * 100 + n % 4 + 1
    address = pl.format("{} {} {}, {}동 {}호 (행복동)", region, road, n // 200 + 1, block, flat)
    birth = pl.format(
        "{}{}{}", _digits(40 + mixed % 60, 2), _digits(mixed // 11 % 12 + 1, 2), _digits(mixed // 13 % 28 + 1, 2)
    )
    start = {"residents": "2020-03-01", "addresses": "20200301"}.get(source, layout.dates)
    cells = {
        "person_no": pl.format("{}-1{}", birth, _digits(n % 1_000_000, 6)),
        "address": address,
        "source_code": pl.lit(code),
        "month": pl.lit(layout.dates),  # a format is written as one day of it
        "months": (mixed // 3 % 20 + 3).cast(pl.String),
        "amount": pl.when(n % 1000 == 999).then(99_999_999_999).otherwise(mixed % 900_000 + 10_000).cast(pl.String),
        "name": pl.format("가상{}", _one_of(mixed, ["하나", "두리", "세찬", "네온"])),
        "phone": pl.format("010-{}-{}", _digits(mixed // 17 % 10_000, 4), _digits(n % 10_000, 4)),
        "household_no": pl.format("H{}", _digits(n // (2 if source == "residents" else 1), 9)),
        "is_head": _one_of(n, ["Y", "N"]),
        "valid_from": pl.lit(start),
        "housing": _one_of(mixed // 5, ["아파트", "단독·다가구주택", "원룸·오피스텔"]),
        "office": pl.lit("1111051500"),
    }
    return number.select(
        cells.get(c.field, pl.lit("") if c.field != "dropped" else _digits(n, 10)).alias(c.header)
        for c in layout.columns
    )


def _one_of(number: pl.Expr, words: list[str]) -> pl.Expr:
    return (number % len(words)).replace_strict(dict(enumerate(words)), return_dtype=pl.String)


def _digits(number: pl.Expr, width: int) -> pl.Expr:
    return number.cast(pl.String).str.zfill(width)


if __name__ == "__main__":
    main()
