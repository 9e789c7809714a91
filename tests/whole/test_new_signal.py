"""A signal of a known kind is one entry in one file: here it is added, in a copy of the checkout, and all follows."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.whole.conftest import ROOT

ENTRY = """
UTILITIES = (
    *UTILITIES,
    Signal(
        name="heating_arrears",
        name_ko="지역난방비 체납",
        domain="utilities",
        agency="kepco",
        source_code="난방체납",
        key_kind="address",
        kind="arrears",
        legal_basis=UTILITIES[0].legal_basis,
        legal_threshold="",
        available_from=UTILITIES[0].available_from,
        unit="개월·원",
        per_1000=30,
        reason_ko="난방비가 {months}개월째 밀려 있습니다(체납액 {amount}, {observed} 기준).",
        check_ko="집이 따뜻한지, 난방을 켜고 지내는지 확인해 주세요.",
        made_up=MadeUp("income", base=0.02, lift=0.5, won=60_000),
        min_months=2,
        points=1,
    ),
)
"""

# Runs in the copy: files made, taken in, features built, reasons told; no line of this knows the signal's kind.
FOLLOW = """
from datetime import date
from pathlib import Path
import polars as pl
from alerts.reasons import tell
from features import FEATURES, build, prepare
from flows.desk import open_desk
from flows.inbox import take_in
from flows.knowledge import known_on
from flows.made_up import fill_inbox
from flows.settings import load_settings
from signals.catalogue import SIGNALS

night, work = date(2026, 11, 2), Path("work")
settings = load_settings(Path("config.yaml"))
fill_inbox(settings, settings.demo.model_copy(update={"households": 600}))
made = [f for f in (work / "inbox").glob("kepco_*") if "난방체납".encode("cp949") in f.read_bytes()
        or "난방체납".encode() in f.read_bytes()]
assert made, "the made-up agency never told of it"
columns = [f for f in FEATURES if f.group == "heating_arrears"]
assert len(columns) > 5, columns
assert any(f.monotone == 1 for f in columns)
assert all(f.label_ko for f in columns)
with open_desk(Path("config.yaml")) as desk:
    take_in(desk, night)
    known = known_on(desk, night)
    assert "heating_arrears" in known.observations["signal"].unique().to_list()
    built = build(prepare(known, SIGNALS))
live = built.evidence.filter(signal="heating_arrears")
assert live.height, "nobody's heating bill is open"
now = built.features.filter(pl.col("heating_arrears__months_now") > 0)
assert sorted(now["household_key"]) == sorted(live["household_key"])
alerts = live.select("household_key", lane=pl.lit("risk"), as_of=pl.lit(night))
pushes = live.select("household_key", base=pl.lit(0.0), heating_arrears=pl.lit(1.0))
told = tell(alerts, pushes, built.evidence, built.facts)
assert all(text.startswith("난방비가 ") and "{" not in text for text in told["reason_1"]), told["reason_1"]
assert set(told["check_1"]) == {"집이 따뜻한지, 난방을 켜고 지내는지 확인해 주세요."}
print("followed")
"""


def test_one_entry_brings_file_features_reason_and_tests(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns(".git", ".venv", "work", "__pycache__", ".*_cache", ".hypothesis")
    copy = Path(shutil.copytree(ROOT, tmp_path / "copy", ignore=ignored))
    with (copy / "signals" / "catalogue" / "utilities.py").open("a", encoding="utf-8") as file:
        file.write(ENTRY)
    followed = subprocess.run([sys.executable, "-c", FOLLOW], cwd=copy, capture_output=True, text=True, check=False)
    assert followed.stdout == "followed\n", followed.stderr
    # Its tests are the catalogue's own: they run over every entry.
    words = [sys.executable, "-m", "pytest", "tests/signals", "-k", "heating_arrears", "-p", "no:cacheprovider"]
    tested = subprocess.run(words, cwd=copy, capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout
    assert "passed" in tested.stdout
