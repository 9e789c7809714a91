"""LightGBM without its wrappers for scikit-learn: nobody here calls them, and every process would import them first."""

import sys
from importlib import import_module

_is_ours = "sklearn" not in sys.modules
if _is_ours:
    sys.modules["sklearn"] = None  # type: ignore[assignment]  # an import of it fails: LightGBM goes on without
lightgbm = import_module("lightgbm")
if _is_ours:
    del sys.modules["sklearn"]
