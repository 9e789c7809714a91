"""A whole delivery at once -> rows taken in and rows set aside. Large files go block by block: `signals.blocks`."""

from collections.abc import Collection

from signals.blocks import SET_ASIDE, Split, split_whole
from signals.catalogue import SIGNALS
from signals.delivery import DeliveryName
from signals.layout import Agency
from signals.readers import addresses_reader, contacts_reader, observations_reader, residents_reader
from signals.signal import Signal

__all__ = ["SET_ASIDE", "Split", "split_addresses", "split_contacts", "split_observations", "split_residents"]


def split_observations(raw: bytes, agency: Agency, name: DeliveryName, signals: dict[str, Signal] = SIGNALS) -> Split:
    """accepted: row_no, identifier (one written form), signal, observed_on, months, amount_won."""
    return split_whole(raw, observations_reader(agency, name, signals))


def split_residents(raw: bytes, name: DeliveryName) -> Split:
    """accepted: row_no, person_no, name, phone, household_no, birth_year, is_head, valid_from, valid_to, end_reason."""
    return split_whole(raw, residents_reader(name))


def split_addresses(raw: bytes, name: DeliveryName, offices: Collection[str] | None = None) -> Split:
    """accepted: row_no, household_no, address, building, has_unit, housing, office, valid_from, valid_to."""
    return split_whole(raw, addresses_reader(name, offices))


def split_contacts(raw: bytes, name: DeliveryName, offices: Collection[str] | None = None) -> Split:
    """accepted: row_no, case_no, household_no, office, lane, selected_on, contacted_on, outcome, benefit, recorded_on.

    outcome is a key of OUTCOMES, or null: not answered yet.
    """
    return split_whole(raw, contacts_reader(name, offices))
