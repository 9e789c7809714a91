"""After each training: the page, its machine-readable twin and the cards, in one folder per model."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from alerts.statement import GROUPS_KO
from features import feature_list
from flows.desk import Desk
from flows.knowledge import contacts_known_on
from flows.offices import read_offices
from flows.outlook import Outlook
from flows.queue_settings import capacity_on
from models.bundle import public_key_of, read_passport, unpack
from models.card_html import CARD_TEMPLATES, write_card_page
from models.cards import CARDS, Facts, Operator, Source, write_card
from models.errors import Refused
from models.labels import coverage
from models.model import Model
from models.report_facts import Subject, sample_pushes, tell
from models.report_html import TEMPLATES, write_report_page
from models.report_watch import Watch
from models.train import Trained
from signals.agencies import AGENCIES
from signals.catalogue import SIGNALS
from store import models
from store.faults import StoreError
from store.files import write_whole
from store.tables import StoredModel

ROOT: Final = Path(__file__).parent.parent
NAMES_KO: Final = {**{name: signal.name_ko for name, signal in SIGNALS.items()}, **GROUPS_KO}


def write_reports(
    desk: Desk, as_of: date, stored: StoredModel, matrix: pl.DataFrame, trained: Trained, decision: Mapping[str, Any],
    outlook: Outlook,
) -> Path:  # fmt: skip
    """The folder they stand in. What is told depends on nothing but the training: again, the same bytes.

    `decision`: as the gate is about to write it down."""
    subject = subject_of(desk, as_of, stored, matrix, trained, decision, outlook)
    pushes = sample_pushes(subject)
    told = tell(subject, pushes, np.random.default_rng([desk.settings.model.seed, as_of.toordinal()]))
    labels = {feature.name: feature.label_ko for feature in subject.features}
    folder = desk.work / "reports" / stored.id
    look = _texts("alerts", ("page.css",))["page.css"]
    page = write_report_page(told, pushes, labels, _texts("models", TEMPLATES), look, _places(desk))
    files = {"report.html": page, "report.json": _json(told)}
    facts = Facts(told, Operator(**desk.settings.accountability.model_dump()), _sources())
    for card in CARDS:
        files |= write_card(card, facts)
        files[f"{card.name}.html"] = write_card_page(card, facts, _texts("models", CARD_TEMPLATES), look)
    for name, data in files.items():
        write_whole(folder / name, data)
    return folder


def _sources() -> tuple[Source, ...]:
    return tuple(Source(s.name_ko, AGENCIES[s.agency].name_ko, s.legal_basis, s.kind) for s in SIGNALS.values())


def subject_of(
    desk: Desk, as_of: date, stored: StoredModel, matrix: pl.DataFrame, trained: Trained, decision: Mapping[str, Any],
    outlook: Outlook,
) -> Subject:  # fmt: skip
    key = public_key_of(desk.keys.sign)
    files = models.load_files(desk.work / "models", stored)
    champion, theirs = _champion(desk, decision["champion"])
    watch = Watch(
        outlook.arrivals, outlook.arrivals_by_region, outlook.sources, outlook.queue, outlook.reach,
        capacity_on(desk, read_offices(desk.settings.offices), as_of),
        {code: agency.name_ko for code, agency in AGENCIES.items()},
    )  # fmt: skip
    return Subject(
        passport=read_passport(files, key), model=replace(trained.model, id=stored.id), stored=stored.id, rows=matrix,
        judged=trained.judged, decision=decision, champion=champion, champion_passport=theirs,
        coverage=coverage(contacts_known_on(desk, as_of), as_of), features=feature_list(SIGNALS), names_ko=NAMES_KO,
        watch=watch,
    )  # fmt: skip


def _champion(desk: Desk, name: str | None) -> tuple[Model | None, dict[str, Any] | None]:
    """The one that was judged against. Files that no longer hold are not compared with."""
    found = models.find(desk.engine, name) if name else None
    if found is None:
        return None, None
    key = public_key_of(desk.keys.sign)
    try:
        files = models.load_files(desk.work / "models", found)
        return unpack(files, key), read_passport(files, key)
    except (StoreError, Refused):
        return None, None


def _places(desk: Desk) -> dict[str, str]:
    offices = read_offices(desk.settings.offices)
    regions = offices.select(pl.col("office").str.slice(0, 2), "region_ko").unique().iter_rows()
    named = pl.concat_str("district_ko", "name_ko", separator=" ", ignore_nulls=True)
    return dict(offices.select("office", named).iter_rows()) | dict(regions)


def _texts(room: str, names: tuple[str, ...]) -> dict[str, str]:
    return {name: (ROOT / room / "pages" / name).read_text(encoding="utf-8") for name in names}


def _json(told: Any) -> bytes:
    return (json.dumps(told, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()
