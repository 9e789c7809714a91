"""A made-up country of any size: people, hidden hardship, agency files with flaws, officers who answer."""

from synthetic.country import Country, make_country
from synthetic.living import Living, begin
from synthetic.settings import CountrySettings, FlawRates
from synthetic.visits import visit

__all__ = ["Country", "CountrySettings", "FlawRates", "Living", "begin", "make_country", "visit"]
