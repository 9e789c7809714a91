"""What the gate says, in both languages: ledger and terminal read English, the report reads Korean. One table, so that
a sentence changed in one language is seen beside the other."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple


class Said(NamedTuple):
    en: str
    ko: str


QUESTIONS: Final[Mapping[str, Said]] = {
    "sealed": Said("Are the files what was signed?", "서명과 열이 맞는가"),
    "both_answers": Said("Did officers find need and no need?", "두 가지 결과가 모두 있는가"),
    "enough": Said("Was it judged on enough households?", "충분한 가구로 평가했는가"),
    "fresh": Said("Are the answers recent?", "결과가 최근 것인가"),
    "ordered": Said("Is there an order, and does it find need?", "순서가 있고 어려움을 찾는가"),
    "as_judged": Said("Is the model that goes out the one that was judged?", "내보낼 모형이 평가한 모형과 같은가"),
    "known_in_time": Said("Does it use only what was known on the day?", "그날 알던 것만 쓰는가"),
    "believable": Said("Is it too good to be true?", "지나치게 좋지는 않은가"),
    "beats_the_rule": Said("Does it find as much as the best plain rule?", "가장 나은 단순 방식만큼 찾는가"),
    "not_worse": Said("Does it find as much as the champion?", "이전 모형만큼 찾는가"),
    "fair": Said("Is every group reached as before?", "모든 집단에 전처럼 닿는가"),
    "calibrated": Said("Does a told chance mean what it says?", "말한 가능성이 맞는가"),
    "explained": Said("Do its reasons hold?", "이유를 설명할 수 있는가"),
    "not_slower": Said("Can it be explained in the night?", "밤사이에 설명할 수 있는가"),
    "not_drifted": Said("Are today's households like those it learned from?", "오늘의 가구가 배운 가구와 닮았는가"),
}

SENTENCES: Final[Mapping[str, Said]] = {
    "sealed": Said("signature, digest and columns hold", "서명, 요약값, 열이 모두 맞습니다."),
    "broken": Said("{what}", "모형 파일의 서명·요약값·열 가운데 맞지 않는 것이 있어 열지 않았습니다."),
    "unmeasured": Said("nothing was measured", "측정한 것이 없습니다."),
    "both_answers": Said(
        "outcomes of both kinds were learned from and judged on",
        "어려움이 확인된 결과와 확인되지 않은 결과를 모두 배우고, 두 가지 모두로 평가했습니다.",
    ),
    "one_answer": Said("all outcomes say the same", "결과가 모두 한쪽뿐이어서 배우거나 평가할 수 없습니다."),
    "enough": Said(
        "judged on {judged} households not learned from, {needs} with need",
        "배우지 않은 {judged:,}가구로 평가했고, 그중 {needs:,}가구에서 어려움이 확인되었습니다.",
    ),
    "fresh": Said(
        "the newest answer learned from came {days} days before, the newest round is of {round}",
        "배운 결과 가운데 가장 최근 것은 {days}일 전에 도착했고, 가장 최근 차수는 {round}입니다.",
    ),
    "ordered": Said(
        "{distinct} different scores, {alike:.0%} alike, ROC-AUC {auc:.3f}",
        "서로 다른 점수가 {distinct:,}개이고, 같은 점수는 많아야 {alike:.0%}입니다. ROC-AUC는 {auc:.3f}입니다.",
    ),
    "as_judged": Said(
        "rank correlation {agreement:.2f} between the model that goes out and those that were judged",
        "내보낼 모형과 평가한 모형의 순위 상관은 {agreement:.2f}입니다.",
    ),
    "known_in_time": Said(
        "built again from what was known on the day, a round gives the same columns",
        "그날 알던 자료만으로 한 차수를 다시 만들어도 모든 열이 같습니다.",
    ),
    "known_late": Said(
        "{count} columns hold what was not known on the day: {columns}",
        "그날 알 수 없던 값이 {count}개 열에 있습니다: {columns}",
    ),
    "believable": Said(
        "ROC-AUC {auc:.3f}; {column} alone reaches {alone:.3f} and has {gain:.0%} of the trees' gain",
        "ROC-AUC는 {auc:.3f}입니다. 한 열({column})만으로는 {alone:.3f}이고, 나무가 얻은 정보의 {gain:.0%}가 "
        "그 열에서 나왔습니다.",
    ),
    "beats_the_rule": Said(
        "finds {ratio:.2f} times the need at capacity that “{rule}” finds",
        "같은 정원에서 ‘{rule}’의 {ratio:.2f}배에 이르는 어려움을 찾습니다.",
    ),
    "no_place": Said(
        "no office has a place to fill: nothing can be compared", "빈자리가 있는 사무소가 없어 견줄 수 없습니다."
    ),
    "not_worse": Said(
        "finds {ratio:.2f} [{low:.2f}, {high:.2f}] times what the champion finds ({how})",
        "이전 모형이 찾는 어려움의 {ratio:.2f}배[{low:.2f}, {high:.2f}]를 찾습니다({how}).",
    ),
    "no_shared_place": Said(
        "no place to fill on the rounds shared with the champion ({how})",
        "이전 모형과 함께 견줄 차수에 빈자리가 없습니다({how}).",
    ),
    "no_champion": Said("no champion to compare with", "견줄 이전 모형이 없습니다."),
    "champion_lost": Said(
        "the champion cannot be compared with: {what}",
        "이전 모형의 파일이 없거나 저장한 그대로가 아니어서 견주지 않았습니다.",
    ),
    "champion_broken": Said(
        "the champion's files do not hold: not compared", "이전 모형의 파일이 서명과 맞지 않아 견주지 않았습니다."
    ),
    "fair": Said(
        "{grouping} {group}: reach {ratio:.2f} times that of {beside}",
        "가장 낮은 집단은 ‘{grouping}: {group}’이며, 닿은 비율이 {beside}의 {ratio:.2f}배입니다.",
    ),
    "unfair": Said(
        "{grouping} {group}: reach {ratio:.2f} times that of {beside}",
        "‘{grouping}: {group}’ 집단에 닿은 비율이 {beside}의 {ratio:.2f}배로 줄었고, 우연으로 보기 어렵습니다.",
    ),
    "no_group": Said(
        "no group has {least} needs: insufficient to say",
        "어려움이 확인된 가구가 {least}곳 이상인 집단이 없어 말할 수 없습니다.",
    ),
    "champion": Said("champion", "이전 모형"),
    "rule": Said("{name}", "‘{name}’"),
    "calibrated": Said(
        "expected calibration error {error:.3f} {which}", "보정 오차(ECE)는 {error:.3f}입니다({which})."
    ),
    "out_of_time": Said("out of time", "각 차수 전에 알던 결과로 보정"),
    "as_sealed": Said("of the two numbers that go out", "함께 나가는 보정값 두 개"),
    "not_before": Said(
        "{calibrated}; no round could be told before", "{calibrated} 미리 말할 수 있던 차수는 없습니다."
    ),
    "explained": Said(
        "pushes differ from shap by {difference:.0e}; more hardship lowered {fell} of 10,000 scores",
        "설명한 기여와 shap의 차이는 {difference:.0e}입니다. "
        "위기가 더해졌는데 낮아진 점수는 10,000개 가운데 {fell}개입니다.",
    ),
    "unexplained": Said(
        "it cannot be explained; more hardship lowered {fell} of 10,000 scores",
        "이유를 설명할 수 없습니다. 위기가 더해졌는데 낮아진 점수는 10,000개 가운데 {fell}개입니다.",
    ),
    "work": Said("{work:,} steps to explain a household", "한 가구를 설명하는 데 {work:,}단계가 듭니다."),
    "work_beside": Said(
        "{work:,} steps to explain a household, the champion {theirs:,}",
        "한 가구를 설명하는 데 {work:,}단계가 들고, 이전 모형은 {theirs:,}단계입니다.",
    ),
    "not_drifted": Said(
        "scores of all households moved by a PSI of {psi:.3f} since the newest round learned from",
        "마지막으로 배운 차수의 날부터 오늘까지 전체 가구의 점수가 PSI {psi:.3f}만큼 움직였습니다.",
    ),
    "no_earlier_day": Said("no earlier day to compare with", "견줄 이전 날이 없습니다."),
    "all_judged": Said("on all judged rows", "평가한 모든 가구"),
    "deployed": Said(
        "as deployed, on the {days} rounds after {newest}", "{newest} 뒤의 {days}개 차수에서 배포된 그대로"
    ),
    "same_recipe": Said("by the same recipe: {why}", "같은 설정으로, {why}"),
    "fitted_again": Said("by its recipe, fitted again per window: {why}", "이전 설정으로 차수마다 다시 학습해, {why}"),
    "no_newer_round": Said("no newer round suffices", "더 새로운 차수가 모자람"),
    "other_columns": Said("it cannot read today's features", "이전 모형이 오늘의 특성을 읽지 못함"),
    "at_capacity": Said("{how}; at the offices' capacity", "{how}, 사무소 정원 기준"),
    "top_of_rounds": Said(
        "{how}; top {places} of each round: offices hold nearly all",
        "{how}, 사무소가 거의 모두 살펴볼 수 있어 차수마다 상위 {places}가구 기준",
    ),
    "passed": Said("passed every gate", "모든 항목을 통과했습니다."),
}  # fmt: skip


def say(code: str, **figures: Any) -> Said:
    """The sentence in both languages. A figure that is itself Said stands in each in its own language."""
    told = SENTENCES[code]
    en, ko = ({k: v[i] if isinstance(v, Said) else v for k, v in figures.items()} for i in range(2))
    return Said(told.en.format(**en), told.ko.format(**ko))
