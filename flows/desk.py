"""What a run works with: settings, database, keys, lake, archive, clock."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flows.settings import Settings, load_settings
from store.database import Database, open_database
from store.files import hold, make_folder
from store.keys import Keys, has_keys, keys_folder, load_keys

if TYPE_CHECKING:
    from store.archive import Archive
    from store.lake import Lake


@dataclass(frozen=True, slots=True)
class Glance:
    """Enough to answer what was done: no heavy import, no key."""

    settings: Settings
    engine: Database


@dataclass(frozen=True, slots=True)
class Desk(Glance):
    keys: Keys
    lake: "Lake"
    archive: "Archive"
    repaired: tuple[str, ...] = ()  # what the run before had left

    @property
    def work(self) -> Path:
        return self.settings.work

    @property
    def scratch(self) -> str:
        """A folder of our own for what a run throws away when it ends."""
        return self.settings.engine.places[1]

    @property
    def inbox(self) -> Path:
        return self.work / "inbox"

    @property
    def outbox(self) -> Path:
        return self.work / "outbox"

    @property
    def replies(self) -> Path:
        return self.work / "replies"


def now() -> datetime:
    """The only clock of the product."""
    return datetime.now(UTC)


def today() -> date:
    return now().astimezone(ZoneInfo("Asia/Seoul")).date()


def glance(config: Path, work: Path | None = None) -> Glance:
    settings = load_settings(config, work)
    os.umask(0o077)
    # A core dump would hold names in clear. Workers inherit it.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    make_folder(settings.work)
    return Glance(settings, open_database(settings.database_url))


@contextmanager
def open_desk(config: Path, work: Path | None = None) -> Iterator[Desk]:
    """One run at a time per work folder; the kernel frees the lock however the run ends."""
    from store.archive import Archive
    from store.lake import Lake

    seen = glance(config, work)
    folder = seen.settings.work
    try:
        with hold(folder / "lock") as held:
            keys = _keys(seen)
            lake, archive = Lake(seen.settings.engine.places[0]), Archive(folder / "archive", keys)
            desk = Desk(seen.settings, seen.engine, keys, lake, archive)
            for place in (desk.inbox, desk.outbox, desk.replies):
                make_folder(place)
            yield _repaired(desk) if held.was_left else desk
    finally:
        seen.engine.dispose()


def _repaired(desk: Desk) -> Desk:
    from flows.repair import repair

    return replace(desk, repaired=repair(desk))


def _keys(seen: Glance) -> Keys:
    """Fresh keys only where nothing was ever taken in: new keys beside old data would part every join."""
    from store.deliveries import taken_ids

    folder = keys_folder(seen.settings.keys_folder)
    if not has_keys(folder) and not taken_ids(seen.engine):
        from flows.locksmith import init_keys

        init_keys(seen)
    return load_keys(folder)
