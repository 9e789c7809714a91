"""The same night with PostgreSQL behind it."""

from collections.abc import Callable
from pathlib import Path

import yaml

from flows.desk import now, open_desk
from flows.made_up import fill_inbox
from flows.nightly import nightly
from flows.retrain import retrain
from flows.settings import load_settings
from store import access_log, ledger, models
from tests.whole.conftest import NIGHT, ROOT


def test_a_night_on_postgresql(postgres: Callable[[], str], tmp_path: Path) -> None:
    told = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    told |= {"work": "work", "database": postgres()}
    told["model"] |= {"trees": 20, "min_positives": 10}
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
    settings = load_settings(config)
    fill_inbox(settings, settings.demo.model_copy(update={"households": 800}))

    work = str(tmp_path / "work")
    trained = retrain.fn(NIGHT, str(config), work)
    with open_desk(config) as desk:
        # So few answers pass no gate, and that is right; here only the database is asked.
        models.promote(desk.engine, trained.model, now())
    summary = nightly.fn(NIGHT, str(config), work)

    assert not (tmp_path / "work" / "blindspot.db").exists()
    assert sum(office.open for office in summary.offices) > 0
    with open_desk(config) as desk:
        done = ledger.find_done(desk.engine, "nightly", NIGHT)
        assert done is not None
        assert done.id == summary.run
        assert access_log.verify_chain(desk.engine, desk.keys, desk.work / "anchors") == []
        desk.engine.dispose()
