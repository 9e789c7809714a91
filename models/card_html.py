"""A card as its readers see it: one page in the look of the others, that needs nothing but itself."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, Final

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from models.cards import Card, Facts, fill_card

CARD_TEMPLATES: Final = ("card.html", "card.css")


def write_card_page(card: Card, facts: Facts, templates: Mapping[str, str], look: str) -> bytes:
    """`templates`: texts of CARD_TEMPLATES by name; `look`: the style our pages share. CardRefused as write_card."""
    style = look + templates["card.css"]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment = Environment(
        loader=DictLoader(dict(templates)), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    page = environment.get_template("card.html").render(
        card=card,
        told=facts.told,
        parts={code: list(_parts(text)) for code, text in fill_card(card, facts).items()},
        style=Markup(style),  # noqa: S704 - our own files, covered by the hash
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
    )
    return (page + "\n").encode()


def _parts(text: str) -> Iterator[dict[str, Any]]:
    """Paragraphs, and lists of the lines that begin with a dash."""
    for is_list, lines in groupby(filter(None, text.split("\n")), key=lambda line: line.startswith("- ")):
        yield {"is_list": is_list, "lines": [line.removeprefix("- ") for line in lines]}
