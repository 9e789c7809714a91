"""Prepared -> one row of numbers per household, with the facts and the evidence that officers read."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from features.across import Across
from features.catalogue import Feature, feature_list
from features.contacts import contact_values, summarise_contacts
from features.evidence import Evidence, evidence_of, join_evidence, relieved_domains
from features.household import SENIOR_FROM, address_status, household_values
from features.kinds import Values, measure
from features.pairs import Ints, Told, told_of
from features.prepared import Prepared
from features.shapes import shapes_of
from signals.signal import Housing, Signal

Matrix = npt.NDArray[np.float32]  # (features, households): a feature is one contiguous row
Rows = Mapping[str, Matrix]


@dataclass(frozen=True, slots=True)
class Built:
    features: pl.DataFrame  # household_key, then feature_list's columns as float32; sorted by household_key
    facts: pl.DataFrame  # one row per household, same order
    evidence: pl.DataFrame  # features.evidence.EVIDENCE


def build(prepared: Prepared, households: pl.Series | None = None, wanted: Collection[str] | None = None) -> Built:
    """`households`: only these, by key. `wanted`: only these features; facts and evidence are the same."""
    homes = prepared.households
    if households is not None:
        homes = homes.filter(pl.col("household_key").is_in(households.implode()))
    homes = homes.with_row_index("row")
    contacts = _placed(prepared.contacts, homes)
    told = told_of(_placed(prepared.observations, homes), homes.height, len(prepared.signals))

    listed = tuple(f for f in feature_list(prepared.catalogue) if wanted is None or f.name in wanted)
    matrix: Matrix = np.empty((len(listed), homes.height), np.float32)
    rows = {feature.name: row for feature, row in zip(listed, matrix, strict=True)}
    across, evidence, benefits = _fill_signals(rows, prepared, told, homes)
    evidence_frame = join_evidence(evidence, homes["household_key"])
    status = address_status(homes, contacts)
    summary = summarise_contacts(contacts, prepared.as_of)
    _fill_groups(rows, listed, "across", across.values())
    _fill_groups(rows, listed, "household", household_values(homes, status, benefits, prepared.as_of))
    _fill_groups(rows, listed, "contacts", contact_values(summary, homes.height))
    # By way of Arrow the columns are the matrix itself, not copies.
    features = pl.DataFrame([homes["household_key"], *(pl.Series(f, pa.array(row)) for f, row in rows.items())])
    relieved = relieved_domains(evidence_frame, prepared.signals)
    return Built(features, _facts(homes, status, summary, relieved), evidence_frame)


def _placed(frame: pl.DataFrame, homes: pl.DataFrame) -> pl.DataFrame:
    """Only what is of these households, row = their place among them."""
    return frame.join(homes.select("household_key", "row"), on="household_key")


def _fill_signals(
    rows: Rows, prepared: Prepared, told: list[Told], homes: pl.DataFrame
) -> tuple[Across, list[tuple[Signal, Evidence]], npt.NDArray[np.float64]]:
    across = Across(prepared.as_of, homes.height)
    benefits = np.zeros(homes.height)
    evidence = []
    # A handful of different ones among the whole catalogue.
    not_covered_by: dict[frozenset[Housing] | None, Ints] = {}
    for signal, feed, of_signal in zip(prepared.signals, prepared.feeds, told, strict=True):
        named = ((f"{signal.name}__{shape.name}", shape) for shape in shapes_of(signal))
        block = [(rows[name], shape) for name, shape in named if name in rows]
        if not feed.is_open:
            for row, _ in block:
                row.fill(np.nan)
            continue
        measured = measure(signal, feed, of_signal)
        if signal.covers_housing not in not_covered_by:
            not_covered_by[signal.covers_housing] = _not_covered(signal, homes)
        not_covered = not_covered_by[signal.covers_housing]
        for row, shape in block:
            is_known = not shape.lag or shape.lag < len(feed.lags)
            row.fill(shape.empty if is_known else np.nan)
            row[not_covered] = np.nan
            row[measured.rows] = measured.values[shape.name]
        across.add(signal, feed, of_signal, measured)
        benefits[measured.rows] += measured.is_live & bool(signal.relieves)
        evidence.append((signal, evidence_of(signal, of_signal, measured)))
    return across, evidence, benefits


def _not_covered(signal: Signal, homes: pl.DataFrame) -> Ints:
    if signal.covers_housing is None:
        return np.empty(0, np.int64)
    is_covered = homes["housing"].cast(pl.String).is_in(sorted(signal.covers_housing)).fill_null(False)
    return np.flatnonzero(~is_covered.to_numpy())


def _fill_groups(rows: Rows, listed: tuple[Feature, ...], group: str, values: Values) -> None:
    for feature in listed:
        if feature.group == group:
            rows[feature.name][:] = values[feature.name.removeprefix(f"{group}__")]


def _facts(homes: pl.DataFrame, status: pl.Series, summary: pl.DataFrame, relieved: pl.DataFrame) -> pl.DataFrame:
    joined = (
        homes.with_columns(
            address_status=status,
            has_child=pl.col("children") > 0,
            has_senior=pl.col("oldest_age") >= SENIOR_FROM,
            lives_alone=pl.col("members") == 1,
        )
        .join(summary, on="row", how="left", maintain_order="left")
        .join(relieved, on="household_key", how="left", maintain_order="left")
    )
    nothing = pl.lit([], pl.List(pl.String))
    return joined.select(
        "household_key",
        "office",
        pl.col("housing").cast(pl.String),
        "address_status",
        pl.col("members").cast(pl.Int32),
        pl.col("head_age").cast(pl.Int32),
        "has_child",
        "has_senior",
        "lives_alone",
        pl.col("prior_selections").fill_null(0).cast(pl.Int32),
        "last_outcome",
        "last_contacted_on",
        pl.col("relieved").fill_null(nothing),
    )
