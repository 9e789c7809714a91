"""What an officer carries to a visit: one household in six cells, the last of them boxes for a pen."""

from collections.abc import Mapping

from alerts.answers import CHANNELS, NEED_CONFIRMED, RESULTS, RIGHT_OR_WRONG
from alerts.cells import one_line
from alerts.columns import COLUMNS, Row

# Header and width. Together they fill an A4 page on its side at about three quarters of their size.
VISIT: tuple[tuple[str, int], ...] = (
    ("대상", 19),
    ("연락처와 가구", 29),
    ("발굴 이유", 40),
    ("확인할 점", 28),
    ("살펴볼 급여", 40),
    ("기록", 44),
)
_COLUMNS = {column.name: column for column in COLUMNS}


def visit_row(row: Row) -> tuple[str, ...]:
    told = {name: one_line(column.text(row)) for name, column in _COLUMNS.items()}
    who = (told["lane"], told["head_name"], f"{told['band']} · {told['state']}".strip(" ·"), f"기한 {told['due_on']}")
    where = [told[name] for name in ("phone", "address", "address_flag", "household", "repeats", "last_contact")]
    reasons = [told[f"reason_{n}"] for n in range(1, 5)]
    criterion = [f"자체 발굴 기준: {told['criterion']}"] if told["criterion"] else []
    return (
        "\n".join([*who, told["alert_id"]]),
        "\n".join(text for text in where if text),
        "\n".join([*_numbered(reasons), *criterion]),
        "\n".join(_numbered([told[f"check_{n}"] for n in range(1, 4)])),
        "\n".join(_numbered([told[f"benefit_{n}"] for n in range(1, 4)])),
        "\n".join(_boxes(sum(map(bool, reasons)))),
    )


def _numbered(texts: list[str]) -> list[str]:
    return [f"{n}. {text}" for n, text in enumerate(texts, start=1) if text]


def _boxes(reasons: int) -> list[str]:
    line = "＿" * 8
    return [
        "접촉일 ＿＿월 ＿＿일    다음 예정일 ＿＿월 ＿＿일",
        f"방법  {_boxes_of(CHANNELS)}",
        *_lines("접촉", [_box(word) for word in RESULTS.values()], 3),
        f"욕구  {_boxes_of(NEED_CONFIRMED)}",
        *_lines("이유", [f"{n}) {_boxes_of(RIGHT_OR_WRONG)}" for n in range(1, reasons + 1)], 2),
        f"처리결과 {line}  급여 {line}",
        f"거부·종결 사유 {line * 2}",
    ]


def _lines(label: str, parts: list[str], most: int) -> list[str]:
    """`most` parts to a line, the label before the first."""
    told = ["  ".join(parts[n : n + most]) for n in range(0, len(parts), most)]
    return [f"{label}  {line}" if n == 0 else f"          {line}" for n, line in enumerate(told)]


def _boxes_of(words: Mapping[str, str]) -> str:
    return " ".join(map(_box, words.values()))


def _box(word: str) -> str:
    # A box and its word are not parted at the end of a line.
    return f"□{word.replace(' ', chr(0xA0))}"
