"""How a run was called: its configuration files, and the settings that were given beside them.

`snakemake --config KEY=VALUE` changes a run's settings without a change of any file. Who audits the run names its file
alone, so what was given beside it is written down when the run starts. It may hold paths of the site, so it lies in the
private folder; the settings as the run had them, all of them, are a result: report/configuration.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from myot2.audit.places import Places
from myot2.core.errors import MyoT2Error
from myot2.core.files import write_json

CALLED = "called.json"


def write_called(places: Places, overrides: Mapping[str, Any]) -> None:
    """Write down the settings that were given beside the configuration file of the run that starts."""
    places.private.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_json(places.private / CALLED, {"overrides": plain(overrides)})


def read_called(places: Places) -> dict[str, Any]:
    """The settings that the last run was given beside its file; none where it was not written down.

    Raises
    ------
    MyoT2Error
        The file is no such file.
    """
    path = places.private / CALLED
    if not path.is_file():
        return {}
    try:
        overrides = json.loads(path.read_text(encoding="utf-8"))["overrides"]
        if isinstance(overrides, dict):
            return overrides
    except (ValueError, KeyError, TypeError):
        pass
    raise MyoT2Error(
        expected="the settings that the last run was given with --config",
        found="no such JSON",
        where=path,
        do="Delete the file, and give --config KEY=VALUE to the audit as to the run.",
    )


def merged(content: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with others laid over them, section by section, as Snakemake does it."""
    result = dict(content)
    for name, value in over.items():
        before = result.get(name)
        result[name] = merged(before, value) if isinstance(before, Mapping) and isinstance(value, Mapping) else value
    return result


def plain(value: Any) -> Any:
    """Settings as JSON has them."""
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)
