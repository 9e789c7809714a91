"""docs/runbook.md, written from the tables that the messages themselves come from. A test holds the two together."""

from collections.abc import Iterator
from typing import Final

from alerts.answer_reply import ANSWER_RULES
from flows.checks import CHECKS
from flows.kinds import KINDS
from flows.notify import TITLES, WARNINGS
from signals.rules import RULES

_HEAD: Final = """# Runbook

What Blindspot can say, what it means, and what to do. Written by `blindspot runbook` from the code's own tables.

하나의 원칙: 명단을 믿을 수 없는 밤에는 내보내지 않습니다. 그때에는 어제 명단이 그대로 남으며, 아래 표대로 고친 뒤
같은 날짜로 `blindspot nightly`를 다시 실행하면 됩니다. 몇 번을 다시 실행해도 알림은 빠지거나 겹치지 않습니다.

A night that cannot be trusted publishes nothing: yesterday's queues stay. Mend what the message names and run
`blindspot nightly` again for the same day; however often it is begun, no alert is lost and none is doubled.

First: `blindspot doctor` looks at everything and says the cure. Then `blindspot status`, `work/logs/<day>.jsonl`
(what ran, for how long, how it ended), `work/replies/` (what each sender should mend) and `journalctl -u blindspot`.
Where it runs as a service, each command needs its account, `--config` and `--work`: operating.md gives them as
`blindspot COMMAND $HERE`.

## Exit codes

0: done, or nothing to do. 1: a bug, told with its traceback; report it with the day's log. 2: a wrong command line.
130 and 143: ended from outside (Ctrl-C, SIGTERM). 137, or `Killed`: ended by the kernel, mostly because memory ran
out (`journalctl -k | grep -i oom`); see `memory` below. 142, or `Alarm clock`: nothing was finished for
`engine.standstill_minutes`; the lines before it show where it stood. The next run repairs what is left.

A refusal is told as `Refused (kind): what` and `What to do: cure`, with the kind's own exit code:
"""
_WARNED: Final = """## A night that is done, and something to look at

Counted in the notification `{title}`:
"""
_TOLD: Final = """## Notifications

Sent to the addresses of `notify` in config.yaml, and noted in the log whether they were taken. They hold codes,
counts and days, never a person. `blindspot notify` sends one to try.
"""
_WARNINGS_DO: Final = {
    "files_refused": "replies 폴더의 회신을 보낸 기관에 전하고, 고친 파일을 다시 받습니다.",
    "files_waiting": "하루 뒤에도 그대로면 보낸 기관에 전송이 끝났는지 묻습니다. 다 오면 다음 밤에 저절로 읽습니다.",
    "files_warned": "회신의 ‘주의’ 줄을 기관에 전해 단위·기간이 바뀌었는지 확인합니다. 자료는 이미 받아들였습니다.",
    "sources_late": "`blindspot status`에서 늦은 기관과 담당자를 보고, 언제 보내는지 담당자에게 묻습니다.",
    "unknown_columns": "그 칸은 읽지 않았습니다. 기관에 새로 보내는 칸인지 묻고, 필요하면 법적 근거와 함께 등록합니다.",
}
_STATES: Final = {
    "refused": "명단을 내보내지 않고 멈췄습니다. 알림에 적힌 종류를 위 표에서 찾아 고친 뒤 다시 실행합니다.",
    "failed": "프로그램 오류입니다. 다시 실행해 보고, 되풀이되면 그날의 logs 파일과 함께 알립니다.",
    "warnings": "명단은 나갔습니다. 아래 ‘살펴볼 것’ 표를 봅니다.",
    "late": "정해진 시각(schedule.done_by)이 지났습니다. 끝나지 않았으면 `blindspot doctor`부터 봅니다.",
    "test": "`blindspot notify`로 보낸 시험 알림입니다. 할 일은 없습니다.",
}
# Of signals.delivery.DeliveryRefused. The reply in work/replies tells the sender, with the file's own figures.
REFUSED_FILES: Final = {
    "name_unreadable": "파일 이름이 ‘기관코드_기준년월_보낸날.csv’의 모양이 아닙니다.",
    "unknown_source": "등록되지 않은 기관코드입니다.",
    "sent_before_month": "보낸 날이 기준년월보다 앞섭니다.",
    "second_version": "같은 기관·기준년월·차수의 다른 파일을 이미 받았습니다. 정정본은 _r1, _r2로 보내야 합니다.",
    "digest_differs": "파일이 함께 온 확인값(.sha256)과 다릅니다. 전송 중에 바뀌었거나 일부가 빠졌습니다.",
    "withdrawn_before": "보낸 기관이 거두어들인 파일과 내용이 같습니다. 다시 쓰려면 다음 차수로 보내야 합니다.",
    "nothing_to_withdraw": "거두어들이겠다는 파일을 받아들인 적이 없거나, 이미 거두어들였거나 정정본으로 바뀌었습니다.",
    "empty": "파일이 비어 있습니다.",
    "incomplete": "마지막 줄이 끝나지 않았습니다. 전송이 끊겼습니다.",
    "wrong_encoding": "정해진 문자 방식(인코딩)이 아닙니다.",
    "header_missing": "첫 줄에서 정해진 칸을 찾을 수 없습니다.",
    "columns_missing": "꼭 있어야 하는 칸이 없습니다.",
    "columns_repeated": "같은 이름의 칸이 둘 이상입니다.",
    "columns_too_many": "칸이 지나치게 많습니다.",
    "password": "암호가 걸린 표입니다.",
    "too_large": "표가 너무 큽니다.",
    "unreadable_file": "열 수 없는 표입니다. 문서보안이 걸렸거나 파일이 깨졌습니다.",
    "quotes_broken": "따옴표가 맞지 않아 줄을 나눌 수 없습니다.",
    "no_alert_column": "돌려받은 표에 알림번호 칸이 없습니다.",
    "several_sheets": "돌려받은 표에 답이 든 시트가 둘 이상입니다.",
}
_FILES_HEAD: Final = """## Files refused as a whole

Nothing of such a file is taken in, and a sealed copy is kept. Pass the reply on to whoever sent it.
"""
_RULES_HEAD: Final = """## Rows set aside

A row that breaks a rule is set aside, never dropped: accepted + set aside = received. The sender gets a reply file
in Korean with line, column, reason and cure; it repeats no cell. Of agencies and registers:
"""
_ANSWERS_HEAD: Final = "Of the offices' returned sheets:\n"
_BACKUP: Final = """## Backup and restore

`blindspot backup FILE` takes everything the work folder holds, the database as it stands at one moment, and
config.yaml into one file, sealed with our own key, and reads it back. Not in it: the keys, Prefect's home
(`blindspot serve` makes it again), intermediate files, addresses to notify, and a lake on object storage, whose own
versions keep it. Copy the keys once, and after each rotation, with `--keys-to` to another place: without them
nobody opens a backup, with them everybody does. A sealing key that is retired takes the backups it sealed with it.

On an empty machine: install, put the keys into their folder (mode 0400), then `blindspot restore FILE`, `blindspot
doctor`, and the schedule again. What was destroyed after a backup (`blindspot retain`) comes back with it: run
`blindspot retain` before the first night.

For PostgreSQL its own programs are used (`pg_dump`, `pg_restore`); restore needs an empty database, and the rules of
accounts are made again by `blindspot roles apply`.

`blindspot replay RUN` works a past night again and compares it with what was published: a test of backup, code and
record together.
"""


def write_runbook() -> str:
    parts = (_refusals, _checks, _told, _warned, _files, _rules)
    return "\n".join(line for part in parts for line in part()) + f"\n{_BACKUP}"


def _refusals() -> Iterator[str]:
    yield _HEAD
    yield "| code | kind | means | what to do |"
    yield "|---|---|---|---|"
    for kind in sorted(KINDS, key=lambda kind: kind.exit_code):
        means, cure = (
            f"{one}<br>{other}" for one, other in ((kind.meaning_ko, kind.meaning), (kind.cure_ko, kind.cure))
        )
        yield f"| {kind.exit_code} | `{kind.name}` | {means} | {cure} |"
    yield ""


def _checks() -> Iterator[str]:
    yield "## What `blindspot doctor` looks at\n"
    yield "settings, " + ", ".join(check.name for check in CHECKS) + ". `fail` would stop a night, `warn` may soon."
    yield "Each line says its cure; `--json` gives the same to a program.\n"


def _told() -> Iterator[str]:
    yield _TOLD
    yield "| 알림 | 뜻과 할 일 |"
    yield "|---|---|"
    for state, title in TITLES.items():
        yield f"| {title} (`{state}`) | {_STATES[state]} |"
    yield ""


def _warned() -> Iterator[str]:
    yield _WARNED.format(title=TITLES["warnings"])
    yield "| 살펴볼 것 | 할 일 |"
    yield "|---|---|"
    for name, words in WARNINGS.items():
        yield f"| {words} (`{name}`) | {_WARNINGS_DO[name]} |"
    yield ""


def _files() -> Iterator[str]:
    yield _FILES_HEAD
    yield "| code | 뜻 |"
    yield "|---|---|"
    for code, words in REFUSED_FILES.items():
        yield f"| `{code}` | {words} |"
    yield ""


def _rules() -> Iterator[str]:
    yield _RULES_HEAD
    yield "| rule | 뜻 | 고치는 방법 |"
    yield "|---|---|---|"
    for name, rule in RULES.items():
        yield f"| `{name}` | {rule.what_ko} | {rule.cure_ko} |"
    yield ""
    yield _ANSWERS_HEAD
    yield "| rule | 뜻 | 고치는 방법 |"
    yield "|---|---|---|"
    for code, answer in ANSWER_RULES.items():
        yield f"| `{code}` | {answer.what_ko} | {answer.cure_ko} |"
    yield ""
