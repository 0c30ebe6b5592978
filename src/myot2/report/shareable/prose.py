"""The shareable report's sentences."""

from __future__ import annotations

from myot2.report.lookup import Statistics
from myot2.report.markdown import escape
from myot2.report.shareable.study import Shared
from myot2.report.shareable.tables import shown, with_unit

_CARDS = (
    ("t2.patient.mean", "mean T2 of the patients"),
    ("t2.control.mean", "mean T2 of the controls"),
    ("roc.interval.wilson", "area under the ROC curve"),
    ("roc.cutoff", "cutoff that tells patients from controls best"),
)


def summary(shared: Shared) -> str:
    """One paragraph that says what was found."""
    found = shared.statistics
    people = " and ".join(
        f"{shown(found, f'cohort.{group}.n')} {group}s ({shown(found, f'cohort.{group}.measured')} measured)"
        for group in ("patient", "control")
    )
    return f"In rounded counts there are {people}. {group_sentence(found)} {area_sentence(found)}"


def group_sentence(found: Statistics) -> str:
    """Mean T2 of both groups, and p."""
    means = " and ".join(
        f"{with_unit(found, f't2.{group}.mean')} (SD {shown(found, f't2.{group}.sd')}) in {group}s"
        if found.has(f"t2.{group}.mean")
        else f"{shown(found, f't2.{group}.mean')} in {group}s"
        for group in ("patient", "control")
    )
    p = f" ({found.p('t2.mann_whitney')})" if found.has("t2.mann_whitney") else ", without a comparison"
    return f"Mean T2 of the thigh muscles is {means}{p}."


def area_sentence(found: Statistics) -> str:
    """The area and the cutoff, or that they are not shown."""
    key = "roc.interval.wilson"
    if not found.has(key):
        return "The area under the ROC curve is not shown, for a group is too small."
    area = f"The area under the ROC curve is {shown(found, key)} (95 % interval {shown(found, key, 'ci_printed')})"
    return f"{area}; the best cutoff is about {with_unit(found, 'roc.cutoff')}."


def key_figures(found: Statistics) -> str:
    """The numbers that matter most, as a list that the style sheet sets as cards."""
    lines = []
    for key, label in _CARDS:
        interval = shown(found, key, "ci_printed")
        more = f" (95 % interval {interval})" if found.content.get(key, {}).get("ci_printed") else ""
        lines.append(f"- **{with_unit(found, key)}** {label}{more}")
    return "::: {.key-figures}\n" + "\n".join(lines) + "\n:::"


def rules_note(shared: Shared) -> str:
    """How to read the page."""
    limit, step = shared.rules["RedactUpTo"], shared.rules["RoundTo"]
    return (
        '::: {.callout-note title="What is left out of this report"}\n'
        f"It shows no number that is one person's. Counts of {escape(limit)} or fewer read \\[REDACTED\\], all others "
        f"are rounded to {escape(step)}, and totals are made of rounded parts. There are no extremes, no participant's "
        "picture, page or row, no free text, and no step or mark that is one person. Numbers that lie between two "
        "people's values are rounded coarsely. A dash: withheld. @tbl-disclosure counts what was left out.\n:::"
    )


def small_note(shared: Shared) -> str:
    """Why most of the page is redacted, where it is; empty else."""
    small = [group for group in ("patient", "control") if shared.redacts(f"cohort.{group}.n")]
    if not small:
        return ""
    limit = escape(shared.rules["RedactUpTo"])
    who = " and ".join(f"{group}s" for group in small)
    return (
        '::: {.callout-warning title="A group is too small to be shown"}\n'
        f"The {who} are {limit} or fewer. Every count, mean and comparison that involves them is redacted, so that "
        "this report can say little. Nothing is wrong with the run; its internal report has all numbers.\n:::"
    )


def curve_sentence(shared: Shared) -> str:
    """Whether a curve is drawn, and why not."""
    if len(shared.roc):
        return "@fig-roc shows the curve in steps of many people."
    return "No ROC curve is drawn: in one of the groups its steps would be few people."


def correlation_sentence(shared: Shared) -> str:
    """What the table and, where there is one, the figure hold."""
    where = "@tbl-correlations holds" if shared.correlations.empty else "@tbl-correlations and @fig-correlations hold"
    return (
        f"{where} the rank correlation of T2 with each enzyme and with the lung score among patients; pairs with an "
        "unknown value are left out."
    )


def footer(shared: Shared, renderer: str) -> str:
    """Who made the page."""
    rules = escape(shared.rules["Rules"])
    made = f"Made by MyoT2 from `report/shareable.qmd`, rendered with {escape(renderer)}."
    return f"::: {{.report-footer}}\n{made} Released by: {rules}. A person is to look at it before it is shared.\n:::"
