"""Our registry of models mirrored into MLflow, for whoever likes to compare there. A mirror: the night reads the signed
bundle, nothing ever reads this back.

It stands in one SQLite file of the work folder. MLflow's server is not part of this environment: docs/retraining.md
tells how to look at the file.
"""

import base64
import json
import os
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from flows.desk import Glance
from flows.errors import OperatorError
from store import models
from store.files import hold, make_folder
from store.tables import StoredModel

EXPERIMENT: Final = "blindspot"
KEY: Final = "blindspot.model"
_PICTURE: Final = re.compile(r'<img data-name="(\w+)" src="data:image/svg\+xml;base64,([^"]+)"')
# Read when MLflow is imported: it says nothing to anybody, and looks for no git.
_QUIET: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
}


def track(seen: Glance) -> tuple[Path, int, int]:
    """The database, models new in it, models in all. Again changes nothing but what changed here."""
    work = seen.settings.work
    folder = make_folder(work / "tracking")
    with hold(folder / "lock"):
        client = _client(folder)
        experiment = _experiment(client, folder)
        listed = models.listed(seen.engine)
        known = _known(client, experiment)
        fresh = sorted((model for model in listed if model.id not in known), key=_age)
        for model in fresh:
            _add(client, experiment, work, model)
        _point(client, listed)
    return folder / "mlflow.db", len(fresh), len(listed)


def _client(folder: Path) -> Any:
    os.environ.update(_QUIET)
    try:
        from mlflow.tracking import MlflowClient
    except ImportError:
        cure = "run `make install`: the lock names it (extra `lab`)"
        raise OperatorError("tracking", "MLflow's client is not installed", cure) from None
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _experiment(client: Any, folder: Path) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is None:
        client.create_registered_model(
            EXPERIMENT, description="A mirror; the signed bundles under models/ are the truth."
        )
        return str(client.create_experiment(EXPERIMENT, artifact_location=(folder / "artifacts").as_uri()))
    return str(found.experiment_id)


def _known(client: Any, experiment: str) -> set[str]:
    """Only what was mirrored whole: a killed attempt is begun anew, its remains are removed."""
    done = set()
    for run in client.search_runs([experiment], max_results=10_000):
        if run.info.status == "FINISHED":
            done.add(run.data.tags[KEY])
        else:
            client.delete_run(run.info.run_id)
    return done


def _add(client: Any, experiment: str, work: Path, model: StoredModel) -> None:
    bundle = work / "models" / model.path
    passport = json.loads((bundle / "passport.json").read_bytes())
    at = int(model.created_at.replace(tzinfo=model.created_at.tzinfo or UTC).timestamp() * 1000)
    tags = {
        KEY: model.id,
        "as_of": model.as_of.isoformat(),
        "code": passport["code"],
        "label": passport["training"]["label"],
        "gate": _gate(work / "reports" / model.id / "report.json"),
    }
    run = client.create_run(experiment, start_time=at, run_name=model.id, tags=tags)
    _log(client, run.info.run_id, passport["training"], at)
    reports = work / "reports" / model.id
    for file in sorted(reports.glob("*")) if reports.is_dir() else ():
        client.log_artifact(run.info.run_id, str(file))
    for name, picture in _pictures(reports / "report.html"):
        client.log_text(run.info.run_id, picture, f"plots/{name}.svg")
    client.create_model_version(EXPERIMENT, bundle.as_uri(), run.info.run_id, tags={KEY: model.id})
    client.set_terminated(run.info.run_id, end_time=at)


def _pictures(page: Path) -> Iterator[tuple[str, str]]:
    """Those of the report, one by one, so that runs can be laid side by side."""
    found = _PICTURE.findall(page.read_text(encoding="utf-8")) if page.exists() else []
    yield from ((name, base64.b64decode(data).decode()) for name, data in found)


def _gate(twin: Path) -> str:
    decision = json.loads(twin.read_bytes())["decision"] if twin.exists() else None
    if decision is None:
        return "not judged"
    failed = [verdict["gate"] for verdict in decision["verdicts"] if not verdict["passed"]]
    return f"held back: {', '.join(failed)}" if failed else "passed"


def _log(client: Any, run: str, training: Mapping[str, Any], at: int) -> None:
    from mlflow.entities import Metric, Param

    params = {
        **training["parameters"],
        "seed": training["seed"],
        "trees_kept": training["trees"],
        "rows": training["rows"],
    }
    told = [Metric(name, value, at, step) for name, value, step in metrics_of(training["metrics"])]
    client.log_batch(run, told, [Param(name, str(value)) for name, value in params.items()])


def metrics_of(metrics: Mapping[str, Any]) -> Iterator[tuple[str, float, int]]:
    """Name, value, step. Everybody's orders side by side; a step is a round that was judged."""
    orders = {"model": metrics["model"], **metrics["rules"], **metrics["contenders"]}
    for code, told in orders.items():
        for name in ("roc_auc", "average_precision", "precision_interval"):
            for part, value in (told[name] or {}).items():
                yield f"{name.removesuffix('_interval')}/{code}" + ("" if part == "value" else f"_{part}"), value, 0
    for code, ratio in metrics["precision_over"].items():
        if ratio is not None:
            yield f"precision_over/{code}", ratio["value"], 0
    yield "expected_calibration_error", metrics["calibration"]["expected_error"], 0
    for step, window in enumerate(metrics["windows"]):
        for name in ("precision", "roc_auc"):
            for code, value in window[name].items():
                yield f"window_{name}/{code}", value, step


def _point(client: Any, listed: list[StoredModel]) -> None:
    """Aliases as our registry has them: the champion, and the newest that waits."""
    versions = {v.tags[KEY]: v for v in client.search_model_versions(f"name='{EXPERIMENT}'", max_results=10_000)}
    waiting = [m for m in listed if m.state == "candidate"]
    holders = {
        "champion": next((m.id for m in listed if m.state == "champion"), None),
        "challenger": max(waiting, key=_age).id if waiting else None,
    }
    for alias, name in holders.items():
        if name is None:
            client.delete_registered_model_alias(EXPERIMENT, alias)
        else:
            client.set_registered_model_alias(EXPERIMENT, alias, versions[name].version)
    for model in listed:
        version = versions[model.id]
        if version.tags.get("state") != model.state:
            client.set_model_version_tag(EXPERIMENT, version.version, "state", model.state)


def _age(model: StoredModel) -> tuple[datetime, str]:
    return model.created_at, model.id
