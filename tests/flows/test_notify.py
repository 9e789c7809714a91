"""Who is told of a run, what, and that nothing of it can stop a run. The receivers are real, on loopback."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows import journal
from flows.errors import OperatorError
from flows.kinds import KINDS
from flows.notify import (
    ENVIRONMENT,
    WARNINGS,
    addresses,
    check_in_time,
    message_of_end,
    message_of_warnings,
    send,
    watching,
)
from flows.settings import load_settings
from flows.summary import NightSummary, Taken
from store.faults import StoreError
from tests.test_house import ROOT

DAY = date(2026, 11, 2)
STALE = OperatorError(
    "stale", "kepco: nothing was ever taken in", "call 전력 담당 (한국전력공사); yesterday's queues stay"
)


@contextmanager
def serving(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield int(server.socket.getsockname()[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def webhook(status: int = 200) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    came: list[dict[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with serving(HTTPServer(("127.0.0.1", 0), Hook)) as port:
        yield f"json://127.0.0.1:{port}/night", came


@contextmanager
def mailbox() -> Iterator[tuple[str, list[bytes]]]:
    came: list[bytes] = []

    class Smtp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            for line in self.rfile:
                word = line[:4].upper()
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    came.append(b"".join(iter(self.rfile.readline, b".\r\n")))
                self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 fine\r\n")
                if word == b"QUIT":
                    return

    with serving(socketserver.TCPServer(("127.0.0.1", 0), Smtp)) as port:
        yield f"mailto://127.0.0.1:{port}?mode=insecure&from=night@example.com&to=desk@example.com", came


@pytest.fixture
def config(tmp_path: Path) -> Path:
    told = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    told["notify"]["urls_file"] = "whom.txt"
    told["schedule"]["done_by"] = "23:59"
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
    return file


def name(config: Path, *urls: str) -> None:
    file = config.parent / "whom.txt"
    file.write_text("# the desk\n" + "\n".join(urls) + "\n", encoding="utf-8")
    file.chmod(0o600)


def run(config: Path, error: BaseException | None = None, summary: NightSummary | None = None) -> None:
    with watching(config, config.parent / "work", "nightly", date.max) as watch:
        if error is not None:
            raise error
        watch.summary = summary


def night(*taken: Taken) -> NightSummary:
    place = Path("elsewhere")
    return NightSummary(DAY, "nightly-20261102-0123456789ab", "m", taken, 0, {}, {}, (), place, place, {})


def noted(config: Path) -> dict[str, Any]:
    told = journal.last(config.parent / "work", "notified")
    assert told is not None
    return told


def test_a_refusal_reaches_webhook_and_mailbox_in_korean(config: Path) -> None:
    with webhook() as (hook, posted), mailbox() as (mail, mailed):
        name(config, hook, mail)
        with pytest.raises(OperatorError):
            run(config, STALE)
    (post,), (letter,) = posted, mailed
    parsed = message_from_bytes(letter, policy=policy.default)
    plain = parsed.get_body(("plain",))
    assert plain is not None
    for title, body in ((post["title"], post["message"]), (parsed["Subject"], plain.get_content())):
        assert "밤 실행: 명단을 내보내지 않았습니다" in title
        for words in (next(k for k in KINDS if k.name == "stale").cure_ko, "한국전력공사", "종료 코드: 12 (stale)"):
            assert words in body
    assert post["type"] == "failure"
    assert (noted(config)["told"], noted(config)["counts"]) == (2, {"addresses": 2})


def test_of_a_bug_only_its_kind_is_told(config: Path) -> None:
    with webhook() as (hook, posted):
        name(config, hook)
        with pytest.raises(ZeroDivisionError):
            run(config, ZeroDivisionError("홍길동 900101-1234567"))
    assert "ZeroDivisionError" in posted[0]["message"]
    assert "홍길동" not in json.dumps(posted, ensure_ascii=False)


def test_a_finished_night_is_told_of_only_if_there_is_something_to_look_at(config: Path) -> None:
    refused = Taken("x_홍길동.csv", "", "refused", message="파일 이름을 읽을 수 없습니다.")
    with webhook() as (hook, posted):
        name(config, hook)
        run(config, summary=night(Taken("kepco.csv", "kepco", "taken", 10, 9, 1)))
        assert posted == []
        run(config, summary=night(refused, Taken("kepco.csv", "kepco", "taken", 10, 10, 0, warnings=("평소보다",))))
    (post,) = posted
    assert f"{WARNINGS['files_refused']}: 1" in post["message"]
    assert f"{WARNINGS['files_warned']}: 1" in post["message"]
    assert "board.html" in post["message"]
    assert "홍길동" not in json.dumps(post, ensure_ascii=False)


def test_numbers_of_people_in_a_refusal_are_masked_and_codes_of_places_are_not() -> None:
    person = "900101-1234567 9001011234567 010-1234-5678 0212345678 -3074457345618258603 who@example.com"
    told = message_of_end("nightly", DAY, OperatorError("offices", f"1111051500 {person}", person))
    assert "1111051500" in told.body
    for number in person.split():
        assert number not in told.body
    run = "nightly-20261102-1234567abcde"
    assert run in message_of_warnings("nightly", DAY, run, {"files_refused": 1}).body


@pytest.mark.parametrize("urls", [["json://127.0.0.1:1/"], ["nonsense"], ["json://127.0.0.1:1/", "also nonsense"]])
def test_what_cannot_be_told_is_written_down_and_the_refusal_stays_itself(config: Path, urls: list[str]) -> None:
    name(config, *urls)
    with pytest.raises(StoreError, match="another run"):
        run(config, StoreError("busy", "another run holds it", "wait"))
    assert (noted(config)["told"], noted(config)["counts"]) == (0, {"addresses": len(urls)})


def test_a_server_that_refuses_and_a_file_that_others_can_read_stop_nothing(config: Path) -> None:
    with webhook(500) as (hook, posted):
        name(config, hook)
        run(config, summary=night(Taken("f", "kepco", "refused")))
        assert len(posted) == 1
        assert noted(config)["told"] == 0
        (config.parent / "whom.txt").chmod(0o644)
        run(config, summary=night(Taken("f", "kepco", "refused")))
        assert len(posted) == 1, "nobody is told through addresses that others can read"
    assert noted(config)["error"] == "OperatorError"


def test_what_nobody_wants_to_hear_is_not_sent(config: Path) -> None:
    told = yaml.safe_load(config.read_text(encoding="utf-8"))
    told["notify"]["when"] = ["failed"]
    config.write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
    with webhook() as (hook, posted):
        name(config, hook)
        with pytest.raises(OperatorError):
            run(config, STALE)
    assert posted == []


def test_the_environment_goes_before_the_file_and_the_file_is_needed_only_if_named(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(config).notify
    with pytest.raises(OperatorError, match="cannot be read"):
        addresses(settings)
    name(config, "json://127.0.0.1/a")
    assert addresses(settings) == ("json://127.0.0.1/a",)
    monkeypatch.setenv(ENVIRONMENT, "json://127.0.0.1/b  mailto://127.0.0.1")
    assert addresses(settings) == ("json://127.0.0.1/b", "mailto://127.0.0.1")
    monkeypatch.delenv(ENVIRONMENT)
    assert addresses(load_settings(ROOT / "config.yaml").notify) == ()


def test_addresses_never_reach_the_journal(config: Path) -> None:
    name(config, "json://user:secret@127.0.0.1:1/token")
    with pytest.raises(OperatorError):
        run(config, STALE)
    folder = config.parent / "work" / "logs"
    assert "secret" not in "".join(file.read_text() for file in folder.iterdir())


def test_a_message_takes_whoever_can_take_it() -> None:
    with webhook() as (hook, posted):
        assert send(("nonsense", hook), message_of_end("nightly", DAY, STALE)) == 1
    assert len(posted) == 1


def test_a_night_that_is_not_done_in_time_is_told_of_and_one_that_cannot_be_asked_after(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = config.parent / "work"
    with webhook() as (hook, posted):
        name(config, hook)
        with pytest.raises(OperatorError, match="is not done by"):
            check_in_time(config, work)
        for file in work.glob("blindspot.db*"):
            file.write_bytes(b"no database" * 100)
        with pytest.raises(StoreError, match="cannot be used"):
            check_in_time(config, work)
    first, second = (post["message"] for post in posted)
    assert "it never began" in first
    assert "cannot be used" in second
    assert all("정해진 시각을 넘겼습니다" in post["title"] for post in posted)
