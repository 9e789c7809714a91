"""The sources of observations, each with its own layout. The layouts are ours to agree on: none is published."""

from signals.agencies.addresses import ADDRESSES
from signals.agencies.households import HOUSEHOLDS
from signals.agencies.people import PEOPLE
from signals.layout import Agency

AGENCIES: dict[str, Agency] = {a.code: a for a in (*PEOPLE, *ADDRESSES, *HOUSEHOLDS)}
