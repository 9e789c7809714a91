"""Errors for the person who runs Blindspot: what, where, what to do. Shown without a traceback."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of refusal, as the runbook and notifications tell it. The message itself says which file or key."""

    name: str
    exit_code: int  # 1 is a bug, 2 a wrong command line
    meaning: str
    cure: str
    meaning_ko: str
    cure_ko: str


# One exit code per kind, so that a timer or a script can tell them apart. A number is never given twice.
KINDS: Final = (
    Kind(
        "config",
        10,
        "A key or value of config.yaml is wrong; nothing was read or written.",
        "Mend the key that the message names; every key is explained in the file itself.",
        "설정 파일(config.yaml)의 항목이나 값이 잘못되었습니다. 아무 자료도 읽거나 쓰지 않았습니다.",
        "메시지에 나온 항목을 고쳐 주십시오. 항목마다 설명이 파일 안에 있습니다.",
    ),
    Kind(
        "busy",
        11,
        "Another run holds the work folder. Two never work in one folder; the lock ends with its holder.",
        "Wait until the other run has ended, then start again. `blindspot doctor` names the process.",
        "다른 실행이 같은 작업 폴더를 쓰고 있습니다. 한 폴더에서는 한 번에 하나만 실행됩니다.",
        "앞선 실행이 끝난 뒤 다시 시작해 주십시오. `blindspot doctor`가 어느 실행인지 알려 줍니다.",
    ),
    Kind(
        "stale",
        12,
        "A required source is missing or too old. Its silence would look like relief; yesterday's queues stay.",
        "Call the contact that the message names; put the file into the inbox and run the night again.",
        "꼭 필요한 자료가 오지 않았거나 너무 오래되었습니다. 어제 명단을 그대로 둡니다.",
        "메시지에 나온 기관 담당자에게 연락해 자료를 받은 뒤 다시 실행해 주십시오.",
    ),
    Kind(
        "no_model",
        13,
        "No model is deployed, so nothing can be scored.",
        "Run `blindspot retrain`; if the gate held the model back, its report says why.",
        "배포된 모형이 없어 점수를 낼 수 없습니다.",
        "`blindspot retrain`을 실행해 주십시오. 심사에서 보류되었다면 보고서에 까닭이 있습니다.",
    ),
    Kind(
        "model",
        14,
        "A model is missing, was changed, or its signature is not ours; or a decision about one is refused.",
        "Restore the folder `models` from its backup, or retrain. Look who wrote to it: the files were not used.",
        "모형 파일이 없거나 바뀌었거나 서명이 맞지 않습니다. 그 파일은 쓰지 않았습니다.",
        "백업에서 models 폴더를 되살리거나 다시 학습해 주십시오. 누가 파일을 고쳤는지도 확인해 주십시오.",
    ),
    Kind(
        "scores",
        15,
        "The scores would put households in a meaningless order (all the same). Yesterday's queues stay.",
        "Look at the newest deliveries and at the model's report; roll the model back if it is the cause.",
        "모든 가구의 점수가 같아 순서를 정할 수 없습니다. 어제 명단을 그대로 둡니다.",
        "최근 자료와 모형 보고서를 살펴보고, 모형 탓이면 `blindspot rollback`으로 되돌려 주십시오.",
    ),
    Kind(
        "cohort",
        16,
        "The number of households jumped from one night to the next. Yesterday's queues stay.",
        "Look at the newest residents and addresses files; raise night.cohort_jump only if the jump is real.",
        "가구 수가 하룻밤 사이에 크게 달라졌습니다. 어제 명단을 그대로 둡니다.",
        "최근 주민·주소 자료를 확인해 주십시오. 실제 변화라면 night.cohort_jump를 올려 주십시오.",
    ),
    Kind(
        "training",
        17,
        "There is too little to learn from. The deployed model stays.",
        "Let answers arrive, then retrain.",
        "학습할 답이 모자랍니다. 쓰고 있는 모형은 그대로입니다.",
        "읍면동의 답이 더 모인 뒤 다시 학습해 주십시오.",
    ),
    Kind(
        "past",
        18,
        "The day lies before the last night. What is known cannot be unlearned.",
        "Run a night for the day of the last one, or later. To look at an old one: `blindspot replay RUN`.",
        "마지막 실행일보다 앞선 날짜입니다. 이미 알게 된 것을 모르는 일로 할 수 없습니다.",
        "마지막 실행일이나 그 뒤의 날짜로 실행해 주십시오. 지난 실행은 `blindspot replay`로 볼 수 있습니다.",
    ),
    Kind(
        "alert",
        19,
        "There is no such alert, or its explanation is missing.",
        "Copy the alert's number (알림번호) from an office sheet; restore the folder `explained` from its backup.",
        "그런 알림이 없거나 설명 자료가 없습니다.",
        "읍면동 명단의 알림번호를 그대로 옮겨 주십시오. 그래도 없으면 백업에서 explained 폴더를 되살려 주십시오.",
    ),
    Kind(
        "offices",
        20,
        "The offices file is missing or not usable.",
        "Mend the row and column that the message names: codes of 10 and 5 digits as text, each office once.",
        "읍면동 목록 파일이 없거나 쓸 수 없습니다.",
        "메시지에 나온 줄과 칸을 고쳐 주십시오. 코드는 10자리와 5자리 숫자이고, 읍면동은 한 번씩만 적습니다.",
    ),
    Kind(
        "keys",
        21,
        "A key file is missing, has the wrong length, or can be read by others.",
        "Put the key file back from its own backup, mode 0400. Never make new keys beside old data.",
        "열쇠 파일이 없거나 길이가 다르거나 다른 계정이 읽을 수 있습니다.",
        "열쇠 백업에서 되살리고 권한을 0400으로 해 주십시오. 옛 자료 옆에 새 열쇠를 만들면 안 됩니다.",
    ),
    Kind(
        "database",
        22,
        "The database does not answer, its schema is not ours, or it contradicts what a run brings.",
        "Start it, or mend `database` in config.yaml; use the version of Blindspot that last ran on it, or newer.",
        "데이터베이스에 연결할 수 없거나 구조가 맞지 않거나 기록이 서로 어긋납니다.",
        "데이터베이스를 켜고 설정의 database를 확인해 주십시오. 마지막으로 쓴 판이나 더 새 판으로 실행해 주십시오.",
    ),
    Kind(
        "inbox",
        23,
        "The inbox or the work folder holds what does not belong together.",
        "Use another work folder, or clear this one.",
        "작업 폴더에 함께 둘 수 없는 자료가 있습니다.",
        "다른 작업 폴더를 쓰거나 이 폴더를 비워 주십시오.",
    ),
    Kind(
        "lake",
        24,
        "A table of the lake, or a night's intermediate file, cannot be read.",
        "Run the night again; if it comes back, restore the folder `lake` from its backup.",
        "자료 저장소(lake)의 표나 중간 파일을 읽을 수 없습니다.",
        "다시 실행해 보시고, 되풀이되면 백업에서 lake 폴더를 되살려 주십시오.",
    ),
    Kind(
        "sealed",
        25,
        "Something sealed was changed, moved, or sealed with another key.",
        "Restore it from its backup and look who wrote to it.",
        "봉인된 자료가 바뀌었거나 옮겨졌거나 다른 열쇠로 봉인되었습니다.",
        "백업에서 되살리고, 누가 고쳤는지 확인해 주십시오.",
    ),
    Kind(
        "explanation",
        26,
        "Explanations do not add up to the scores: reasons would be false. Yesterday's queues stay.",
        "Check the versions with `blindspot doctor`, run again, and report it as a bug with the run's id.",
        "설명이 점수와 맞지 않아 이유를 믿을 수 없습니다. 어제 명단을 그대로 둡니다.",
        "`blindspot doctor`로 프로그램 판을 확인하고 다시 실행해 주십시오. 되풀이되면 실행 번호와 함께 알려 주십시오.",
    ),
    Kind(
        "stop",
        27,
        "The request to stop the processing of a household's data could not be entered.",
        "Check the household number (세대번호), the reason's code and the last day.",
        "처리정지 요구를 적을 수 없었습니다.",
        "세대번호, 사유 코드, 마지막 날을 확인해 주십시오.",
    ),
    Kind(
        "matrix",
        28,
        "The file to write exists already, or its folder does not.",
        "Name another file: nothing is written over.",
        "쓰려는 파일이 이미 있거나 폴더가 없습니다.",
        "다른 파일 이름을 적어 주십시오. 있는 파일 위에는 쓰지 않습니다.",
    ),
    Kind(
        "report",
        29,
        "A required field of the model's card would stay empty; the model is not deployed.",
        "Fill in `accountability` in config.yaml, then retrain.",
        "모형 설명서의 필수 항목이 비어 있어 모형을 배포하지 않았습니다.",
        "설정의 accountability를 채운 뒤 다시 학습해 주십시오.",
    ),
    Kind(
        "tracking",
        30,
        "MLflow's client is not installed, or its files cannot be written. No night needs them.",
        "Install the extra `lab`.",
        "MLflow를 쓸 수 없습니다. 밤 실행과는 관계가 없습니다.",
        "추가 꾸러미 lab을 설치해 주십시오.",
    ),
    Kind(
        "audit",
        31,
        "The table for measuring fairness cannot be read as it was meant.",
        "Mend the column that the message names; give a CSV or a Parquet file.",
        "공정성 점검용 표를 읽을 수 없습니다.",
        "메시지에 나온 칸을 고쳐 CSV나 Parquet 파일로 주십시오.",
    ),
    Kind(
        "engine",
        32,
        "The cluster cannot be reached, differs from us, or would be talked to in the clear.",
        "Do what the message says about scheduler and workers (docs/cluster.md), or set engine.kind to local.",
        "계산 클러스터에 연결할 수 없거나 프로그램 판이 다르거나 연결이 암호화되지 않았습니다.",
        "메시지대로 클러스터를 고치거나 engine.kind를 local로 바꿔 주십시오.",
    ),
    Kind(
        "doctor",
        33,
        "`blindspot doctor` found what would stop the night.",
        "Do what each line marked `fail` says, then ask again.",
        "점검에서 밤 실행을 막을 문제가 나왔습니다.",
        "fail로 표시된 줄마다 적힌 대로 고친 뒤 다시 점검해 주십시오.",
    ),
    Kind(
        "replay",
        34,
        "A past night cannot be worked again, or its bytes came out differently.",
        "The message says what differs and why it may; use the code and settings of that night.",
        "지난 실행을 다시 만들 수 없거나 결과가 다릅니다.",
        "무엇이 왜 다른지 메시지를 보고, 그때의 프로그램과 설정으로 다시 해 주십시오.",
    ),
    Kind(
        "backup",
        35,
        "A backup could not be made or restored, or its bytes are not those of its list.",
        "Name a new file, an empty folder, or another copy of the backup, as the message says.",
        "백업을 만들거나 되살리지 못했거나, 백업 내용이 목록과 다릅니다.",
        "메시지대로 새 파일, 빈 폴더, 또는 다른 백업 사본을 지정해 주십시오.",
    ),
    Kind(
        "notify",
        36,
        "No address to notify can be read, or none of them took the message.",
        "Check `notify` in config.yaml, the file or variable it names, and the receiving server.",
        "알림을 보낼 주소를 읽을 수 없거나 보내지 못했습니다.",
        "설정의 notify와 거기 적힌 파일 또는 환경 변수, 받는 서버를 확인해 주십시오.",
    ),
    Kind(
        "overdue",
        40,
        "`blindspot status --check`: last night is not done, though its time is over. Yesterday's queues stay.",
        "See `blindspot status` for a refusal; else look whether `blindspot serve` runs, and start the night by hand.",
        "어젯밤 실행이 정해진 시각까지 끝나지 않았습니다. 어제 명단을 그대로 둡니다.",
        "`blindspot status`에서 멈춘 까닭을 보고, 없으면 `blindspot serve`가 켜져 있는지 확인한 뒤 직접 실행해 주십시오.",
    ),
    Kind(
        "serve",
        41,
        "The scheduler (Prefect's server and worker on this machine) cannot be started, or prefect.yaml is wrong.",
        "Do what the message says: free the port, mend prefect.yaml, or stop the other `blindspot serve`.",
        "예약 실행 서버를 시작할 수 없거나 prefect.yaml이 잘못되었습니다.",
        "메시지대로 포트를 비우거나 prefect.yaml을 고치거나, 이미 켜져 있는 `blindspot serve`를 꺼 주십시오.",
    ),
    Kind(
        "export",
        45,
        "A sheet could not be handed out: it is not there, was changed, or nobody may open what would be sealed.",
        "Check office and day; name recipients (transport.recipients in config.yaml); nothing is written over.",
        "명단을 내보낼 수 없습니다. 명단이 없거나 바뀌었거나, 봉인을 열 사람이 정해지지 않았습니다.",
        "읍면동과 날짜를 확인하고 받는 사람의 열쇠를 등록해 주십시오. 있는 파일 위에는 쓰지 않습니다.",
    ),
    Kind(
        "retention",
        46,
        "Something could not be destroyed, or a proof of destruction does not hold.",
        "Run `blindspot retain` again; if it comes back, look who holds or wrote to what the message names.",
        "자료를 파기하지 못했거나 파기 증명이 맞지 않습니다.",
        "`blindspot retain`을 다시 실행해 주십시오. 되풀이되면 메시지에 나온 파일을 누가 쓰는지 확인해 주십시오.",
    ),
    Kind(
        "request",
        47,
        "A person's request (copy, correction, stop) could not be entered or carried out.",
        "Check the household number (세대번호) and the request's number; `blindspot request list` shows what is open.",
        "정보주체의 요구(열람·정정·처리정지)를 적거나 처리할 수 없었습니다.",
        "세대번호와 접수번호를 확인해 주십시오. `blindspot request list`가 처리할 요구를 보여 줍니다.",
    ),
    Kind(
        "research",
        48,
        "No research file was written: too many households would have to be left out, or the place is not usable.",
        "Ask for fewer or coarser columns, a larger country, or a smaller k that your review board allows.",
        "연구용 자료를 만들지 않았습니다. 빼야 할 가구가 너무 많거나 쓸 곳이 알맞지 않습니다.",
        "항목을 줄이거나 더 큰 지역을 대상으로 하거나, 심의를 받은 범위에서 k를 낮춰 주십시오.",
    ),
    Kind(
        "breach",
        49,
        "The scope of a breach could not be told.",
        "Check the period, the account and the file; give the times with `--from` and `--to`.",
        "유출 범위를 확인할 수 없습니다.",
        "기간, 계정, 파일 이름을 확인해 주십시오.",
    ),
    Kind(
        "disk",
        50,
        "The disk is full or read-only, or did not give back what was written. What people see is whole all the same.",
        "Make room, or let the runner's account write there again, then run again: nothing is lost or done twice.",
        "디스크가 가득 찼거나 쓸 수 없거나, 쓴 자료가 그대로 읽히지 않습니다. 이미 나간 명단은 온전합니다.",
        "공간을 비우거나 쓰기 권한을 되돌린 뒤 다시 실행해 주십시오. 빠지거나 겹치는 자료는 없습니다.",
    ),
    Kind(
        "memory",
        51,
        "There was not enough memory. Nothing of this run was published.",
        "Lower night.households_per_part or engine.workers, or give it more memory; then run again.",
        "메모리가 모자랍니다. 이번 실행에서 나간 명단은 없습니다.",
        "night.households_per_part나 engine.workers를 낮추거나 메모리를 늘린 뒤 다시 실행해 주십시오.",
    ),
    Kind(
        "paused",
        52,
        "Somebody has paused publication. What arrived was taken in; yesterday's queues stay.",
        "`blindspot resume --by NAME` when the reason is gone, then run the night again.",
        "담당자가 명단 내보내기를 멈추어 두었습니다. 들어온 자료는 받아 두었고 어제 명단을 그대로 둡니다.",
        "멈춘 까닭이 없어지면 `blindspot resume --by 이름`을 실행한 뒤 다시 실행해 주십시오.",
    ),
    Kind(
        "drift",
        53,
        "Tonight's scores are spread otherwise than when the model was new (night.drift). Yesterday's queues stay.",
        "Look at the newest deliveries, then retrain; raise night.drift only if people's lives have really changed so.",
        "점수 분포가 모형을 쓰기 시작한 때와 크게 달라졌습니다(night.drift 초과). 어제 명단을 그대로 둡니다.",
        "최근 자료를 먼저 확인하고 다시 학습해 주십시오. 실제 변화라면 night.drift를 올려 주십시오.",
    ),
    Kind(
        "clock",
        54,
        "The machine's clock stands before what was recorded last. Days and the order of records would be wrong.",
        "Set the clock (timedatectl), then run again. Where the record is wrong: see night.clock_back_hours.",
        "컴퓨터 시계가 마지막 기록보다 앞선 시각을 가리킵니다. 이대로 두면 날짜와 기록 순서가 틀어집니다.",
        "시계를 맞춘 뒤 다시 실행해 주십시오. 기록된 시각이 잘못이라면 night.clock_back_hours 설명을 보아 주십시오.",
    ),
    Kind(
        "migration",
        55,
        "The database could not be brought to this version. It stands as it stood before; yesterday's queues stay.",
        "Look at what the message names; docs/postgresql.md tells the ways out. The version before still runs on it.",
        "데이터베이스를 이 버전에 맞게 바꾸지 못했습니다. 데이터베이스와 어제 명단은 그대로입니다.",
        "메시지에 나온 것을 확인해 주십시오. docs/postgresql.md에 방법이 있고, 이전 버전은 계속 쓸 수 있습니다.",
    ),
    Kind(
        "log",
        60,
        "The access log is not whole: records were changed, moved, removed or cut off. Or it cannot be reviewed so.",
        "Keep the database and the folder `anchors` as they are, tell the data-protection officer, compare with a backup.",
        "접속기록이 온전하지 않습니다. 고치거나 옮기거나 지우거나 잘라 낸 흔적이 있습니다.",
        "데이터베이스와 anchors 폴더를 그대로 두고 개인정보 보호책임자에게 알린 뒤 백업과 견주어 주십시오.",
    ),
    Kind(
        "roles",
        61,
        "A role cannot be given or taken, or the database does not hold accounts to their roles.",
        "Do what the message says; roles need PostgreSQL and the account that owns the tables.",
        "권한을 줄 수 없거나, 데이터베이스가 계정별 권한을 지키지 않고 있습니다.",
        "메시지에 나온 대로 조치해 주십시오. 권한 관리는 PostgreSQL과 테이블 소유 계정이 있어야 합니다.",
    ),
    Kind(
        "withdrawal",
        65,
        "No delivery of that name is in use: it never came, was refused, is replaced, or was taken back before.",
        "Look at the name; `blindspot status` tells which months are known. What a correction replaced needs nothing.",
        "그 이름으로 쓰이고 있는 자료가 없습니다. 오지 않았거나 거절되었거나 이미 바뀌었거나 거두어들인 파일입니다.",
        "파일 이름을 확인해 주십시오. 정정본으로 바뀐 파일은 따로 거두어들이지 않아도 됩니다.",
    ),
)

EXIT_CODES: Final = {kind.name: kind.exit_code for kind in KINDS}


class OperatorError(Exception):
    """A run that must not go on. `kind` is the name of one of KINDS."""

    def __init__(self, kind: str, what: str, cure: str) -> None:
        super().__init__(f"{what} -> {cure}")
        self.kind = kind
        self.what = what
        self.cure = cure

    def __reduce__(self) -> tuple[type["OperatorError"], tuple[str, str, str]]:
        """Whole from a worker's process to ours."""
        return type(self), (self.kind, self.what, self.cure)

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.kind]
