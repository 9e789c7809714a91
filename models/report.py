"""What a data scientist reads after training."""

from collections.abc import Mapping
from typing import Any


def write_report(passport: Mapping[str, Any]) -> str:
    """Markdown from a bundle's passport: the model beside every rule, calibration, rounds."""
    training = passport["training"]
    metrics = training["metrics"]
    lines = [
        f"# Model {passport['id']}, as of {passport['as_of']}",
        "",
        f"{training['rows']} reviewed households, {training['needs']} with need ({training['label']}); "
        f"{training['trees']} trees; last answer {training['last_answer']}.",
        *_parts(training.get("boosted")),
        f"Judged on {metrics['rows']} rows it had not seen ({training['folds']['kind']}: {training['folds']['why']}).",
        "",
        "| order | ROC-AUC | average precision | precision, top 10 % | precision at capacity (worst-best over ties) "
        "| recall | lift |",
        "|---|---|---|---|---|---|---|",
        _line(metrics["model"]),
        *(_line(rule) for rule in metrics["rules"].values()),
        *(_line(other) for other in metrics["contenders"].values()),
        "",
        _best(metrics),
        f"Expected calibration error {metrics['calibration']['expected_error']:.3f}; "
        f"largest difference to shap {training['largest_difference_to_shap']:.1e}.",
        "",
        "| households | chance told | need found |",
        "|---|---|---|",
        *(f"| {b['rows']} | {b['told']:.3f} | {b['found']:.3f} |" for b in metrics["calibration"]["bands"]),
        "",
        "| round | reviewed | with need |",
        "|---|---|---|",
        *(f"| {r['selected_on']} | {r['rows']} | {r['needs']} |" for r in training["rounds"]),
    ]
    return "\n".join(lines) + "\n"


def _parts(told: Mapping[str, Any] | None) -> list[str]:
    if told is None:
        return []
    whole = f"The model learned from all of them, in {told['parts']} parts on a cluster"
    return [f"{whole}; the rest is from a draw of {told['drawn_to_judge']}."]


def _line(told: Mapping[str, Any]) -> str:
    cells = [told["name_ko"], _interval(told["roc_auc"]), _interval(told["average_precision"])]
    cells.append(f"{told['precision_at_tenth']['mean']:.3f}")
    taken = told["precision_at_capacity"]
    if taken is None:
        return "| " + " | ".join([*cells, "-", "-", "-"]) + " |"
    cells.append(f"{taken['mean']:.3f} ({taken['worst']:.3f}-{taken['best']:.3f})")
    return "| " + " | ".join([*cells, f"{taken['recall']:.3f}", f"{taken['lift']:.2f}"]) + " |"


def _interval(told: Mapping[str, float]) -> str:
    return f"{told['value']:.3f} [{told['low']:.3f}, {told['high']:.3f}]"


def _best(metrics: Mapping[str, Any]) -> str:
    name, ratio = metrics["rules"][metrics["best_rule"]]["name_ko"], metrics["precision_over_best_rule"]
    if ratio is None:
        return f"Best rule: {name}."
    return f"Best rule: {name}; the model's precision at capacity is {_interval(ratio)} times that rule's."
