"""All statistics of a cohort together, and the files they are written to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from myot2.analyse.accuracy import CK_UPPER_LIMIT, curve_of, describe_accuracy, roc_table
from myot2.analyse.cohort import Cohort
from myot2.analyse.comparisons import comparisons, describe_ild, groups_table
from myot2.analyse.correlations import correlate, correlations_table
from myot2.analyse.demographics import describe_cohort
from myot2.analyse.dictionaries import dictionary_of
from myot2.analyse.muscles import compare_muscles, muscles_table, regions_of
from myot2.analyse.statistic import Statistic
from myot2.core.files import write_json
from myot2.core.labels import LabelTable
from myot2.core.tables import write_tsv

STATISTICS = "statistics.json"
TABLES = ("groups", "correlations", "roc", "muscles", "participants")


@dataclass(frozen=True)
class Results:
    """`statistics` by key (docs/stages/analyse.md lists them); `tables` by name, as in `TABLES`."""

    statistics: dict[str, Statistic]
    tables: dict[str, pd.DataFrame]


def analyse(cohort: Cohort, *, labels: LabelTable | None = None, ck_upper_limit: float = CK_UPPER_LIMIT) -> Results:
    """All of the study's statistics.

    Parameters
    ----------
    cohort : Cohort
        The people and their T2 (ms).
    labels : LabelTable, optional
        Names the muscles and groups that are to have a row even where nobody's was measured.
    ck_upper_limit : float
        Upper limit of normal creatine kinase in U/l, inclusive, for both sexes.
    """
    compared = comparisons(cohort)
    correlated = correlate(cohort.patients)
    regions = regions_of(cohort, labels)
    statistics = describe_cohort(cohort)
    for comparison in compared:
        statistics |= comparison.statistics()
    statistics |= describe_accuracy(cohort, ck_upper_limit)
    statistics |= correlated | describe_ild(cohort.patients)
    statistics |= compare_muscles(cohort, regions)
    tables = {
        "groups": groups_table(compared),
        "correlations": correlations_table(correlated),
        "roc": roc_table(curve_of(cohort)[0]),
        "muscles": muscles_table(cohort, regions),
        "participants": cohort.people,
    }
    return Results(statistics, tables)


def output_paths(folder: str | Path) -> list[Path]:
    """Every file that `write_results` writes."""
    tables = [Path(folder, f"{name}{suffix}") for name in TABLES for suffix in (".tsv", ".json")]
    return [Path(folder, STATISTICS), *tables]


def write_results(results: Results, folder: str | Path) -> None:
    """Write statistics.json, and each table as TSV with its data dictionary beside it."""
    for name in TABLES:
        table = results.tables[name]
        write_tsv(table, Path(folder, f"{name}.tsv"))
        write_json(Path(folder, f"{name}.json"), dictionary_of(name, table.columns))
    write_json(Path(folder, STATISTICS), {key: value.to_json() for key, value in results.statistics.items()})
