"""Every signal, one entry each: contract, made-up files, features, reasons and tests follow from the entry."""

from signals.catalogue.care import CARE
from signals.catalogue.debt import DEBT
from signals.catalogue.health import HEALTH
from signals.catalogue.housing import HOUSING
from signals.catalogue.reports import REPORTS
from signals.catalogue.safety import SAFETY
from signals.catalogue.utilities import UTILITIES
from signals.catalogue.welfare import WELFARE
from signals.catalogue.work import WORK
from signals.signal import Signal

SIGNALS: dict[str, Signal] = {
    s.name: s for s in (*UTILITIES, *HEALTH, *WORK, *DEBT, *HOUSING, *WELFARE, *CARE, *SAFETY, *REPORTS)
}
