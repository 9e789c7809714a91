"""One made-up country, taken in, learned from and worked for one night; tests look at it or copy it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
import yaml

from flows.desk import open_desk
from flows.made_up import fill_inbox
from flows.nightly import work_night
from flows.retrain import learn
from flows.run import running
from flows.settings import load_settings
from flows.summary import NightSummary, TrainingSummary
from tests.drawn_keys import keys_drawn_for

ROOT = Path(__file__).parent.parent.parent
NIGHT = date(2026, 11, 2)
HOUSEHOLDS = 3000


@dataclass(frozen=True)
class Worked:
    config: Path
    work: Path
    before: Path  # the work folder as it was before the night
    trained: TrainingSummary
    night: NightSummary

    def again(self, folder: Path) -> Path:
        """A fresh copy of the work folder as it was before the night: same keys, same lake."""
        return Path(shutil.copytree(self.before, folder / "work"))


@pytest.fixture(scope="session")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Worked:
    with keys_drawn_for("worked"):
        return _work(tmp_path_factory)


def _work(tmp_path_factory: pytest.TempPathFactory) -> Worked:
    folder = tmp_path_factory.mktemp("country")
    config, work = folder / "config.yaml", folder / "work"
    told = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    told["model"]["trees"] = 60
    # As a country is worked: several ranges.
    told["night"]["households_per_part"], told["engine"]["workers"] = 800, 1
    config.write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
    settings = load_settings(config, work)
    fill_inbox(settings, settings.demo.model_copy(update={"households": HOUSEHOLDS}))
    with open_desk(config, work) as desk:
        with running(desk, "retrain", NIGHT) as run:
            trained = learn(desk, run)
        before = Path(shutil.copytree(work, folder / "before"))
        with running(desk, "nightly", NIGHT) as run:
            night = work_night(desk, run)
    return Worked(config, work, before, trained, night)


@pytest.fixture
def bytes_of() -> Callable[[Path], dict[str, bytes]]:
    def read(folder: Path) -> dict[str, bytes]:
        return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}

    return read
