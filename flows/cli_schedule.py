"""`blindspot serve`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from flows.schedule import SEOUL, nightly_time

app = typer.Typer()

DEFAULT_CONFIG = Path(__file__).parent.parent / "config.yaml"


@app.command()
def serve(
    config: Annotated[
        Path, typer.Option("--config", help="Settings file.", show_default="config.yaml")
    ] = DEFAULT_CONFIG,
    work: Annotated[
        Path | None, typer.Option("--work", help="Work folder, instead of the one in the settings.")
    ] = None,
) -> None:
    """Every night by itself: Prefect's server, a worker and the schedule of prefect.yaml, until SIGTERM or Ctrl-C."""
    from flows.desk import now
    from flows.serving import serve as serve_until_stopped
    from flows.settings import load_settings
    from store.files import make_folder

    settings = load_settings(config, work)
    make_folder(settings.work)
    at = nightly_time()

    def say(line: str) -> None:
        typer.echo(f"{_clock(now())} {line}", err=True)

    say(f"the night begins every day at {at:%H:%M} in Seoul")
    serve_until_stopped(config, settings, say)
    say("stopped")


def _clock(at: datetime) -> str:
    return f"{at.astimezone(SEOUL):%Y-%m-%d %H:%M:%S}"
