"""What is read from the configuration of a MONAI bundle: data, never code.

A bundle's configuration can run anything: values that begin with `$` are Python, `_target_` names any function, `%`
pulls in other files. Here three of its parts are read, `network_def`, `preprocessing` and `inferer`, and in them only

- plain values, and references to them (`@name`, `$@name`, `@name::key::0`);
- `_target_` of the classes listed below, alone or with their module in MONAI;
- `_disabled_` (true or false) and `_desc_`.

Everything else is refused by the name of its key. The arguments `device` and `sw_device` are not read: the CPU is used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from myot2.core.errors import MyoT2Error

NETWORKS = [
    "UNet",
    "BasicUNet",
    "AttentionUnet",
    "DynUNet",
    "SegResNet",
    "SegResNetDS",
    "VNet",
    "UNETR",
    "SwinUNETR",
    "HighResNet",
    "FlexibleUNet",
    "MedNeXt",
    "MedNeXtS",
    "MedNeXtB",
    "MedNeXtM",
    "MedNeXtL",
]
"""Of monai.networks.nets: those that make one class map of an image and load nothing by themselves."""

TRANSFORMS = [
    "Orientation",
    "Spacing",
    "Resize",
    "SpatialPad",
    "BorderPad",
    "DivisiblePad",
    "CropForeground",
    "CenterSpatialCrop",
    "NormalizeIntensity",
    "ScaleIntensity",
    "ScaleIntensityRange",
    "ScaleIntensityRangePercentiles",
    "ClipIntensityPercentiles",
    "EnsureType",
    "CastToType",
    "ToTensor",
]
"""Of monai.transforms, in the form for dictionaries (ending in d, D or Dict)."""

DONE_ALREADY = ("LoadImage", "EnsureChannelFirst", "AddChannel", "AsChannelFirst")
"""Transforms that read the file and order its axes: the volume is handed over so."""

INFERERS = ["SimpleInferer", "SlidingWindowInferer", "SliceInferer"]
"""Of monai.inferers."""

_NOT_READ = ("device", "sw_device", "_desc_")
_REFERENCE = re.compile(r"\$?@(\w+(?:::\w+)*)")
_DEEPEST = 50


class BundleConfiguration:
    """The configuration of a bundle, and the three parts of it that are read.

    Parameters
    ----------
    content : mapping
        What configs/inference.json or .yaml holds.
    where : str or Path
        The file, for messages.
    key : str
        The name under which the transforms are to find the image.
    """

    def __init__(self, content: Mapping[str, Any], where: Any, key: str):
        self._content, self._where, self._key = content, where, key
        self._refuse_sigmoid()

    @property
    def network(self) -> dict[str, Any]:
        """`network_def` with plain values, its class by its full name."""
        part = self._plain(self._part("network_def"), "network_def")
        network = self._object(part, "network_def", NETWORKS, "monai.networks.nets")
        for argument, value in network.items():
            if str(argument).startswith("pretrained") and value:
                raise self._refused(f"network_def::{argument}", "a network without weights of its own", repr(value))
        return network

    @property
    def transforms(self) -> list[dict[str, Any]]:
        """The transforms of `preprocessing`, in order, each with plain values and its class by its full name."""
        part = self._plain(self._part("preprocessing"), "preprocessing")
        steps = part.get("transforms") if isinstance(part, dict) and _base(part) == "Compose" else part
        if not isinstance(steps, list):
            raise self._refused("preprocessing", "Compose of a list of transforms", _shown(part))
        places = ((f"preprocessing::transforms::{number}", step) for number, step in enumerate(steps))
        read = [(place, step) for place, step in places if not (isinstance(step, dict) and step.pop("_disabled_", 0))]
        return [found for place, step in read if (found := self._transform(step, place))]

    @property
    def inferer(self) -> dict[str, Any]:
        """`inferer` with plain values, its class by its full name; the whole volume at once where there is none."""
        if "inferer" not in self._content:
            return {"_target_": "monai.inferers.SimpleInferer"}
        return self._object(self._plain(self._part("inferer"), "inferer"), "inferer", INFERERS, "monai.inferers")

    def _part(self, name: str) -> Any:
        if name not in self._content:
            raise self._refused(name, "this key, as the bundle specification has it", "none")
        return self._content[name]

    def _transform(self, step: Any, place: str) -> dict[str, Any] | None:
        base = re.sub(r"(d|D|Dict)$", "", _base(step))
        if base in DONE_ALREADY and isinstance(step, dict):
            return None
        allowed = [name + end for name in TRANSFORMS for end in ("d", "D", "Dict")]
        made = self._object(step, place, allowed, "monai.transforms")
        keys = [made["keys"]] if isinstance(made.get("keys"), str) else made.get("keys")
        if not isinstance(keys, list) or len(keys) != 1:
            raise self._refused(f"{place}::keys", "one image", _shown(keys))
        return {**made, "keys": self._key, **({"source_key": self._key} if "source_key" in made else {})}

    def _object(self, part: Any, place: str, allowed: list[str], package: str) -> dict[str, Any]:
        """A definition whose class is allowed and whose arguments make no other objects."""
        base = _base(part)
        module = str(part.get("_target_", "")).rpartition(".")[0] if isinstance(part, dict) else ""
        if base not in allowed or (module and module != package and not module.startswith(f"{package}.")):
            raise self._refused(f"{place}::_target_", f"a class of {package} that is read", _shown(part))
        for argument, value in part.items():
            if _makes_objects(value) or (str(argument).startswith("_") and argument != "_target_"):
                raise self._refused(f"{place}::{argument}", "plain values", _shown(value))
        return {**part, "_target_": f"{package}.{base}"}

    def _plain(self, value: Any, place: str, depth: int = 0) -> Any:
        """A value with its references resolved; code and other files are refused."""
        if depth > _DEEPEST:
            raise self._refused(place, "references that come to an end", "a circle")
        if isinstance(value, Mapping):
            return {
                key: self._plain(item, f"{place}::{key}", depth + 1)
                for key, item in value.items()
                if key not in _NOT_READ
            }
        if isinstance(value, list):
            return [self._plain(item, f"{place}::{number}", depth + 1) for number, item in enumerate(value)]
        if not isinstance(value, str):
            return value
        if reference := _REFERENCE.fullmatch(value):
            return self._plain(self._referred(reference[1], place), place, depth + 1)
        if value.startswith(("$", "%")) or "@" in value:
            raise self._refused(place, "a plain value or a reference to one", repr(value))
        return value

    def _referred(self, name: str, place: str) -> Any:
        found: Any = self._content
        for part in name.split("::"):
            try:
                found = found[int(part) if isinstance(found, list) else part]
            except (KeyError, IndexError, ValueError, TypeError) as error:
                raise self._refused(place, "a reference to a key of this file", f"@{name}") from error
        return found

    def _refuse_sigmoid(self) -> None:
        def walk(value: Any, place: str) -> None:
            items = value.items() if isinstance(value, Mapping) else enumerate(value if isinstance(value, list) else [])
            for key, item in items:
                if key == "sigmoid" and item:
                    raise self._refused(f"{place}::{key}", "classes of which each voxel has one (softmax)", repr(item))
                walk(item, f"{place}::{key}")

        walk(self._content.get("postprocessing"), "postprocessing")

    def _refused(self, place: str, expected: str, found: str) -> MyoT2Error:
        return MyoT2Error(
            expected=f"{place}: {expected}",
            found=found,
            where=self._where,
            do="docs/how-to/other-models.md says what is read from a bundle; write the value out, or run the bundle "
            "with MONAI and give its label maps (segment.backend: labels).",
        )


def _base(part: Any) -> str:
    target = part.get("_target_") if isinstance(part, Mapping) else None
    return target.rpartition(".")[2] if isinstance(target, str) else ""


def _makes_objects(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "_target_" in value or any(_makes_objects(item) for item in value.values())
    return isinstance(value, list) and any(_makes_objects(item) for item in value)


def _shown(part: Any) -> str:
    target = part.get("_target_") if isinstance(part, Mapping) else None
    return repr(target if target is not None else part)[:80]
