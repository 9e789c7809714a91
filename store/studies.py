"""Where a search for recipes keeps what it tried: a database of its own, beside the models, never the product's."""

from pathlib import Path

from optuna.storages import RDBStorage

from store.files import make_folder


def open_studies(folder: Path) -> RDBStorage:
    """`folder`/studies.db, made when missing, readable by its owner only. It holds parameters and figures, no row."""
    file = make_folder(folder) / "studies.db"
    file.touch(mode=0o600)
    return RDBStorage(f"sqlite:///{file}")
