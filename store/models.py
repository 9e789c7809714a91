"""The registry of trained models: bundles in folders that appear whole, one champion at a time."""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from store.database import reading, writing
from store.faults import StoreError
from store.files import read_folder, write_folder
from store.tables import StoredModel


def digest_of(files: Mapping[str, bytes]) -> str:
    """Over names, lengths and bytes: a file added, renamed or changed shows."""
    told = hashlib.sha256()
    for name in sorted(files):
        told.update(f"{name}\0{len(files[name])}\0".encode() + files[name])
    return told.hexdigest()


def save(
    engine: Engine, folder: Path, files: Mapping[str, bytes], *, as_of: date, metrics: dict[str, Any], now: datetime
) -> StoredModel:
    """Files first, then the record, as candidate. The same bytes again come back as they are recorded."""
    digest = digest_of(files)
    name = f"{as_of:%Y%m%d}-{digest[:12]}"
    write_folder(folder / name, files)
    with writing(engine) as session:
        found = session.get(StoredModel, name)
        if found is None:
            found = StoredModel(
                id=name, as_of=as_of, state="candidate", digest=digest, metrics=metrics, path=name, created_at=now
            )
            session.add(found)
    return found


def promote(engine: Engine, model: str, now: datetime) -> None:
    """Make it champion and retire the one before, in one commit."""
    with writing(engine) as session:
        found = session.get_one(StoredModel, model)
        if found.state == "champion":
            return
        for old in session.scalars(select(StoredModel).where(StoredModel.state == "champion")):
            old.state, old.retired_at = "retired", now
        session.flush()  # the index allows one champion
        found.state, found.promoted_at, found.retired_at = "champion", now, None


def retire(engine: Engine, model: str, now: datetime) -> None:
    """A challenger that did not earn it."""
    with writing(engine) as session:
        found = session.get_one(StoredModel, model)
        found.state, found.retired_at = "retired", now


def champion(engine: Engine) -> StoredModel | None:
    with reading(engine) as session:
        return session.scalars(select(StoredModel).where(StoredModel.state == "champion")).first()


def previous(engine: Engine) -> StoredModel | None:
    """The champion before today's. What was rolled back is not among them."""
    with reading(engine) as session:
        was_champion = select(StoredModel).where(StoredModel.state == "retired", StoredModel.promoted_at.is_not(None))
        return session.scalars(was_champion.order_by(StoredModel.promoted_at.desc(), StoredModel.id)).first()


def roll_back(engine: Engine, current: str, before: str, now: datetime) -> None:
    """`current` is withdrawn and `before` champion again, in one commit. Going back twice goes back further."""
    with writing(engine) as session:
        withdrawn, restored = session.get_one(StoredModel, current), session.get_one(StoredModel, before)
        withdrawn.state, withdrawn.retired_at = "withdrawn", now
        session.flush()  # the index allows one champion
        restored.state, restored.promoted_at, restored.retired_at = "champion", now, None


def find(engine: Engine, model: str) -> StoredModel | None:
    with reading(engine) as session:
        return session.get(StoredModel, model)


def listed(engine: Engine) -> list[StoredModel]:
    with reading(engine) as session:
        return list(session.scalars(select(StoredModel).order_by(StoredModel.as_of, StoredModel.id)))


def load_files(folder: Path, model: StoredModel) -> dict[str, bytes]:
    """The bundle as it was saved. The digest is checked here; the signature by whoever unpacks it, before loading."""
    path = folder / model.path
    cure = "restore the models folder from its backup, or retrain"
    if not path.is_dir():
        raise StoreError("model", f"{path} is missing", cure)
    files = read_folder(path)
    if digest_of(files) != model.digest:
        raise StoreError("model", f"{path} is not what was saved", cure)
    return files
