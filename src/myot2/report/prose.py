"""The report's sentences: numbers from statistics.json, each with its n, in fixed wording."""

from __future__ import annotations

from myot2.core.stopnote import StopNote
from myot2.report.examples import found_by_t2_alone, t2_of, typical_patient
from myot2.report.inputs import PEOPLE, QUALITY, STATISTICS
from myot2.report.lookup import Statistics
from myot2.report.markdown import counted, escape, quoted
from myot2.report.study import Study


def summary(study: Study) -> str:
    """One paragraph that says what was found."""
    found = study.statistics
    cohort = (
        f"Of {found.bare('cohort.patient.n')} patients and {found.bare('cohort.control.n')} controls, "
        f"{found.bare('cohort.patient.measured')} and {found.bare('cohort.control.measured')} were measured."
    )
    return " ".join([cohort, _group_sentence(found), roc_sentence(found)])


def key_figures(statistics: Statistics) -> str:
    """The numbers that matter most, as a list that the style sheet sets as cards."""
    entries = [
        ("t2.patient.mean", "mean T2 of the patients"),
        ("t2.control.mean", "mean T2 of the controls"),
        ("roc.auc", "area under the ROC curve"),
        ("roc.cutoff", "cutoff that tells patients from controls best"),
    ]
    lines = []
    for key, label in entries:
        of = _area_interval(statistics) if key == "roc.auc" else key
        interval = f" (95 % interval {statistics.part(of, 'ci_printed')})" if _has_ci(statistics, of) else ""
        lines.append(f"- **{statistics.number(key)}** {label}{interval}, {statistics.n(key)}")
    return "::: {.key-figures}\n" + "\n".join(lines) + "\n:::"


def group_sentence(statistics: Statistics) -> str:
    """The comparison of patients with controls, with the test's name."""
    key = "t2.mann_whitney"
    if not statistics.has(key):
        return f"The groups could not be compared: {statistics.reason(key)}."
    test = escape(statistics.content[key]["test"])
    exact = f", exact {statistics.p(key, 'p_exact_printed')}" if "p_exact_printed" in statistics.content[key] else ""
    return (
        f"{_group_sentence(statistics)} Test: {test}; *U*\\ =\\ {statistics.bare(key)}, "
        f"*z*\\ =\\ {statistics.part(key, 'z_printed')}{exact}, {statistics.n(key)}."
    )


def roc_sentence(statistics: Statistics) -> str:
    """How well T2 tells the groups apart, and at which cutoff."""
    if not statistics.has("roc.auc"):
        return f"No ROC curve could be drawn: {statistics.reason('roc.auc')}."
    interval = _interval(statistics, _area_interval(statistics))
    auc = f"The area under the ROC curve is {statistics.bare('roc.auc')} ({interval}{statistics.n('roc.auc')})"
    if not statistics.has("roc.cutoff"):
        return f"{auc}; no cutoff is given: {statistics.reason('roc.cutoff')}."
    rates = " and a ".join(
        f"{name} of {statistics.bare(f'roc.{name}')} ({statistics.part(f'roc.{name}', 'numerator')} of "
        f"{statistics.part(f'roc.{name}', 'denominator')})"
        for name in ("sensitivity", "specificity")
    )
    return f"{auc}; at a cutoff of {statistics.number('roc.cutoff')} T2 has a {rates}."


def precision_sentence(statistics: Statistics) -> str:
    """The interval of the area that is to be quoted, and between what the cutoff may lie."""
    area, cutoff = "roc.interval.wilson", "roc.bootstrap.cutoff"
    if not _has_ci(statistics, area):
        return f"How far the area can be trusted is not known: {statistics.reason(area)}."
    method = escape(statistics.content[area]["ci_method"])
    told = f"The interval to quote for the area is {statistics.part(area, 'ci_printed')} ({method})"
    if not _has_ci(statistics, cutoff):
        return f"{told}; the cutoff has none: {statistics.reason(cutoff)}."
    varies = f"{statistics.part(cutoff, 'ci_printed')} {escape(statistics.content[cutoff]['unit'])}"
    return f"{told}; in bootstrap samples the cutoff varies from {varies} (@tbl-accuracy)."


def markers_sentence(statistics: Statistics) -> str:
    """T2 beside CK in the same people: which tells patients from controls better."""
    key = "roc.t2_against_ck"
    difference = f"{key}.difference"
    if not statistics.has(difference):
        return f"T2 and CK could not be compared in the same people: {statistics.reason(difference)}."
    corrected = (
        f", corrected {statistics.p(difference, 'p_adjusted_printed')}"
        if "p_adjusted_printed" in statistics.content[difference]
        else ""
    )
    return (
        f"In the same people the area is {statistics.bare(f'{key}.t2')} for T2 and {statistics.bare(f'{key}.ck')} for "
        f"CK; difference {statistics.bare(difference)} ({_interval(statistics, difference)}"
        f"{statistics.p(difference)}{corrected}, {statistics.n(difference)})."
    )


def effect_sentence(statistics: Statistics) -> str:
    """How much higher T2 is, as such and with covariates held equal."""
    shift, ratio = "t2.effect.shift", "t2.adjusted.ratio"
    parts = []
    if statistics.has(shift):
        parts.append(
            f"The difference, patients less controls, is {statistics.number(shift)} ({_interval(statistics, shift)}"
            f"{statistics.n(shift)})."
        )
    else:
        parts.append(f"By how much T2 differs could not be told: {statistics.reason(shift)}.")
    if statistics.has(ratio):
        equal = escape(" and ".join(statistics.content[ratio]["covariates"]))
        parts.append(
            f"With {equal} held equal, T2 of patients is {statistics.bare(ratio)} times that of controls "
            f"({_interval(statistics, ratio)}{statistics.n(ratio)})."
        )
    else:
        parts.append(f"With covariates held equal the groups could not be compared: {statistics.reason(ratio)}.")
    return " ".join([*parts, "@tbl-effect has more."])


def cutoff_note(statistics: Statistics) -> str:
    """How the cutoff was chosen, and why its figures flatter; empty where there is no cutoff."""
    if not statistics.has("roc.cutoff"):
        return ""
    entry = statistics.content["roc.cutoff"]
    tied = len(entry["tied_cutoffs"])
    ties = f" {counted(STATISTICS, tied)} cutoffs share the highest index." if tied > 1 else ""
    return (
        '::: {.callout-note title="How the cutoff was chosen"}\n'
        f"Rule: {escape(entry['rule'])}.{ties} It was {escape(entry['note'])}.\n:::"
    )


def multiverse_sentence(statistics: Statistics) -> str:
    """Between what AUC and cutoff lie where the analysis is done otherwise."""
    key = "multiverse.variants"
    if not statistics.has(key):
        return f"The analysis was not done in other ways: {statistics.reason(key)}."
    counted = f"{statistics.bare(key)} of {statistics.part(key, 'asked_for')} variants of the analysis have an AUC"
    if not statistics.has("multiverse.auc.min"):
        return f"{counted}."
    parts = [f"it lies between {statistics.bare('multiverse.auc.min')} and {statistics.bare('multiverse.auc.max')}"]
    if statistics.has("multiverse.cutoff.min"):
        low, high = (statistics.number(f"multiverse.cutoff.{end}") for end in ("min", "max"))
        parts.append(f"the cutoff between {low} and {high}")
    return f"{counted}: {', '.join(parts)} ({statistics.n(key)} in the main one: {statistics.part(key, 'main')})."


def multiverse_reasons(study: Study) -> str:
    """Why variants have no AUC, each reason once; empty where all have one."""
    lacking = study.multiverse[study.multiverse["auc"].isna()]
    reasons = [escape(reason) for reason in dict.fromkeys(lacking["reason"].dropna())]
    return f"Variants without AUC: {'; '.join(reasons)}." if reasons else ""


def normal_ck_sentence(statistics: Statistics) -> str:
    """What T2 finds among patients whose CK is normal."""
    key = "normal_ck.detected"
    if not statistics.has(key):
        return f"Patients with normal CK could not be looked at: {statistics.reason(key)}."
    limit = f"{statistics.part(key, 'ck_upper_limit')} {statistics.part(key, 'ck_unit')}"
    return (
        f"Among measured patients with CK up to {limit}, T2 is at or above the cutoff in "
        f"{statistics.part(key, 'numerator')} of {statistics.part(key, 'denominator')} "
        f"({statistics.bare(key)}, 95 % interval {statistics.part(key, 'ci_printed')}). "
        f"{_left_out_sentence(statistics)}"
    )


def _left_out_sentence(statistics: Statistics) -> str:
    """The same finding by a cutoff that nobody helped to choose who is judged by it."""
    key = "normal_ck.left_out.detected"
    if not statistics.has(key):
        return f"By the cutoff of all others they could not be judged: {statistics.reason(key)}."
    return (
        f"Judged each by the cutoff of all others, it is {statistics.part(key, 'numerator')} of "
        f"{statistics.part(key, 'denominator')} ({statistics.bare(key)}, 95 % interval "
        f"{statistics.part(key, 'ci_printed')})."
    )


def lung_sentence(statistics: Statistics) -> str:
    """T2 with and without lung disease."""
    key = "t2.ild_mann_whitney"
    if not statistics.has(key):
        return f"T2 with and without interstitial lung disease could not be compared: {statistics.reason(key)}."
    means = " and ".join(
        f"{statistics.number(f't2.{name}.mean')} {words} ({statistics.n(f't2.{name}.mean')})"
        for name, words in (("ild_present", "with"), ("ild_absent", "without"))
    )
    unknown = statistics.bare("ild.unknown")
    return (
        f"Mean T2 is {means} interstitial lung disease (*z*\\ =\\ {statistics.part(key, 'z_printed')}, "
        f"{statistics.p(key)}, Mann–Whitney). Patients without a known HRCT are in neither group ({unknown})."
    )


def audit_table_sentence(study: Study) -> str:
    """Where it stands how far each scan came, stage by stage; empty where nothing writes that page."""
    if not study.audit_table:
        return ""
    return (
        f"How far each came, stage by stage, and which labels a person corrected, stands in the "
        f"[audit table]({study.audit_table}), which is written when the run ends, after this report."
    )


MOST_PICTURES = 200
"""So many small pictures a page can hold; each takes some 20 kB."""


def participants(study: Study) -> str:
    """One small picture per scan, in the order of the flow, that leads to the scan's page; or why there is none.

    Of more than `MOST_PICTURES` scans those have one whose labels are the likeliest to be wrong; the others are named.
    """
    pictured = _first_to_look_at(study)
    entries = [f"- {_participant(study, scan)}" for scan in study.flow["scan"] if scan in pictured]
    if not entries:
        return "There are no participants."
    named = [_name(study, scan) for scan in study.flow["scan"] if scan not in pictured]
    why = f"Pictures are shown of {MOST_PICTURES} scans, by risk and number of flags. Each of the others has its page: "
    rest = ["", why + ", ".join(named) + "."] if named else []
    return "\n".join(["::: {.participants}", *entries, ":::", *rest])


def _first_to_look_at(study: Study) -> set[str]:
    """The scans to show: all, or the first of them in the order of `tables.quality_table`, and all that stopped."""
    scans = list(study.flow["scan"])
    if len(scans) <= MOST_PICTURES:
        return set(scans)
    quality = study.quality.reindex(scans)
    flags = quality["flags"].fillna("").str.count(";") + quality["flags"].notna()
    ranked = quality.assign(risk=quality["risk"].fillna(-1.0), count=flags)
    ranked = ranked.sort_values(["risk", "count"], ascending=False, kind="stable")
    return {*ranked.index[:MOST_PICTURES], *(scan for scan in scans if isinstance(study.panels.get(scan), StopNote))}


def _name(study: Study, scan: str) -> str:
    return f"[{escape(scan)}]({study.pages}/{scan}.html)" if study.pages else f"**{escape(scan)}**"


def _participant(study: Study, scan: str) -> str:
    name = _name(study, scan)
    group = study.group_of(scan) or "group unknown"
    panel = study.panels.get(scan)
    if isinstance(panel, StopNote):
        why = f"stopped at {escape(panel.stage)}; expected {escape(panel.expected)}, found {escape(panel.found)}."
        return f"{name} ({group}): {why}"
    if scan not in study.thumbnails:
        return f"{name} ({group}): no picture was made."
    # The name beside it is the link: a picture that leads there too would be said twice by a screen reader.
    alt = quoted(f"Muscle outlines and T2 of {scan}")
    return f"![]({study.thumbnails[scan].as_posix()}){{fig-alt={alt}}} {name} ({group})"


def examples(study: Study) -> str:
    """The pictures of the two participants that `myot2.report.examples` chooses, in full size."""
    chosen = (
        ("fig-typical", typical_patient(study), "the patient whose T2 is nearest to the patients' median"),
        ("fig-normal-ck", found_by_t2_alone(study), "the highest T2 among patients whose CK is normal"),
    )
    shown = [_example(study, label, scan, words) for label, scan, words in chosen if scan]
    return "\n\n".join(shown) or "No patient with a picture has a T2 value."


def _example(study: Study, label: str, scan: str, words: str) -> str:
    alt = quoted(f"Muscle outlines on the image beside T2 in colour: {scan}")
    t2 = counted(PEOPLE, f"{t2_of(study, scan):.1f}")
    caption = (
        f"{escape(scan)}, {words}: T2 {t2} ms. Left: the image with the outlines; look for outlines that leave their "
        "muscle. Right: T2 within the outlines; look for bright muscle."
    )
    return f"::: {{#{label}}}\n![]({study.panels[scan].as_posix()}){{fig-alt={alt}}}\n\n{caption}\n:::"


def labels_sentence(study: Study) -> str:
    """How many scans' labels were judged, and how many have a flag."""
    judged = study.quality[study.quality["status"] == "judged"]
    flagged = int(judged["flags"].notna().sum())
    return (
        f"Of {counted(QUALITY, len(study.quality))} scans the labels of {counted(QUALITY, len(judged))} were judged; "
        f"{counted(QUALITY, flagged)} have at least one flag. A flag asks for a look and stops nothing."
    )


def synthetic_note(study: Study) -> str:
    """A warning where the cohort is simulated; empty for real data."""
    if not study.configuration.get("simulate"):
        return ""
    return (
        '::: {.callout-warning title="Simulated cohort"}\n'
        "These participants do not exist: images and clinical table come from MyoT2's simulator. The numbers show that "
        "the workflow runs, and say nothing about any disease.\n:::"
    )


def footer(study: Study) -> str:
    """Who made the page, and of which files."""
    sealed = (
        f" It rests on the files listed in `audit/results.sha256`; the SHA-256 of that list is `{study.seal}`."
        if study.seal
        else ""
    )
    made = f"Made by MyoT2 from `report/report.qmd`, rendered with {escape(study.renderer)}."
    return f"::: {{.report-footer}}\n{made}{sealed}\n:::"


def _group_sentence(statistics: Statistics) -> str:
    if not statistics.has("t2.mann_whitney"):
        return f"Patients and controls could not be compared: {statistics.reason('t2.mann_whitney')}."
    means = " and ".join(
        f"{statistics.number(f't2.{group}.mean')} (SD {statistics.bare(f't2.{group}.sd')}, "
        f"{statistics.n(f't2.{group}.mean')}) in {group}s"
        for group in ("patient", "control")
    )
    return f"Mean T2 of the thigh muscles is {means} ({statistics.p('t2.mann_whitney')})."


def _area_interval(statistics: Statistics) -> str:
    """The key of the interval to quote for the area: Wilson's, where the plan asks for it."""
    return "roc.interval.wilson" if _has_ci(statistics, "roc.interval.wilson") else "roc.auc"


def _interval(statistics: Statistics, key: str) -> str:
    if _has_ci(statistics, key):
        return f"95 % interval {statistics.part(key, 'ci_printed')}, "
    reason = statistics.content[key].get("ci_reason")
    return f"no interval: {escape(reason)}; " if reason else ""


def _has_ci(statistics: Statistics, key: str) -> bool:
    return statistics.content.get(key, {}).get("ci_printed") is not None
