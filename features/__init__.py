"""Observations known on a day -> one row of numbers per household. Nothing received later may show."""

from features.built import Built, build
from features.catalogue import Feature, feature_list
from features.known import Known
from features.prepared import Prepared, prepare
from signals.catalogue import SIGNALS

FEATURES = feature_list(SIGNALS)

__all__ = ["FEATURES", "Built", "Feature", "Known", "Prepared", "build", "feature_list", "prepare"]
