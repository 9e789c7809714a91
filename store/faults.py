"""Errors for the person who runs Blindspot: codes, counts and paths, never a value of a person."""

from typing import Literal

Kind = Literal["keys", "database", "busy", "sealed", "lake", "model"]


class StoreError(Exception):
    """What is wrong and what to do. `flows` turns it into its own exit code by `kind`."""

    def __init__(self, kind: Kind, what: str, cure: str) -> None:
        super().__init__(f"{what} -> {cure}")
        self.kind = kind
        self.what = what
        self.cure = cure

    def __reduce__(self) -> tuple[type["StoreError"], tuple[Kind, str, str]]:
        """Whole from a worker's process to ours."""
        return type(self), (self.kind, self.what, self.cure)
