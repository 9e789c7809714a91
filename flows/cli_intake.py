"""`blindspot withdraw`."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()

DEFAULT_CONFIG = Path(__file__).parent.parent / "config.yaml"


@app.command()
def withdraw(
    file: Annotated[str, typer.Argument(help="Name of the delivery as it came, such as nhis_202608_20261015.csv.")],
    because: Annotated[str, typer.Option(help="Why: recorded.")],
    by: Annotated[str, typer.Option(help="Who asked for it: recorded.")],
    config: Annotated[
        Path, typer.Option("--config", help="Settings file.", show_default="config.yaml")
    ] = DEFAULT_CONFIG,
    work: Annotated[
        Path | None, typer.Option("--work", help="Work folder, instead of the one in the settings.")
    ] = None,
) -> None:
    """Take a delivery back for its agency: no later run knows its rows. The agency itself sends FILE.withdrawn."""
    from flows.desk import open_desk, today
    from flows.inbox import day_after_last_night
    from flows.withdrawing import take_back

    with open_desk(config, work) as desk:
        taken = take_back(desk, file, because, by, max(today(), day_after_last_night(desk)))
    typer.echo("\n".join(taken.warnings))
