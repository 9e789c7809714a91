"""The product's only clock, moved: Python imports this by itself where this folder is on PYTHONPATH.

The file named by MONTH_CLOCK holds two moments, in seconds: one of this machine, and what is to be told then.
"""

import importlib.util
import json
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType


def now() -> datetime:
    real, told = json.loads(Path(os.environ["MONTH_CLOCK"]).read_text(encoding="ascii"))
    return datetime.fromtimestamp(told + time.time() - real, UTC)


# ruff: noqa: ARG002
class _Desk(MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "flows.desk":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def run_and_set(module: ModuleType) -> None:
            run(module)
            vars(module)["now"] = now

        spec.loader.exec_module = run_and_set  # type: ignore[method-assign]
        return spec


if "MONTH_CLOCK" in os.environ:
    sys.meta_path.insert(0, _Desk())
