"""Errors for the person who runs Blindspot: what, where, what to do. Shown without a traceback."""

from typing import Final

# One exit code per kind, so that a timer or a script can tell them apart. 1 is a bug, 2 a wrong command line.
EXIT_CODES: Final = {
    "config": 10,
    "busy": 11,
    "stale": 12,
    "no_model": 13,
    "model": 14,
    "scores": 15,
    "cohort": 16,
    "training": 17,
    "past": 18,
    "alert": 19,
    "offices": 20,
    "keys": 21,
    "database": 22,
    "inbox": 23,
    "lake": 24,
    "sealed": 25,
    "explanation": 26,
    "stop": 27,
    "matrix": 28,
    "report": 29,
    "tracking": 30,
    "audit": 31,
    "engine": 32,
}


class OperatorError(Exception):
    """A run that must not go on. `kind` is a key of EXIT_CODES."""

    def __init__(self, kind: str, what: str, cure: str) -> None:
        super().__init__(f"{what} -> {cure}")
        self.kind = kind
        self.what = what
        self.cure = cure

    def __reduce__(self) -> tuple[type["OperatorError"], tuple[str, str, str]]:
        """Whole from a worker's process to ours."""
        return type(self), (self.kind, self.what, self.cure)

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.kind]
