"""What a person is told who asks: true for each way into a queue, and all four items of the decree."""

from dataclasses import replace
from datetime import date

import pytest

from alerts.lanes import LANES
from alerts.statement import COUNTS_FROM, COUNTS_MUCH_FROM, Answerable, Decided, lines_of, write_statement
from features.household import HOUSEHOLD
from signals.catalogue import SIGNALS

WHO = Answerable("어느 시", "대표 창구", "복지정책과장", "사회보장급여법 제12조의2", "누리집에 알립니다.")
TOLD = Decided(
    alert_id="A7MYYTBOTBWUHB", office_ko="아침동", opened_on=date(2026, 9, 29), told_on=date(2026, 10, 4), lane="risk",
    works_as="risk", band="high", criterion=None, is_open=True, outcome=None, closed_on=None, model="m",
    model_of=date(2026, 9, 14), reasons=("전기요금이 밀렸습니다.",), eases=("다른 것은 없습니다.",),
    live=("power_arrears",), pushes={"power_arrears": 0.6, "household": 0.2, "contacts": -0.3, "across": 0.05},
)  # fmt: skip


def told(**changes: object) -> str:
    return write_statement(replace(TOLD, **changes), WHO, SIGNALS)  # type: ignore[arg-type]


def test_result_kinds_weight_and_procedure_are_told_in_their_order() -> None:
    text = told()
    titles = [line for line in text.splitlines() if line[:2] in ("1.", "2.", "3.", "4.", "5.")]
    assert [title[0] for title in titles] == ["1", "2", "3", "4", "5"]
    signal = SIGNALS["power_arrears"]
    for words in ("‘높음’", "아침동", signal.name_ko, signal.legal_basis, *TOLD.reasons, *TOLD.eases, WHO.contact):
        assert words in text
    assert f"{signal.name_ko}: 가능성을 크게 높였습니다" in text
    assert "주거(주민등록·주소 자료): 가능성을 높였습니다" in text
    assert "이전 발굴·상담 기록: 가능성을 낮췄습니다" in text
    assert "여러 신호를 함께 본 것: " not in text, "what hardly counted is not told to have counted"


@pytest.mark.parametrize("push", [COUNTS_FROM, -COUNTS_FROM, COUNTS_MUCH_FROM, -COUNTS_MUCH_FROM])
def test_weight_begins_where_it_is_said_to(push: float) -> None:
    beyond, short = (told(pushes={"power_arrears": value}) for value in (push, push * 0.99))
    assert "가능성을 " in beyond
    assert beyond.count("크게") == (abs(push) >= COUNTS_MUCH_FROM)
    assert short.count("크게") == 0


@pytest.mark.parametrize("lane", LANES)
def test_every_lane_says_truly_how_it_was_chosen(lane: str) -> None:
    text = told(lane=lane)
    assert ("무작위" in text) == (lane == "explore"), "the person is told, also what officers are not"
    assert ("점수와 관계없이" in text) == (lane == "urgent")
    if lane != "explore":
        return
    assert LANES["explore"].label_ko == LANES["risk"].label_ko


def test_a_districts_own_rule_an_unscored_household_and_a_closed_alert() -> None:
    assert "‘중장년 1인 가구’에 맞아" in told(criterion="중장년 1인 가구")
    urgent = told(lane="urgent", band=None, pushes={}, live=(), eases=())
    assert "세 단계" not in urgent
    assert "자료 종류마다" not in urgent
    closed = told(is_open=False, outcome="watch", closed_on=date(2026, 10, 2))
    assert "2026년 10월 2일에 종결되어" in closed
    assert "‘지켜보기로 함’" in closed
    for text in (urgent, closed, told(outcome="unreached"), told(model_of=None)):
        assert "None" not in text


def test_what_it_says_is_not_used_is_not() -> None:
    words = [*(shape.label_ko for shape in HOUSEHOLD), *(signal.name_ko for signal in SIGNALS.values())]
    assert not [word for word in words if any(said in word for said in ("성별", "국적", "외국", "장애"))]


def test_sentences_of_a_night_come_in_their_order_without_the_empty_ones() -> None:
    row = {"reason_1": "가", "reason_2": None, "reason_3": "다", "reason_10": "열"}
    assert list(lines_of(row, "reason")) == ["가", "다"]
    with pytest.raises(ValueError, match="a lane nobody told of"):
        told(lane="other", criterion=None)
