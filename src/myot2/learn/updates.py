"""An update: how a site's learning changed the weights, as tensors that can be checked byte by byte.

The difference to the weights of the round's beginning is written as safetensors (names, shapes, float32 numbers; no
code, no metadata) beside a signed manifest (`myot2.learn.messages.Manifest`). Whoever reads it knows beforehand how
many bytes it must have: names and shapes are the parent's.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from myot2.audit.digests import canonical
from myot2.core.errors import MyoT2Error
from myot2.learn.messages import Manifest, Order
from myot2.learn.signing import opened
from myot2.segment.model import ModelConfiguration

Tensors = Mapping[str, np.ndarray]
"""Float32 arrays by name, as models/model.safetensors holds them."""

ROUNDING = 1e-5
"""Relative; the norm that a site scales to and the norm of the float32 numbers that arrive differ by less."""


@dataclass(frozen=True)
class Update:
    """A checked update.

    Attributes
    ----------
    manifest : Manifest
    difference : mapping of str to ndarray
        Weights after learning less those before.
    """

    manifest: Manifest
    difference: Tensors


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def model_digest(configuration: ModelConfiguration) -> str:
    """SHA-256 of what a model's networks are: structures in the order of the channels, grid, layers; not its name."""
    content = configuration.to_json()
    del content["name"]
    return digest(canonical(content))


def to_bytes(tensors: Tensors) -> bytes:
    """Tensors as safetensors; equal tensors give equal bytes."""
    from safetensors.numpy import save

    return save({name: np.ascontiguousarray(tensors[name]) for name in sorted(tensors)})


def tensors_of(content: bytes, *, where: str | Path) -> dict[str, np.ndarray]:
    """Tensors from bytes that hold safetensors and nothing else.

    Raises
    ------
    MyoT2Error
        The bytes are no safetensors, hold numbers that are not float32, or hold anything beside the tensors: metadata,
        gaps, another order.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(content)
    except (SafetensorError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise _refusal("tensors as safetensors", "bytes that are none", where) from error
    other = sorted(name for name, values in tensors.items() if values.dtype != np.float32)
    if other:
        raise _refusal("float32 numbers", f"{tensors[other[0]].dtype} in {other[0][:80]}", where)
    if to_bytes(tensors) != content:
        raise _refusal("tensors and nothing beside them", "metadata, gaps or another order", where)
    return tensors


def weights_of(content: bytes) -> dict[str, np.ndarray]:
    """The numbers of a file of weights; metadata that a writer of models leaves beside them is passed over."""
    from safetensors.numpy import load

    return load(content)


def difference_of(before: Tensors, after: Tensors) -> dict[str, np.ndarray]:
    """Weights after learning less those before; names and shapes must be equal."""
    _require_like(after, before, "the weights after learning")
    return {name: after[name].astype(np.float32) - before[name] for name in sorted(before)}


def added(before: Tensors, difference: Tensors) -> dict[str, np.ndarray]:
    """Weights with a difference applied, float32."""
    return {name: (before[name].astype(np.float64) + difference[name]).astype(np.float32) for name in sorted(before)}


def norm_of(tensors: Tensors) -> float:
    """L2 norm of all numbers together, summed in float64 and in the order of names."""
    return math.sqrt(math.fsum(float(np.square(tensors[name], dtype=np.float64).sum()) for name in sorted(tensors)))


def clipped(difference: Tensors, most: float) -> tuple[dict[str, np.ndarray], float]:
    """A difference, scaled down to a norm where it exceeds it; and its norm then.

    A single site cannot move the weights by more than that (McMahan et al., ICLR 2018, arXiv 1710.06963, section 2).
    """
    norm = norm_of(difference)
    factor = min(1.0, most / norm) if norm > 0 else 1.0
    scaled = {name: (values * factor).astype(np.float32) for name, values in difference.items()}
    return scaled, norm_of(scaled)


def size_of(parent: Tensors) -> int:
    """How many bytes an update of these weights has, whatever its numbers are."""
    return len(to_bytes({name: np.zeros_like(values) for name, values in parent.items()}))


def read_update(
    message: bytes, content: bytes, order: Order, *, parent: Tensors, structures: tuple[str, ...], public: str
) -> Update:
    """An update, after all that can be checked without trying it was checked.

    Parameters
    ----------
    message : bytes
        The signed manifest.
    content : bytes
        The tensors.
    order : Order
        That this site was given in this round.
    parent : mapping of str to ndarray
        The weights of the round's beginning.
    structures : tuple of str
        Of the model.
    public : str
        The key that is registered for the site.

    Returns
    -------
    Update

    Raises
    ------
    MyoT2Error
        The signature is missing or another one's; the update is of another federation, site, round or parent (a
        replay); its bytes are not the manifest's; names, shapes or types are not the parent's; a number is not finite;
        the norm exceeds the order's or is not the manifest's; a structure is none of the model's.
    """
    where = f"the update of site {order.Site}"
    manifest = opened(message, Manifest, public, where=where)
    _require_answers(manifest, order, where)
    if len(content) != manifest.UpdateBytes or digest(content) != manifest.UpdateSha256:
        raise _refusal("the tensors that the manifest names", "other bytes", where)
    expected = size_of(parent)
    if len(content) != expected:  # before they are parsed
        raise _refusal(f"{expected} bytes of tensors", f"{len(content)}", where)
    difference = tensors_of(content, where=where)
    _require_like(difference, parent, where)
    bad = [name for name, values in difference.items() if not np.isfinite(values).all()]
    if bad:
        raise _refusal("finite numbers", f"NaN or infinity in {bad[0]}", where)
    norm = norm_of(difference)
    if norm > order.ClipNorm * (1 + ROUNDING):
        raise _refusal(f"a norm of at most {order.ClipNorm:g}", f"{norm:g}", where)
    if not math.isclose(norm, manifest.Norm, rel_tol=ROUNDING, abs_tol=1e-12):
        raise _refusal(f"the norm that the manifest names, {manifest.Norm:g}", f"{norm:g}", where)
    _require_people(manifest, structures, where)
    return Update(manifest, difference)


def require_structures(named: Mapping[str, object], structures: tuple[str, ...], where: str) -> None:
    """Refuse names that are no structures of the model."""
    unknown = sorted(set(named) - set(structures))
    if unknown:
        raise _refusal("structures of the model", repr(unknown[0]), where)


def require_same(message: object, order: Order, names: tuple[str, ...], where: str) -> None:
    """Refuse a message that answers another order: of another federation, site, round or parent."""
    for name in names:
        if getattr(message, name) != getattr(order, name):
            raise _refusal(
                f"an answer to this round: {name} {str(getattr(order, name))[:16]}",
                f"{str(getattr(message, name))[:16]}, as in a replay of another round",
                where,
            )


def _require_answers(manifest: Manifest, order: Order, where: str) -> None:
    require_same(manifest, order, ("Federation", "Site", "Round", "Nonce", "ParentSha256"), where)


def _require_people(manifest: Manifest, structures: tuple[str, ...], where: str) -> None:
    require_structures(manifest.PeopleOf, structures, where)
    require_structures(manifest.Measured, structures, where)
    if manifest.People == 0 or max(manifest.PeopleOf.values(), default=0) > manifest.People:
        raise _refusal("as many people in all as of each structure, and at least one", "fewer", where)


def _require_like(tensors: Tensors, parent: Tensors, where: str) -> None:
    if set(tensors) != set(parent):
        odd = sorted(set(tensors) ^ set(parent))
        raise _refusal("the names of the model's tensors", f"{odd[0][:80]!r} missing or unknown", where)
    for name, values in parent.items():
        if tensors[name].shape != values.shape:
            raise _refusal(f"shape {values.shape} of {name}", f"{tensors[name].shape}", where)


def declared_tensors(content: bytes) -> dict[str, dict[str, object]]:
    """The header of safetensors: type, shape and place of each tensor; what a dry run prints."""
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size])


def _refusal(expected: str, found: str, where: str | Path) -> MyoT2Error:
    return MyoT2Error(expected=expected, found=found, where=where, do="It was not used; ask the site.")
