"""A month of a made-up country with a thousand planted people, by the commands an operator types, in its own folder.

    python tests/security/leak_month.py FOLDER NIGHTS HOUSEHOLDS PEOPLE

Run by test_leak_month.py, which then looks for the people in all of FOLDER: work folder, HOME, TMPDIR, the directory
that it ran in, and what went to the terminal. One process for all commands: the engine starts once, not forty times.
"""

import csv
import io
import json
import sys
import traceback
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
HANDED: Final = "handed"  # what was asked for with names: somebody's own copy, an office's sheet
LAST_NIGHT: Final = date(2026, 11, 2)
_SYLLABLES: Final = "뷁쀍뛟쯟꿹쐙똛뺡쫓훓뭵쁽뤯쬃꽥쒯툻밻솣췟"  # in cp949, and in nobody's name


def planted_name(number: int) -> str:
    digits = (number // 8000, number // 400 % 20, number // 20 % 20, number % 20)
    return "".join(_SYLLABLES[digit] for digit in digits)


def plant(inbox: Path, count: int) -> list[dict[str, str]]:
    """The first heads of households, whom sheets name, get names that nobody has, in every file that tells of them;
    with phone and address."""
    homes = dict(_homes(inbox))
    people: dict[str, dict[str, str]] = {}
    for file in sorted(inbox.glob("residents_*.csv")):
        head, *rows = csv.reader(io.StringIO(file.read_bytes().decode("utf-8-sig")))
        for row in rows:
            is_head = row[4] == "Y" and len(row[0]) == 14 and row[3] in homes
            if is_head and row[0] not in people and len(people) < count:
                person = {"person_no": row[0].replace("-", ""), "name": planted_name(len(people))}
                people[row[0]] = person | {"phone": row[2], "address": homes[row[3]], "household": row[3]}
            if row[0] in people:
                row[1] = people[row[0]]["name"]
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([head, *rows])
        file.write_bytes(b"\xef\xbb\xbf" + text.getvalue().encode())
    return list(people.values())


def _homes(inbox: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(inbox.glob("addresses_*.csv"), reverse=True):
        for row in csv.reader(io.StringIO(file.read_bytes().decode("cp949")), delimiter="|"):
            yield row[0], row[1]


def careless(inbox: Path, who: dict[str, str]) -> None:
    """What senders do: columns nobody ordered, cells in the wrong place, names in names of files."""
    dashed = f"{who['person_no'][:6]}-{who['person_no'][6:]}"
    told = (inbox / "residents_202607_20260731.csv").read_bytes().decode("utf-8-sig").splitlines()[0]
    rows = [
        f"{who['name']},{dashed},{who['phone']},{who['address']},Y,2026-08-01,,", f"{dashed},{who['name']}",
        f"{dashed},{who['name']},{who['phone']},{who['household']},{who['name']},{who['address']},,{who['phone']}",
    ]  # fmt: skip
    (inbox / "residents_202609_20261002.csv").write_text("\n".join([told, *rows]) + "\n", encoding="utf-8-sig")
    more = "\n".join([f"{told},{who['name']}", f"{rows[2]},{dashed}"])
    (inbox / "residents_202608_20261003.csv").write_text(more + "\n", encoding="utf-8-sig")
    (inbox / f"{who['phone']} {dashed}.csv").write_text("\n".join([told, *rows]), encoding="cp949")


def answer(work: Path, day: date, who: dict[str, str]) -> None:
    """One office's sheet comes back with names in notes, outcomes that nobody knows and dates that are none."""
    sheet = sorted((work / "outbox" / day.isoformat()).glob("*/queue_*.csv"))[0]
    text = io.StringIO(sheet.read_bytes().decode("utf-8-sig"))
    reader = csv.DictReader(text)
    rows = list(reader)
    for number, row in enumerate(rows):
        told = f"{who['name']} {who['phone']} {who['address']}"
        if number % 2:
            row |= {"접촉일": day.isoformat(), "처리결과": "연락두절·부재", "거부·종결 사유": told, "다음 예정일": told}
        else:
            row |= dict.fromkeys(("접촉일", "접촉방법", "접촉결과", "욕구확인", "처리결과", "지원급여"), told)
    out = io.StringIO()
    writer = csv.DictWriter(out, reader.fieldnames or [])
    writer.writeheader()
    writer.writerows(rows)
    (work / "inbox" / sheet.name).write_bytes(b"\xef\xbb\xbf" + out.getvalue().encode())


def run(*words: str) -> None:
    """As typed. What it says, and how it ends, stands in the terminal."""
    from flows.cli import main

    sys.argv = ["blindspot", *words]
    sys.stdout.write(f"$ {words[0]}\n")  # not what was typed after it: that is told by us, not by the product
    sys.stdout.flush()
    try:
        main()
    except SystemExit as ending:
        sys.stdout.write(f"ends with {ending.code}\n")
    except Exception:
        traceback.print_exc()
        sys.stdout.write("ends with a bug\n")


def commands(folder: Path, whom: dict[str, str], day: date) -> Iterator[tuple[str, ...]]:
    """After the nights: what looks into, copies, counts, and what is refused."""
    out, handed = folder / "work" / "asked", folder / HANDED
    out.mkdir(mode=0o700)
    handed.mkdir(mode=0o700)
    who = ("--by", "kim", "--reason", "test")
    house, night = whom["household"], day.isoformat()
    office = next((folder / "work" / "outbox" / night).glob("*/queue_*.csv"))
    with office.open(encoding="utf-8-sig") as sheet:
        alert = next(csv.reader(list(sheet)[1:2]))[0]
    yield ("status",)
    yield ("doctor",)
    yield ("track",)
    yield ("runbook",)
    yield ("board",)
    yield "matrix", "--out", str(out / "matrix.parquet")
    yield "research", "--out", str(out / "research.parquet"), *who
    yield "breach", "--from", "2026-10-01T00:00", "--to", "2026-12-01T00:00", "--out", str(out), *who
    yield "log", "verify"
    yield "log", "review", "--by", "kim", "--note", "nothing"
    yield "log", "subject", house
    yield "log", "office", office.parent.name, "--out", str(out / "log.csv")
    yield "explain", alert, "--because", "asked", "--to", str(out / "explained.txt")
    yield "request", "copy", house, "--to", str(handed), *who
    yield "export", "sheet", office.parent.name, "--day", night, "--to", str(handed / "sheet.csv"), *who
    yield "stop", house, "--reason", "requested"
    yield "request", "stop", house, "--by", "kim"
    yield "retain", "--dry-run"
    yield "retain", "--by", "kim"
    yield "keys", "status"
    yield "backup", str(out / "backup")
    # Refused, with somebody's number, name or address where something else is asked for.
    for word in (whom["person_no"], whom["name"], whom["phone"], whom["address"]):
        yield "stop", word, "--reason", "requested"
        yield "request", "stop", word, "--by", "kim"
        yield "explain", word
        yield "log", "subject", word
        yield "export", "sheet", word, "--day", night, "--to", str(out / "x.csv"), *who
    yield "nightly", "--as-of", "2026-10-01"


def main() -> None:
    folder, nights, households, count = Path(sys.argv[1]), *(int(word) for word in sys.argv[2:5])
    sys.path.insert(0, str(ROOT))
    work = folder / "work"
    days = [LAST_NIGHT - timedelta(days=back) for back in reversed(range(nights))]
    place = ("--work", str(work))
    from tests.drawn_keys import keys_drawn_for

    run("synthesize", "--households", str(households), *place)
    with keys_drawn_for("leak month"):  # under others the gate may hold the model back
        run("keys", "init", *place)
    people = plant(work / "inbox", count)
    (folder / "planted.json").write_text(json.dumps(people), encoding="utf-8")
    careless(work / "inbox", people[0])
    run("retrain", "--as-of", days[0].isoformat(), *place)
    for number, day in enumerate(days):
        run("nightly", "--as-of", day.isoformat(), *place)
        if number == 0:
            answer(work, day, people[1])
    for words in commands(folder, people[2], days[-1]):
        run(*words, *(() if words[0] == "runbook" else place))


if __name__ == "__main__":
    main()
