"""`blindspot board`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer()

DEFAULT_CONFIG = Path(__file__).parent.parent / "config.yaml"


@app.command()
def board(
    as_of: Annotated[
        datetime | None,
        typer.Option("--as-of", formats=["%Y-%m-%d"], help="Which night.", show_default="the last one published"),
    ] = None,
    config: Annotated[
        Path, typer.Option("--config", help="Settings file.", show_default="config.yaml")
    ] = DEFAULT_CONFIG,
    work: Annotated[
        Path | None, typer.Option("--work", help="Work folder, instead of the one in the settings.")
    ] = None,
) -> None:
    """Write the board of a published night again. Every night writes its own, a refused one too."""
    from flows.board import last_night, write_board
    from flows.desk import open_desk

    with open_desk(config, work) as desk:
        file = write_board(desk, as_of.date() if as_of else last_night(desk))
    Console(soft_wrap=True).print(str(file), highlight=False)
