"""A model as files: LightGBM's text, a passport, and a signature over both. Nothing else is ever loaded: no pickle."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from models.calibration import Calibration
from models.columns import Column, FeatureLike, columns_of
from models.errors import ModelRefused, SignatureMismatch
from models.model import Model, read_model
from models.train import Trained

MODEL: Final = "model.txt"
PASSPORT: Final = "passport.json"
SIGNATURE: Final = "signature"
FORMAT: Final = "blindspot-model-1"

_RESTORE = "restore the models folder from its backup, or train again with `blindspot retrain`"
_RETRAIN = "train a new model with `blindspot retrain`"


@dataclass(frozen=True)
class Origin:
    """What the passport says about where a model comes from; flows knows it, this room does not."""

    as_of: str  # ISO day
    code: str  # digest of the code
    settings: str  # digest of the settings
    inputs: Mapping[str, int]  # table versions read


def public_key_of(seed: bytes) -> bytes:
    """32 raw bytes of the public key that belongs to a 32-byte Ed25519 seed."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def pack(trained: Trained, origin: Origin, seed: bytes) -> dict[str, bytes]:
    """File name -> bytes. The same model, origin and 32-byte seed give the same bytes."""
    text = trained.text.encode()
    told = {
        "format": FORMAT,
        "as_of": origin.as_of,
        "code": origin.code,
        "settings": origin.settings,
        "inputs": dict(origin.inputs),
        "model_sha256": hashlib.sha256(text).hexdigest(),
        "columns": [list(c) for c in trained.model.columns],
        "calibration": trained.model.calibration._asdict(),
        "training": trained.facts,
    }
    passport = _json({"id": model_id(told), **told})
    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(_signed(text, passport))
    return {MODEL: text, PASSPORT: passport, SIGNATURE: signature}


def model_id(told: Mapping[str, Any]) -> str:
    """From everything the passport says, the model's digest among it."""
    return "m" + hashlib.sha256(_json({k: v for k, v in told.items() if k != "id"})).hexdigest()[:12]


def unpack(files: Mapping[str, bytes], public_key: bytes, features: Iterable[FeatureLike] | None = None) -> Model:
    """Verify, then load. With `features`, the model must read exactly these columns, in this order, in these groups."""
    passport = read_passport(files, public_key)
    columns = tuple(Column(*c) for c in passport["columns"])
    if features is not None:
        _same_columns(columns, columns_of(features))
    return read_model(passport["id"], files[MODEL].decode(), columns, Calibration(**passport["calibration"]))


def read_passport(files: Mapping[str, bytes], public_key: bytes) -> dict[str, Any]:
    """The passport of a bundle whose signature holds, else SignatureMismatch."""
    if set(files) != {MODEL, PASSPORT, SIGNATURE}:
        raise SignatureMismatch(f"a model is {MODEL}, {PASSPORT} and {SIGNATURE}, not {sorted(files)}", _RESTORE)
    key = Ed25519PublicKey.from_public_bytes(public_key)
    try:
        key.verify(files[SIGNATURE], _signed(files[MODEL], files[PASSPORT]))
    except InvalidSignature:
        raise SignatureMismatch("the model's signature does not match its files", _RESTORE) from None
    passport: dict[str, Any] = json.loads(files[PASSPORT])
    if passport["format"] != FORMAT:
        raise ModelRefused(f"the model is written as {passport['format']}, this version reads {FORMAT}", _RETRAIN)
    if passport["model_sha256"] != hashlib.sha256(files[MODEL]).hexdigest() or passport["id"] != model_id(passport):
        raise ModelRefused("the passport is not this model's", _RESTORE)
    return passport


def _signed(text: bytes, passport: bytes) -> bytes:
    return FORMAT.encode() + b"\0" + hashlib.sha256(text).digest() + hashlib.sha256(passport).digest()


def _json(told: Mapping[str, Any]) -> bytes:
    return (json.dumps(told, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False) + "\n").encode()


def _same_columns(ours: tuple[Column, ...], current: tuple[Column, ...]) -> None:
    if ours == current:
        return
    gone, fresh = sorted({*ours} - {*current}), sorted({*current} - {*ours})
    changed = ", ".join(c.name for c in [*gone, *fresh][:5]) or "their order"
    raise ModelRefused(f"the features are not the ones the model learned from ({changed})", _RETRAIN)
