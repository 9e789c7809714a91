"""The commands as a person types them, with Prefect, offline, in a fresh folder."""

import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.desk import today
from flows.errors import EXIT_CODES
from store.keys import create_keys
from synthetic import CountrySettings, make_country
from tests.drawn_keys import keys_drawn_for
from tests.security.leaks import Identity, Scanner
from tests.whole.conftest import ROOT

HOUSEHOLDS = 2000
SEED = 1
COMMANDS = (
    "demo", "nightly", "retrain", "synthesize", "status", "explain", "stop", "matrix", "features", "promote",
    "rollback", "track", "serve", "pause", "resume", "doctor", "replay", "backup", "restore", "notify",
    "retain", "research", "breach",
    "keys init", "log verify", "roles apply",
)  # fmt: skip
Bytes = Callable[[Path], dict[str, bytes]]


def blindspot(*words: str, work: Path, config: Path | None = None) -> subprocess.CompletedProcess[str]:
    chosen = ["--config", str(config)] if config else []
    program = [str(Path(sys.executable).parent / "blindspot"), *words, "--work", str(work), *chosen]
    return subprocess.run(program, capture_output=True, text=True, timeout=280, check=False, cwd="/")


@dataclass(frozen=True)
class Shown:
    work: Path
    out: str


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    work = tmp_path_factory.mktemp("demo") / "work"
    # Keys decide who is drawn and what is answered: of so few answers the gate holds back some models in a hundred.
    with keys_drawn_for("demo"):
        create_keys(work / "keys")
    told = blindspot("demo", "--households", str(HOUSEHOLDS), work=work)
    assert told.returncode == 0, told.stderr
    return Shown(work, told.stdout)


def test_the_demo_leaves_queues_and_says_where(demo: Shown) -> None:
    assert len(list((demo.work / "outbox").glob("*/*/queue_*.csv"))) >= 2
    assert list((demo.work / "outbox").glob("*/district-*/considered.csv"))
    for words in ("households scored", "queue_", "deployed", "ROC-AUC", "set aside"):
        assert words in demo.out


def test_a_second_night_of_the_same_day_changes_no_byte(demo: Shown, bytes_of: Bytes) -> None:
    def kept() -> dict[str, bytes]:
        return {name: data for name, data in bytes_of(demo.work).items() if not name.endswith(("-shm", "-wal"))}

    before = kept()
    told = blindspot("nightly", "--as-of", "2026-11-02", work=demo.work)
    assert told.returncode == 0
    assert "nothing was changed" in " ".join(told.stdout.split())
    assert kept() == before


def test_a_done_night_is_answered_without_the_heavy_libraries(demo: Shown) -> None:
    program = f"""
import sys
sys.argv = ["blindspot", "nightly", "--as-of", "2026-11-02", "--work", {str(demo.work)!r}]
from flows.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
heavy = {{"prefect", "polars", "pandas", "lightgbm", "shap", "deltalake", "alembic"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, cwd=ROOT)


def test_a_command_begun_in_a_folder_closed_to_its_account_leaves_it(tmp_path: Path) -> None:
    """`runuser -u blindspot` as root, from root's own home: Prefect reads `.env` of the current folder."""
    program = """
import os
from flows.cli import main
os.chmod(".", 0)
if os.getuid() == 0:
    os.setreuid(65534, -1)
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(os.getcwd())
"""
    told = subprocess.run(
        [sys.executable, "-c", program, "--help"],
        check=True, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    tmp_path.chmod(0o700)
    assert told.stdout.split()[-1] == "/"


def test_a_day_before_the_last_night_is_refused_with_its_own_exit_code(demo: Shown) -> None:
    told = blindspot("nightly", "--as-of", "2026-10-01", work=demo.work)
    assert told.returncode == EXIT_CODES["past"]
    assert "What to do" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("command", ["nightly", "retrain"])
def test_a_day_to_come_is_refused(tmp_path: Path, command: str) -> None:
    """Every night before it would be a past one until then."""
    told = blindspot(command, "--as-of", str(today() + timedelta(days=1)), work=tmp_path / "work")
    assert told.returncode == 2
    assert "is still to come" in " ".join(told.stderr.split())
    assert not (tmp_path / "work").exists()


def test_status_and_explain_tell_what_the_night_wrote_down(demo: Shown) -> None:
    told = blindspot("status", work=demo.work)
    assert "nightly-20261102" in told.stdout
    sheet = next(f for f in sorted((demo.work / "outbox").glob("*/*/queue_*.csv")) if f.stat().st_size > 2000)
    alert = re.findall(r"A[A-Z2-7]{13}", sheet.read_text(encoding="utf-8-sig"))[0]
    why = blindspot("explain", alert, work=demo.work)
    assert why.returncode == 0, why.stderr
    assert "1. 결정의 내용과 결과" in why.stdout
    assert blindspot("explain", "A000", work=demo.work).returncode == EXIT_CODES["alert"]


def test_settings_that_are_wrong_are_told_by_key(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    config.write_text(text.replace("  capacity: 12", "  capacity: 0"), encoding="utf-8")
    told = blindspot("status", work=tmp_path / "work", config=config)
    assert told.returncode == EXIT_CODES["config"]
    assert "queue.capacity" in told.stderr


def test_a_night_without_a_model_says_what_to_do(tmp_path: Path) -> None:
    work = tmp_path / "work"
    assert blindspot("synthesize", "--households", "500", work=work).returncode == 0
    told = blindspot("nightly", "--as-of", "2026-11-02", work=work)
    assert told.returncode == EXIT_CODES["no_model"]
    assert "blindspot retrain" in " ".join(told.stderr.split())
    assert "Traceback" not in told.stderr


def test_two_countries_never_share_a_work_folder(demo: Shown) -> None:
    told = blindspot("synthesize", "--households", "500", work=demo.work)
    assert told.returncode == EXIT_CODES["inbox"]


def test_nobody_else_can_read_the_work_folder(demo: Shown) -> None:
    wide = [f for f in demo.work.rglob("*") if stat.S_IMODE(f.stat().st_mode) & 0o077]
    assert wide == []


def test_identifiers_stand_in_clear_only_in_the_offices_sheets(demo: Shown) -> None:
    """In every file, Prefect's and SQLite's WAL too, plain, encoded and packed; a month of it is test_leak_month.py."""
    people = make_country(CountrySettings(households=HOUSEHOLDS, seed=SEED)).identities.sample(300, seed=1)
    scanner = Scanner(Identity(number, name, phone, None) for number, name, phone in people.iter_rows())
    assert scanner.folder(demo.work, lambda file: expected(file, demo.work)) > 100
    scanner.data("the terminal", demo.out.encode())
    assert scanner.found() == []


def expected(file: Path, work: Path) -> bool:
    """The office's own sheet; files that still wait in the inbox as their sender left them."""
    return re.fullmatch(r"[0-9]{10}", file.parent.name) is not None or file.is_relative_to(work / "inbox")


def test_every_command_has_help_and_stands_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in COMMANDS:
        assert f"blindspot {command}" in readme
        *group, name = command.split()
        assert re.search(rf"^\W*{name}\s+\S", help_of(*group), re.M)
        assert "--work" in help_of(*group, name) or command == "features"


@cache
def help_of(*words: str) -> str:
    told = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "120"})
    assert told.exit_code == 0, told.output
    return told.output
