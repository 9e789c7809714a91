"""The offices a queue is made for: a CSV the operator keeps."""

from pathlib import Path

import polars as pl

from flows.errors import OperatorError

OFFICES = pl.Schema(
    {
        "office": pl.String,  # 행정동 code, 10 digits
        "name_ko": pl.String,
        "district": pl.String,  # 시군구 code, 5 digits
        "district_ko": pl.String,
        "region_ko": pl.String,
        "capacity": pl.Int64,  # open alerts it can hold; empty: queue.capacity of config.yaml
    }
)


def read_offices(file: Path) -> pl.DataFrame:
    try:
        text = pl.read_csv(file, infer_schema=False, encoding="utf8-lossy")
    except FileNotFoundError:
        raise OperatorError("offices", f"{file} does not exist", f"write it with the columns {_columns()}") from None
    except (pl.exceptions.PolarsError, OSError) as error:
        raise OperatorError("offices", f"{file} is no CSV ({type(error).__name__})", "write it as UTF-8 CSV") from None
    text = text.rename({name: name.removeprefix("\ufeff").strip() for name in text.columns})
    if missing := [name for name in OFFICES if name not in text.columns]:
        raise OperatorError("offices", f"{file} lacks {', '.join(missing)}", f"its columns are {_columns()}")
    return _checked(text.select(OFFICES.names()).with_columns(pl.col(pl.String).str.strip_chars()), file)


def _checked(text: pl.DataFrame, file: Path) -> pl.DataFrame:
    # Codes become folder names: nothing but digits may pass.
    wrong = {
        "office": ~pl.col("office").str.contains(r"^[0-9]{10}$").fill_null(False),
        "district": ~pl.col("district").str.contains(r"^[0-9]{5}$").fill_null(False),
        "capacity": ~pl.col("capacity").fill_null("0").str.contains(r"^[0-9]{1,5}$"),
        "office (twice)": pl.col("office").is_duplicated(),
    }
    for column, rule in wrong.items():
        if rows := text.select(rule.arg_true()).to_series().to_list():
            what = f"{file} · row {rows[0] + 2} · {column}: not usable ({len(rows)} such rows)"
            raise OperatorError(
                "offices", what, "codes are 10 and 5 digits as text, each office once; capacity a number"
            )
    return text.cast({"capacity": pl.Int64}).sort("office")


def _columns() -> str:
    return ", ".join(OFFICES.names())
