"""Every rule a row can break: its name is the name in the report. Their order says which one is told of first."""

from dataclasses import dataclass

from signals.layout import Field, Layout


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    fields: tuple[Field, ...]  # the first of these that the layout has is the column at fault
    what_ko: str
    cure_ko: str


_KEYS: tuple[Field, ...] = ("person_no", "address", "household_no")

_RULES = (
    Rule(
        "unreadable_characters",
        (),
        "읽을 수 없는 글자가 있습니다.",
        "정해진 문자 방식(인코딩)으로 저장해 다시 보내 주십시오.",
    ),
    Rule(
        "wrong_field_count",
        (),
        "칸의 수가 첫 줄과 다르거나 따옴표가 맞지 않습니다.",
        "구분 기호가 든 값은 큰따옴표로 묶고, 한 줄에 한 건만 적어 주십시오.",
    ),
    Rule("case_missing", ("case_no",), "관리번호가 비어 있습니다.", "관리번호를 채워 주십시오."),
    Rule(
        "identifier_missing",
        _KEYS,
        "대상을 알아볼 번호나 주소가 비어 있습니다.",
        "주민등록번호, 주소 또는 세대번호를 채워 주십시오.",
    ),
    Rule(
        "identifier_malformed",
        _KEYS,
        "대상을 알아볼 번호나 주소의 형식이 맞지 않습니다.",
        "주민등록번호는 13자리, 세대번호는 6~20자리, 주소는 지역 이름부터 건물번호까지 적어 주십시오.",
    ),
    Rule(
        "household_malformed",
        ("household_no",),
        "세대번호가 비어 있거나 형식이 맞지 않습니다.",
        "세대번호를 6~20자리 숫자와 영문으로 적어 주십시오.",
    ),
    Rule(
        "address_malformed",
        ("address",),
        "주소가 비어 있거나 형식이 맞지 않습니다.",
        "주소를 지역 이름부터 건물번호와 동·호수까지 적어 주십시오.",
    ),
    Rule(
        "unknown_code",
        ("source_code",),
        "약속되지 않은 구분 코드입니다.",
        "약속된 코드로 고치거나, 새 코드라면 먼저 알려 주십시오.",
    ),
    Rule(
        "unknown_housing",
        ("housing",),
        "약속되지 않은 주거유형입니다.",
        "약속된 주거유형 이름으로 고쳐 주십시오.",
    ),
    Rule(
        "unknown_office",
        ("office",),
        "행정동코드가 10자리 숫자가 아니거나 등록되지 않았습니다.",
        "앞자리 0이 지워지지 않았는지 보고, 현재 쓰는 10자리 행정동코드로 고쳐 주십시오.",
    ),
    Rule("unknown_lane", ("lane",), "약속되지 않은 구분입니다.", "약속된 구분으로 고쳐 주십시오."),
    Rule(
        "unknown_outcome",
        ("outcome",),
        "약속되지 않은 처리결과입니다.",
        "처리결과 목록에 있는 말 그대로 적어 주십시오.",
    ),
    Rule(
        "unknown_end_reason",
        ("end_reason",),
        "약속되지 않은 말소사유입니다.",
        "전출, 사망, 세대분리 가운데 하나로 적거나 비워 주십시오.",
    ),
    Rule("head_unreadable", ("is_head",), "세대주여부가 Y나 N이 아닙니다.", "세대주여부를 Y 또는 N으로 적어 주십시오."),
    Rule(
        "month_unreadable",
        ("month",),
        "기준이 되는 달이나 날을 읽을 수 없습니다.",
        "약속된 날짜 형식으로, 실제로 있는 날짜를 적어 주십시오.",
    ),
    Rule(
        "month_in_future",
        ("month",),
        "기준이 되는 달이나 날이 파일을 보낸 날보다 뒤입니다.",
        "날짜를 확인해 고쳐 주십시오.",
    ),
    Rule(
        "before_available_from",
        ("month",),
        "이 정보를 받기로 한 날보다 앞선 자료입니다.",
        "제공을 시작한 날 뒤의 자료만 보내 주십시오.",
    ),
    Rule(
        "months_missing",
        ("months", "start_month"),
        "밀린 개월 수나 시작한 때가 비어 있습니다.",
        "개월 수나 시작한 때를 채워 주십시오.",
    ),
    Rule(
        "months_unreadable",
        ("months", "start_month"),
        "개월 수나 시작한 때를 읽을 수 없습니다.",
        "개월 수는 숫자로, 시작한 때는 약속된 날짜 형식으로 적어 주십시오.",
    ),
    Rule(
        "months_negative",
        ("months", "start_month"),
        "개월 수가 0보다 작거나, 시작한 때가 기준이 되는 달보다 뒤입니다.",
        "개월 수나 시작한 때를 확인해 고쳐 주십시오.",
    ),
    Rule(
        "months_absurd",
        ("months", "start_month"),
        "개월 수가 600개월을 넘습니다.",
        "개월 수나 시작한 때를 확인해 고쳐 주십시오.",
    ),
    Rule(
        "below_legal_threshold",
        ("months", "start_month"),
        "법에서 정한 개월 수에 이르지 않은 체납입니다.",
        "기준 개월 수가 된 체납만 보내 주십시오.",
    ),
    Rule("amount_missing", ("amount",), "금액이 비어 있습니다.", "금액을 채워 주십시오."),
    Rule(
        "amount_unreadable",
        ("amount",),
        "금액을 숫자로 읽을 수 없습니다.",
        "금액은 숫자와 천 단위 쉼표로만 적어 주십시오.",
    ),
    Rule("amount_negative", ("amount",), "금액이 0보다 작습니다.", "금액을 확인해 고쳐 주십시오."),
    Rule(
        "amount_absurd",
        ("amount",),
        "금액이 100억 원을 넘습니다.",
        "금액의 단위(원, 천원)와 칸의 순서를 확인해 주십시오.",
    ),
    Rule(
        "valid_from_unreadable",
        ("valid_from",),
        "시작일이 비어 있거나 읽을 수 없습니다.",
        "시작일을 약속된 날짜 형식으로 적어 주십시오.",
    ),
    Rule(
        "valid_from_in_future",
        ("valid_from",),
        "시작일이 파일을 보낸 날보다 뒤입니다.",
        "시작일을 확인해 고쳐 주십시오.",
    ),
    Rule(
        "valid_to_unreadable",
        ("valid_to",),
        "종료일을 읽을 수 없습니다.",
        "종료일을 약속된 날짜 형식으로 적거나 비워 주십시오.",
    ),
    Rule(
        "valid_to_in_future", ("valid_to",), "종료일이 파일을 보낸 날보다 뒤입니다.", "종료일을 확인해 고쳐 주십시오."
    ),
    Rule(
        "valid_to_before_valid_from", ("valid_to",), "종료일이 시작일보다 앞섭니다.", "두 날짜를 확인해 고쳐 주십시오."
    ),
    Rule(
        "selected_on_unreadable",
        ("selected_on",),
        "선정일이 비어 있거나 읽을 수 없습니다.",
        "선정일을 약속된 날짜 형식으로 적어 주십시오.",
    ),
    Rule(
        "contacted_on_unreadable",
        ("contacted_on",),
        "접촉일을 읽을 수 없습니다.",
        "접촉일을 약속된 날짜 형식으로 적거나 비워 주십시오.",
    ),
    Rule(
        "contacted_before_selected",
        ("contacted_on",),
        "접촉일이 선정일보다 앞섭니다.",
        "두 날짜를 확인해 고쳐 주십시오.",
    ),
    Rule(
        "recorded_on_unreadable",
        ("recorded_on",),
        "입력일이 비어 있거나 읽을 수 없습니다.",
        "입력일을 약속된 날짜 형식으로 적어 주십시오.",
    ),
    Rule(
        "recorded_on_in_future",
        ("recorded_on",),
        "입력일이 파일을 보낸 날보다 뒤입니다.",
        "입력일을 확인해 고쳐 주십시오.",
    ),
    Rule(
        "recorded_before_contacted",
        ("recorded_on",),
        "입력일이 선정일이나 접촉일보다 앞섭니다.",
        "날짜를 확인해 고쳐 주십시오.",
    ),
    Rule("duplicate_row", (), "같은 파일 안에 똑같은 줄이 또 있습니다.", "한 건은 한 번만 적어 주십시오."),
    Rule(
        "person_in_two_households",
        ("household_no",),
        "한 사람이 지금 두 세대에 함께 들어 있습니다.",
        "먼저 살던 세대에 말소일을 적어 주십시오.",
    ),
)

RULES: dict[str, Rule] = {r.name: r for r in _RULES}


def column_at_fault(rule: str, layout: Layout) -> str:
    """Its header as the source writes it; empty when the whole line is at fault."""
    headers = {c.field: c.header for c in layout.columns}
    return next((headers[f] for f in RULES[rule].fields if f in headers), "")
