"""`blindspot pause` and `resume`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()

DEFAULT_CONFIG = Path(__file__).parent.parent / "config.yaml"
Config = Annotated[Path, typer.Option("--config", help="Settings file.", show_default="config.yaml")]
Work = Annotated[Path | None, typer.Option("--work", help="Work folder, instead of the one in the settings.")]


@app.command()
def pause(
    because: Annotated[str, typer.Option(help="Why: recorded, and told wherever a night is refused.")],
    by: Annotated[str, typer.Option(help="Who decides: a name, recorded.")],
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Last day of the pause.", show_default="until `blindspot resume`"),
    ] = None,
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """Nights take in what arrives and publish nothing, one that runs now among them; the queues that are out stay."""
    from flows import pauses
    from flows.desk import glance

    last = until.date() if until else None
    pauses.pause(glance(config, work), last, because, by)
    typer.echo(f"Paused {f'up to and including {last}' if last else 'until `blindspot resume`'}: nothing is published.")


@app.command()
def resume(
    by: Annotated[str, typer.Option(help="Who decides: a name, recorded.")],
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """Nights publish again, from the next one on."""
    from flows import pauses
    from flows.desk import glance

    ended = pauses.resume(glance(config, work), by)
    typer.echo("Resumed: the next night publishes." if ended else "Nothing was paused; nothing was changed.")
