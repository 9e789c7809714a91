"""config.yaml, typed. Each room receives the small part it needs, never the whole."""

from datetime import date
from difflib import get_close_matches
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from flows.errors import OperatorError
from signals.agencies import AGENCIES
from signals.calendar import SOURCES
from signals.catalogue import SIGNALS
from signals.signal import Housing
from store.purposes import Purpose

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(gt=0)]
OfficeCode = Annotated[str, Field(pattern=r"^[0-9]{10}$")]
DistrictCode = Annotated[str, Field(pattern=r"^[0-9]{5}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Inbox(_Part):
    whole_when: Literal["line_end", "quiet", "marker"]
    quiet_minutes: Annotated[float, Field(ge=0)]


class Source(_Part):
    """Where an agency lays its deliveries ready. Credentials come from the environment, never from here."""

    source: str
    place: str | None = None
    database: str | None = None
    table: str | None = None
    columns: dict[str, str] = {}
    months: Count = 3

    @field_validator("source")
    @classmethod
    def _known(cls, told: str) -> str:
        if told not in SOURCES:
            raise ValueError(f"no source is called {told}; the codes stand in signals/agencies and signals/registers")
        return told

    @field_validator("place")
    @classmethod
    def _in_full(cls, told: str | None) -> str | None:
        if told is not None and "://" not in told and not Path(told).is_absolute():
            raise ValueError("name a folder in full, or a URL such as s3://bucket/prefix")
        return told

    @field_validator("database")
    @classmethod
    def _without_password(cls, told: str | None) -> str | None:
        if told is not None and "@" in told and ":" in told.partition("://")[2].rpartition("@")[0]:
            raise ValueError("no password here: put it into PGPASSFILE or PGPASSWORD")
        return told

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.place is None) == (self.database is None):
            raise ValueError("name a place or a database: one of the two")
        if self.database is not None and (self.table is None or self.source not in AGENCIES):
            raise ValueError("a database needs its table, and an agency: registers come as files")
        if self.database is not None:
            headers = {column.header for column in AGENCIES[self.source].layout.columns}
            if unknown := sorted(self.columns.keys() - headers):
                raise ValueError(f"{self.source} sends no column {', '.join(unknown)}")
        return self


class Night(_Part):
    households_per_part: Count
    required_sources: tuple[str, ...] | None
    stale_after_days: Count | None
    cohort_jump: Annotated[float, Field(gt=0)]
    drift: Annotated[float, Field(gt=0)]
    clock_back_hours: Annotated[float, Field(ge=0)]


class Engine(_Part):
    kind: Literal["local", "dask"]
    workers: Count
    scheduler: str | None
    lake: str | None
    scratch: str | None
    standstill_minutes: Annotated[float, Field(gt=0)]
    train_network: IPv4Network | None = None

    def within(self, work: Path, base: Path) -> Self:
        """Places in full: null is in the work folder, a relative path is relative to `base`."""
        told = {"lake": self.lake or str(work / "lake"), "scratch": self.scratch or str(work / "scratch")}
        return self.model_copy(update={k: v if "://" in v else str(base / v) for k, v in told.items()})

    @property
    def places(self) -> tuple[str, str]:
        """Of lake and scratch, once settings are loaded."""
        return str(self.lake), str(self.scratch)


class Schedule(_Part):
    """`blindspot serve`; what runs when stands in prefect.yaml."""

    port: Annotated[int, Field(ge=1024, le=65535)]
    database: str | None
    done_by: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class LakeKeeps(_Part):
    # 24 months that features look back, a month begun, and at least a year of rounds to learn from.
    keep_months: Annotated[int, Field(ge=37)]


FIVE_YEARS: Final = 1825  # 사회보장급여법 제34조
_Days = Annotated[int, Field(ge=1, le=FIVE_YEARS)]
_LongDays = Annotated[int, Field(ge=1130, le=FIVE_YEARS)]  # 37 months: what a round learned from needs


class Retention(_Part):
    """Days per class of data; flows.keeping says what each holds."""

    registers_days: _LongDays
    contacts_days: _LongDays
    cases_days: Annotated[int, Field(ge=400, le=FIVE_YEARS)]
    identities_days: _Days
    archive_days: Annotated[int, Field(ge=30, le=FIVE_YEARS)]
    returned_days: Annotated[int, Field(ge=30, le=FIVE_YEARS)]
    outbox_days: Annotated[int, Field(ge=14, le=FIVE_YEARS)]
    replies_days: _Days
    explained_days: Annotated[int, Field(ge=30, le=FIVE_YEARS)]
    scratch_days: _Days
    versions_days: _Days
    logs_days: _Days
    keys_days: _Days


class Transport(_Part):
    recipients: Path


class Research(_Part):
    k: Annotated[int, Field(ge=3)]
    most_suppressed: Annotated[float, Field(ge=0, le=0.2)]


class Bands(_Part):
    very_high: Share
    high: Share

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.high < self.very_high:
            raise ValueError("high must be below very_high")
        return self


class DueDays(_Part):
    urgent: Count
    risk: Count
    trace: Count
    partial: Count


class Criterion(_Part):
    """A district's own rule. Everything named must hold; alerts.criteria says the rest."""

    name_ko: Annotated[str, Field(min_length=1, max_length=100)]
    district: DistrictCode | None = None
    offices: tuple[OfficeCode, ...] = ()
    share: Annotated[float, Field(gt=0, le=1)]
    any_signal: tuple[str, ...] = ()
    lives_alone: bool | None = None
    has_child: bool | None = None
    has_senior: bool | None = None
    housing: tuple[Housing, ...] = ()
    least_head_age: Annotated[int, Field(ge=0, le=120)] | None = None
    most_head_age: Annotated[int, Field(ge=0, le=120)] | None = None
    least_points: Annotated[int, Field(ge=0)] = 0

    @field_validator("any_signal")
    @classmethod
    def _known_signals(cls, told: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in told if name not in SIGNALS]:
            near = [match for name in unknown for match in get_close_matches(name, SIGNALS, n=1)]
            hint = f" (did you mean {', '.join(near)}?)" if near else ""
            raise ValueError(f"no signal is called {', '.join(unknown)}{hint}; the names stand in signals/catalogue")
        return told

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if bool(self.district) == bool(self.offices):
            raise ValueError("name a district or offices: one of the two")
        return self


class Queue(_Part):
    capacity: Count
    capacity_by_office: dict[OfficeCode, Annotated[int, Field(ge=0)]]
    explore_share: Share
    reports_share: Share
    bands: Bands
    due_days: DueDays
    urgent_for_days: Count
    escalate_after_days: Annotated[int, Field(ge=0)]
    cool_down_days: Count
    need_rest_days: Count
    repeat_from: Count
    trace_from: Count
    criteria: tuple[Criterion, ...]


class Model(_Part):
    seed: int
    trees: Count
    leaves: Annotated[int, Field(ge=2, le=32)]
    depth: Annotated[int, Field(ge=1, le=8)]
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    gap_days: Annotated[int, Field(ge=0)]
    min_positives: Count
    leaf_rows: Count
    column_share: Annotated[float, Field(gt=0, le=1)]
    row_share: Annotated[float, Field(gt=0, le=1)]
    ridge: Annotated[float, Field(ge=0)]
    rows_per_part: Count | None = None


class Access(_Part):
    account: str
    place: str
    purpose: Purpose


class Log(_Part):
    """Bounds: the least that 안전성 확보조치 기준 asks for (art. 5: 3 years, art. 8: 2 years, a monthly review)."""

    keep_days: Annotated[int, Field(ge=730)]
    custody_days: Annotated[int, Field(ge=1095)]
    review_days: Annotated[int, Field(ge=1, le=31)]
    day_begins: Annotated[int, Field(ge=0, le=23)]
    day_ends: Annotated[int, Field(ge=1, le=24)]
    mass_export: Count

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.day_begins < self.day_ends:
            raise ValueError("day_begins must be before day_ends")
        return self


Told = Annotated[str, Field(min_length=1)]


class Accountability(_Part):
    """What only the body that runs it can say. Model card, datasheet and transparency record quote it."""

    organisation: Told
    contact: Told
    responsible: Told
    legal_basis: Told
    appeals: Told
    training: Told
    assessment: Told


class Notify(_Part):
    """Addresses hold secrets: they stand in a file or in the environment, never here."""

    urls_file: Path | None
    when: tuple[Literal["refused", "failed", "warnings", "late"], ...]


class Demo(_Part):
    households: Count
    months: Annotated[int, Field(ge=6, le=60)]
    end: date
    seed: int
    as_of: date


class Settings(_Part):
    work: Path
    database: str | None
    keys: Path | None
    offices: Path
    inbox: Inbox
    sources: tuple[Source, ...]
    night: Night
    engine: Engine
    schedule: Schedule
    lake: LakeKeeps
    retention: Retention
    transport: Transport
    research: Research
    queue: Queue
    model: Model
    access: Access
    log: Log
    accountability: Accountability
    notify: Notify
    demo: Demo

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.work / 'blindspot.db'}"

    @property
    def keys_folder(self) -> Path:
        return self.keys or self.work / "keys"


def load_settings(file: Path, work: Path | None = None) -> Settings:
    """Read `file`; relative paths are relative to it. `work` overrides the work folder."""
    try:
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        cure = "name it with --config, or run from the checkout"
        raise OperatorError("config", f"{file} does not exist", cure) from None
    except yaml.YAMLError as error:
        raise OperatorError("config", f"{file} is not YAML: {error}", "mend the line named above") from None
    if not isinstance(raw, dict):
        raise OperatorError("config", f"{file} is empty", "restore it from the checkout")
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        raise OperatorError("config", _told(file, error), "mend config.yaml; every key is explained there") from None
    return _with_absolute_paths(settings, file.resolve().parent, work)


def _told(file: Path, error: ValidationError) -> str:
    lines = (f"{file.name} · {'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors())
    return "\n".join(lines)


def _with_absolute_paths(settings: Settings, base: Path, work: Path | None) -> Settings:
    folder = (work or base / settings.work).resolve()
    keys = base / settings.keys if settings.keys else None
    urls = base / settings.notify.urls_file if settings.notify.urls_file else None
    told = {
        "work": folder, "keys": keys, "offices": folder / settings.offices,
        "engine": settings.engine.within(folder, base),
        "notify": settings.notify.model_copy(update={"urls_file": urls}),
        "transport": settings.transport.model_copy(update={"recipients": folder / settings.transport.recipients}),
    }  # fmt: skip
    return settings.model_copy(update=told)
