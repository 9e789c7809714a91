"""What `blindspot serve` and all it starts is told by the environment: set before Prefect is imported."""

import os
import secrets
import shlex
import shutil
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from flows.engine import home_of, set_environment
from flows.errors import OperatorError
from flows.leftovers import SERVED, mark_as_ours
from flows.settings import Settings
from store.files import make_folder, write_whole

HOST: Final = "127.0.0.1"
PASSWORD_FILE: Final = "password"  # noqa: S105  (its name)
SERVED_FILE: Final = "served.json"
PAGES: Final = "pages"
TEMPORARY: Final = "tmp"
_ROOT: Final = Path(__file__).parent.parent


def url_of(port: int) -> str:
    return f"http://{HOST}:{port}/api"


def enter_environment(settings: Settings, config: Path) -> None:
    if os.environ.get("PREFECT_API_URL"):
        cure = "unset it, or deploy to that server: `prefect deploy --all` (docs/operating.md)"
        raise OperatorError("serve", "PREFECT_API_URL names a server of yours; this command starts its own", cure)
    os.environ |= client_environment(settings) | _server_environment(settings)
    # Read by prefect.yaml.
    os.environ |= {
        "BLINDSPOT_HOME": str(_ROOT),
        "BLINDSPOT_CONFIG": str(config.resolve()),
        "BLINDSPOT_WORK": str(settings.work),
        "BLINDSPOT_PYTHON": shlex.quote(sys.executable),
    }
    set_environment(settings.work)
    os.environ["TMPDIR"] = str(own_temporary(home_of(settings.work)))
    mark_as_ours()
    os.environ[SERVED] = "1"


def own_temporary(home: Path) -> Path:
    """Prefect's worker makes `runner_storage` in the folder for temporary files: in /tmp the first account that serves
    would keep out all others. What a killed one left there goes."""
    folder = home / TEMPORARY
    shutil.rmtree(folder, ignore_errors=True)
    return make_folder(folder)


def client_environment(settings: Settings) -> dict[str, str]:
    """For whoever talks to our server."""
    return {
        "PREFECT_API_URL": url_of(settings.schedule.port),
        "PREFECT_API_AUTH_STRING": _password(settings.work),
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
    }


def _server_environment(settings: Settings) -> dict[str, str]:
    home = home_of(settings.work)
    told = {
        # Whoever may talk to it may run commands as us: without a password, everybody on this machine.
        "PREFECT_SERVER_API_AUTH_STRING": _password(settings.work),
        # With leases in memory a server that is begun again never frees the places of its runs.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        # By default its pages are copied into the installed package, which may be read-only.
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(home / PAGES),
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        # A machine that works a night is slow to answer; the defaults of 10 and 5 s give up, with a traceback each.
        "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
        "PREFECT_SERVER_DATABASE_CONNECTION_TIMEOUT": "60",
        "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
        "PREFECT_WORKER_QUERY_SECONDS": "5",
    }
    if settings.schedule.database:
        told["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = settings.schedule.database
    return told


def _password(work: Path) -> str:
    """Made once for each work folder: `name:password`, as Prefect's pages ask for it."""
    file = home_of(work) / PASSWORD_FILE
    with suppress(FileNotFoundError):
        return file.read_text(encoding="ascii").strip()
    write_whole(file, f"blindspot:{secrets.token_urlsafe(24)}\n".encode())
    return file.read_text(encoding="ascii").strip()


def refuse_taken(port: int) -> None:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((HOST, port))
        except OSError as error:
            cure = "set schedule.port to a free one, or stop who uses it"
            raise OperatorError("serve", f"port {port} is in use ({error.strerror})", cure) from None


def tell_system(state: str) -> None:
    """systemd, where it started us (Type=notify, WatchdogSec): see sd_notify(3)."""
    if not (place := os.environ.get("NOTIFY_SOCKET")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel, suppress(OSError):
        channel.sendto(state.encode(), place.replace("@", "\0", 1) if place.startswith("@") else place)
