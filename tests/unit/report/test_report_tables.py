"""Tables and sentences hold looked-up numbers, and reasons where there are none."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pandas as pd
import pytest

from myot2.core.config import Configuration
from myot2.report import prose, tables
from myot2.report.lookup import Statistics
from myot2.report.methods import analyses, methods


def statistic(printed: str, n: int = 11, **extras):
    return {"value": 1.0, "n": n, "unit": None, "printed": printed, **extras}


def missing(reason: str, n: int = 0):
    return {"value": None, "n": n, "unit": None, "printed": "n/a", "reason": reason}


def plain(markdown: str) -> str:
    """The Markdown's text: spans and escapes undone."""
    text = re.sub(r"\[((?:\\.|[^\]\\])*)\]\{[^}]*\}", r"\1", markdown).replace("\\ ", " ")
    return re.sub(r"\\(.)", r"\1", text)


TEST = {"test": "Mann-Whitney U", "p_printed": "<0.001", "z_printed": "4.9"}
FOUND = {
    "t2.patient.mean": statistic("47.4", 64, unit="ms", ci_printed="45.2 to 49.7"),
    "t2.patient.sd": statistic("9.0", 64),
    "t2.control.mean": statistic("33.9", 10, unit="ms"),
    "t2.control.sd": statistic("0.9", 10),
    "t2.mann_whitney": statistic("631.0", 74, **TEST),
    "roc.auc": statistic("0.986", 74, ci_printed="0.958 to 1.000"),
    "roc.cutoff": statistic("36.4", 74, unit="ms", rule="highest index", note="optimistic", tied_cutoffs=[36.4, 36.5]),
    "roc.sensitivity": statistic("96.9 %", 64, numerator=62, denominator=64),
    "roc.specificity": statistic("100.0 %", 10, numerator=10, denominator=10),
    "spearman.ck": statistic("0.361", 64, p_printed="0.003", p_adjusted_printed="0.017", ci_printed="0.120 to 0.560"),
    "spearman.alt": missing("fewer than three pairs", 2),
}


def test_the_group_sentence_names_means_test_and_n():
    assert plain(prose.group_sentence(Statistics(FOUND))) == (
        "Mean T2 of the thigh muscles is 47.4 ms (SD 9.0, *n* = 64) in patients and 33.9 ms (SD 0.9, *n* = 10) in "
        "controls (*p* <0.001). Test: Mann-Whitney U; *U* = 631.0, *z* = 4.9, *n* = 74."
    )


def test_the_roc_sentence_gives_counts_beside_percentages():
    assert plain(prose.roc_sentence(Statistics(FOUND))) == (
        "The area under the ROC curve is 0.986 (95 % interval 0.958 to 1.000, *n* = 74); at a cutoff of 36.4 ms T2 has "
        "a sensitivity of 96.9 % (62 of 64) and a specificity of 100.0 % (10 of 10)."
    )


def test_without_a_cutoff_the_area_is_still_told_with_the_reason():
    found = Statistics({**FOUND, "roc.cutoff": missing("no cutoff is better than chance")})
    assert plain(prose.roc_sentence(found)).endswith("no cutoff is given: no cutoff is better than chance.")
    assert prose.cutoff_note(found) == ""


def test_ties_between_cutoffs_are_told():
    assert "2 cutoffs share the highest index." in plain(prose.cutoff_note(Statistics(FOUND)))


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        (prose.group_sentence, "The groups could not be compared: it is not among the statistics."),
        (prose.roc_sentence, "No ROC curve could be drawn: it is not among the statistics."),
        (prose.normal_ck_sentence, "could not be looked at: it is not among the statistics."),
        (prose.lung_sentence, "could not be compared: it is not among the statistics."),
    ],
)
def test_a_missing_statistic_is_told_and_not_left_out(sentence, words):
    assert words in sentence(Statistics({}))


def test_the_correlation_table_has_n_in_every_row_and_the_reason_where_nothing_was_computed():
    rows = plain(tables.correlation_table(Statistics(FOUND))).splitlines()
    assert rows[2] == "| Creatine kinase (CK) | 64 | 0.361 | 0.120 to 0.560 | 0.003 | 0.017 |"
    assert rows[3] == "| Alanine aminotransferase (ALT) | 2 | – | not computed | – | – |"
    assert len(rows) == 2 + 5


FLOW = pd.DataFrame(
    {
        "scan": ["sub-1", "sub-2", "sub-3", "sub-4"],
        "group": ["patient", "control", "patient", None],
        "status": ["measured", "measured", "stopped", "stopped"],
        "stage": [None, None, "segment", "ingest"],
        "where": [None, None, "series 5, slice 3", "/somewhere/table.tsv"],
        "expected": [None, None, "a", "b"],
        "found": [None, None, "c", "d"],
        "do": [None, None, "e", "f"],
    }
)


def test_the_flow_adds_up():
    rows = [line.strip("| ").split(" | ") for line in plain(tables.flow_table(FLOW)).splitlines()[2:]]
    assert rows == [
        ["In the participants table", "4", "2", "1"],
        ["T2 measured", "2", "1", "1"],
        ["Stopped at segment", "1", "1", "0"],
        ["Stopped at ingest", "1", "0", "0"],
    ]


def test_voxels_left_out_are_listed_by_reason_and_unmet_reasons_have_no_column():
    nan = float("nan")
    voxels = pd.DataFrame(
        {
            "voxels": [900.0, 800.0],
            "voxels_low_signal": [12.0, nan],
            "voxels_at_bound": [0.0, nan],
            "voxels_implausible": [3.0, 4.0],
            "fat_fraction_mean": [nan, nan],
        },
        index=["sub-1", "sub-2"],
    )
    rows = plain(tables.voxel_table(voxels)).splitlines()
    assert rows[0] == "| Scan | measured | low signal | implausible |"
    assert rows[2:] == ["| sub-1 | 900 | 12 | 3 |", "| sub-2 | 800 | – | 4 |"]
    known = plain(tables.voxel_table(voxels.assign(fat_fraction_mean=[0.0716, nan]))).splitlines()
    assert known[0] == "| Scan | measured | low signal | implausible | fat fraction |"
    assert known[2:] == ["| sub-1 | 900 | 12 | 3 | 7.2 % |", "| sub-2 | 800 | – | 4 | – |"]


def quality(**columns) -> pd.DataFrame:
    """A table of scans as the study holds it."""
    count = len(columns["risk"])
    base = {"status": ["judged"] * count, "muscles": [26.0] * count, "volume_ml": [2500.4] * count}
    base |= {"agreement": [0.913] * count, "flags": [None] * count}
    return pd.DataFrame({**base, **columns}, index=[f"sub-{n}" for n in range(1, count + 1)])


def test_scans_are_listed_by_risk_then_by_flags_and_those_without_a_risk_last():
    nan = float("nan")
    table = quality(risk=[0.2, nan, 0.7, 0.2], flags=["one", "one; two; three; four; five", None, "one; two"])
    rows = plain(tables.quality_table(table)).splitlines()[2:]
    assert rows == [
        "| sub-3 | 0.70 | 0.91 | 26 | 2500 | – |",
        "| sub-4 | 0.20 | 0.91 | 26 | 2500 | one; two |",
        "| sub-1 | 0.20 | 0.91 | 26 | 2500 | one |",
        "| sub-2 | – | 0.91 | 26 | 2500 | one; two; three; 2 more |",
    ]


def test_the_table_of_scans_keeps_to_a_page_and_leaves_out_whom_nobody_judged():
    many = tables.quality_table(quality(risk=[0.01 * n for n in range(30)]))
    assert len(many.splitlines()) == 2 + tables.MOST_SCANS and "sub\\-30" in many
    assert "no labels were judged" in tables.quality_table(quality(risk=[0.5], status=["stopped"]))


def test_where_nobody_was_measured_the_table_of_voxels_says_so():
    assert "| none | – |" in plain(
        tables.voxel_table(pd.DataFrame(columns=["voxels", "voxels_at_bound", "fat_fraction_mean"]))
    )


def test_every_stopped_scan_has_its_reason_and_remedy():
    rows = plain(tables.stopped_table(FLOW)).splitlines()
    assert rows[2:] == [
        "| sub-3 | segment | series 5, slice 3: expected a; found c | e |",
        "| sub-4 | ingest | table.tsv: expected b; found d | f |",
    ]
    assert "all scans were measured" in tables.stopped_table(FLOW[:2])


def test_settings_are_listed_by_key_and_absolute_paths_shortened():
    text = plain(
        tables.parameter_table(
            {
                "results": "/home/x/results",
                "simulate": None,
                "segment": {"backend": "labels", "given": "/home/x/masks.nii.gz"},
                "fit": {"skip_first_echoes": 1},
                "ingest": {"t2_map": True, "dixon": [], "t2_map_scale": None},
                "measure": {"plausible_ms": [1.0, 300.0]},
            }
        )
    )
    assert "| `segment.given` | masks.nii.gz |" in text and "/home" not in text
    assert "| `fit.skip_first_echoes` | 1 |" in text
    assert "| `ingest.t2_map` | yes |" in text and "| `ingest.dixon` | none |" in text
    assert "| `ingest.t2_map_scale` | not set |" in text and "| `measure.plausible_ms` | 1.0, 300.0 |" in text


def test_the_versions_are_those_of_the_environment():
    assert f"| pandas | {pd.__version__} |" in plain(tables.version_table())


def fitted(**changes):
    """A run's configuration, as it is recorded, that fits the echoes."""
    return {"fit": Configuration(fit={"source": "echoes", **changes}).model_dump(mode="json")["fit"]}


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        ({"ingest": {"source": "muscle-bids"}}, "Images were taken from a Muscle-BIDS dataset"),
        ({"fit": {"source": "vendor-map"}}, "T2 is the scanner's own T2 map."),
        (fitted(), "by non-linear least squares (model: mono; first echoes left out: 1); voxels"),
        (fitted(noise="measured"), "under Rician noise, its level measured in air (model: mono"),
        (fitted(noise=12.5), "under Rician noise of 12.5 (model: mono"),
        (fitted(t2_limits_ms=[5, 400], fat={"limit": None}), "T2 outside 5.0 to 400.0 ms were left out."),
        (fitted(), "with T2 outside 10.0 to 300.0 ms, or with a known fat fraction above 0.3, were left out."),
        (
            fitted(model="epg", b1="map", b1_map="b.nii", pulses={"slice_profile": "slr", "time_bandwidth": [4, 3]}),
            "slice profile: slr of time-bandwidth products 4.0 and 3.0, refocused slice 1.2 times as thick, T1 of "
            "muscle 1400.0 ms, B1 from a map)",
        ),
        (fitted(fat={"fraction": "none"}), "T2 outside 10.0 to 300.0 ms were left out."),
        (fitted(model="epg-water-fat"), "T2 of fat calibrated on each person's subcutaneous fat, T1 of fat 365.0 ms"),
        (fitted(model="epg-water-fat", fat={"t2_ms": 140}), "T2 of fat 140.0 ms, T1 of fat 365.0 ms"),
        (fitted(model="epg"), "extended phase graph (nominal refocusing angle 180.0 degrees, slice profile: none"),
        ({"segment": {"backend": "labels"}}, "Muscle outlines were given"),
        ({"segment": {"backend": "myot2", "image": "in"}}, "outlined on the Dixon in-phase images by a convolutional"),
        (
            {"segment": {"backend": "totalsegmentator", "image": "water", "task": "thigh_x"}},
            "on the Dixon water images by TotalSegmentator (task thigh_x).",
        ),
        ({"align": {"refinement": "rigid", "minimum_fraction": 0.5}}, "rigid registration"),
        ({"measure": {"plausible_ms": [1.0, 300.0], "erosion_mm": 2.0}}, "in-plane erosion of 2.0 mm"),
    ],
)
def test_the_methods_follow_the_configuration(configuration, words):
    assert words in plain(methods(configuration))


def test_the_methods_say_nothing_of_stages_they_do_not_know():
    assert methods({}) == ""


def findings(content, band=()):
    """Findings as far as the methods look at them."""
    return SimpleNamespace(statistics=Statistics(content), band=band)


def test_the_methods_of_the_statistics_tell_of_those_that_the_run_has():
    everything = {
        **FOUND,
        "t2.mann_whitney": statistic("631.0", 74, p_exact=0.01, **TEST),
        "roc.auc": statistic("0.986", 74, ci=[0.958, 1.0]),
    }
    text = plain(analyses(findings(everything, band=[1])))
    for words in ("its exact *p* stands beside it", "DeLong's interval", "highest index [", "bootstrap", "Spearman's"):
        assert words in text
    nothing = plain(analyses(findings({})))
    for words in ("Mann", "ROC", "cutoff", "bootstrap", "Spearman"):
        assert words not in nothing


def test_people_are_counted_against_the_cutoff():
    t2 = {"patient": pd.Series([36.4, 50.0, 36.3]), "control": pd.Series([33.0])}
    rows = plain(tables.crossed_table(t2, 36.4)).splitlines()
    assert rows[2:] == ["| at or above the cutoff | 2 | 0 |", "| below the cutoff | 1 | 1 |"]
    assert plain(tables.crossed_table(t2, None)).splitlines()[2] == "| at or above the cutoff | – | – |"
