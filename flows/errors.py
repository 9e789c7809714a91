"""Errors for the person who runs Blindspot: what, where, what to do. Shown without a traceback."""

from typing import Final

from flows.kinds import KINDS

EXIT_CODES: Final = {kind.name: kind.exit_code for kind in KINDS}


class OperatorError(Exception):
    """A run that must not go on. `kind` is the name of one of KINDS."""

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
