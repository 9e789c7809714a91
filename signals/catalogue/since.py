"""The days from which kinds of signals were told (history of the count, 24 kinds in 2015 to 47 in 2024).

Only the steps are published, not the day of each kind: a kind named in no step carries the day by which 34 were in.
"""

from datetime import date

AT_LAUNCH = date(2015, 12, 1)  # first round; 24 kinds planned, 19 analysed
BY_34 = date(2022, 4, 19)  # "34 kinds" in the press that day
FROM_39 = date(2022, 11, 14)  # round 6 of 2022
FROM_44 = date(2023, 12, 1)
FROM_45 = date(2024, 3, 1)
FROM_47 = date(2024, 11, 1)
DECREE_2025 = date(2025, 2, 18)  # lets personal loans of low-income finance be told
CHILD_ANNEX = date(2024, 6, 25)  # sister system for children
CITIZEN_APP = date(2024, 6, 26)  # the reporting app, whole country

LAW = "사회보장급여법 제12조제1항"
DECREE = "사회보장급여법 시행령 제8조"
ANNEX = "사회보장급여법 시행령 별표 2"
TO_CONFIRM = "운영자가 법적 근거를 확인해야 함"
