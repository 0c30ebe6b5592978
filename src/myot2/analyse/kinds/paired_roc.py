"""Two markers in the same people: which tells the groups apart better."""

from __future__ import annotations

from myot2.analyse.delong import compare_areas
from myot2.analyse.material import Material
from myot2.analyse.outcome import Outcome
from myot2.analyse.plan_kinds import PairedRoc
from myot2.analyse.rounding import print_interval, print_number
from myot2.analyse.statistic import number

TEST = "DeLong's test of two areas of the same people"


def run(key: str, analysis: PairedRoc, material: Material) -> Outcome:
    """`<key>.difference` of the areas with its test, and both areas under `<key>.<endpoint>`."""
    positive, negative = material.members(analysis.positive), material.members(analysis.negative)
    chosen = positive | negative
    markers = [material.endpoint(name)[chosen].to_numpy() for name in (analysis.endpoint, analysis.against)]
    found = compare_areas(*markers, positive[chosen].to_numpy(bool))
    n = found.n_positive + found.n_negative
    extras = {
        "n_positive": found.n_positive,
        "n_negative": found.n_negative,
        "left_out": found.left_out,
        "se": found.se,
        "z": found.z,
        "z_printed": print_number(found.z, 3),
        "ci_printed": print_interval(found.ci_score, 3),
        "ci_method": "score interval of the difference",
        "ci_delong": found.ci,
    }
    return Outcome(
        {
            f"{key}.difference": number(
                found.difference, 3, n=n, ci=found.ci_score, test=TEST, p=found.p, extras=extras
            ),
            f"{key}.{analysis.endpoint}": number(found.area_first, 3, n=n),
            f"{key}.{analysis.against}": number(found.area_second, 3, n=n),
        }
    )


def main_keys(key: str, analysis: PairedRoc, material: Material) -> tuple[str, ...]:
    """The difference and both areas."""
    return tuple(f"{key}.{name}" for name in ("difference", analysis.endpoint, analysis.against))
