"""Our own statistics.json as a file of claims, so that the same checks hold its printed numbers against one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from myot2.analyse.claims.claims_file import ClaimsFile
from myot2.analyse.claims.printed import parse
from myot2.analyse.claims.reproduction import Statistics

_SEXES = ("male", "female")


def claims_of(statistics: Statistics) -> ClaimsFile:
    """Every printed number of statistics.json as a claim, and what can be checked of it.

    Each number is the rounding of its value; shares are those of their counts; the area is U over the pairs; p values
    are those of z, and of rs and n; men and women, diagnoses and treatments add to the people who are known; patients
    and controls to all.
    """
    claims: dict[str, dict[str, Any]] = {}
    checks: list[dict[str, Any]] = []
    for key, entry in statistics.items():
        if entry.get("value") is None:
            continue
        for part, text in _printed_parts(entry):
            claims[name_of(key, part)] = _claim(key, part, text)
        checks += _checks_of(key, entry)
    checks += _sums(statistics)
    known = [check for check in checks if all(name in claims for name in check.pop("needs"))]
    return ClaimsFile.model_validate({"paper": {"title": "statistics.json"}, "claims": claims, "checks": known})


def name_of(key: str, part: str = "") -> str:
    """The name of the claim that stands for a part of an entry: 'roc.auc' -> 'c_roc_auc'."""
    return "c_" + "".join(letter if letter.isalnum() else "_" for letter in f"{key}_{part}".rstrip("_").lower())


def _printed_parts(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each part that is one printed number: the value itself (''), those with a `_printed` text, and whole numbers."""
    yield from _if_number("", entry.get("printed"))
    for field, text in entry.items():
        if field.endswith("_printed"):
            yield from _if_number(field.removesuffix("_printed"), text)
    for field in ("n", "numerator", "denominator", "n_positive", "n_negative", "n_first", "n_second"):
        if isinstance(entry.get(field), int) and entry[field] > 0 or field == "numerator" and entry.get(field) == 0:
            yield field, str(entry[field])


def _if_number(part: str, text: Any) -> Iterator[tuple[str, str]]:
    try:
        parse(text)
    except (ValueError, AttributeError):
        return  # an interval, or no text at all
    yield part, text


def _claim(key: str, part: str, text: str) -> dict[str, Any]:
    address = f"{key}:{part}" if part else key
    claim = {"value": text, "what": address, "where": "statistics.json"}
    return claim | ({} if part == "percent" else {"key": address})  # a percentage has no number of its own beside it


def _checks_of(key: str, entry: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    name = lambda part="": name_of(key, part)  # noqa: E731  names of this entry's claims
    test = str(entry.get("test") or "")
    if "percent_printed" in entry:
        yield _check("sens_grid", f"{key}.percent", {"value": name("percent"), "n": name("n"), "count": name()})
    if "numerator" in entry and "denominator" in entry:
        fields = {"value": name(), "n": name("denominator"), "count": name("numerator")}
        yield _check("sens_grid", key, fields)
    if {"u", "n_positive", "n_negative"} <= set(entry) and str(entry["printed"]).startswith(("0", "1")):
        yield _check("auc_grid", key, {"auc": name()} | {part: name(part) for part in ("n_positive", "n_negative")})
    if test.startswith("Mann-Whitney U (asymptotic"):
        yield _check("p_from_z", key, {"z": name("z"), "p": name("p"), "n": name("n")})
    if test.startswith("Spearman") and "n - 2 degrees of freedom" in test:
        yield _check("p_from_rs", key, {"rs": name(), "n": name("n"), "p": name("p")})


def _sums(statistics: Statistics) -> Iterator[dict[str, Any]]:
    groups = [key for key in ("cohort.patient.n", "cohort.control.n") if key in statistics]
    if len(groups) == 2:
        yield _sum("cohort.n", groups, name_of("cohort.n"))
    for group in ("cohort.patient", "cohort.control"):
        yield _sum(f"{group}.sex", [f"{group}.{sex}" for sex in _SEXES], name_of(f"{group}.male", "n"))
    for section in ("cohort.patient.diagnosis", "cohort.patient.treatment"):
        keys = [key for key in statistics if key.rpartition(".")[0] == section]
        if len(keys) > 1:
            yield _sum(section, keys, name_of(keys[0], "n"))


def _sum(of: str, keys: list[str], whole: str) -> dict[str, Any]:
    return _check("parts_sum", of, {"parts": [name_of(key) for key in keys], "total": whole})


def _check(rule: str, key: str, fields: dict[str, Any]) -> dict[str, Any]:
    needs = [
        name
        for value in fields.values()
        for name in (value if isinstance(value, list) else [value])
        if name is not None
    ]
    return {"rule": rule, "id": f"{rule}.{name_of(key)[2:]}", **fields, "needs": needs}
