"""What an analysis gives back."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from myot2.analyse.statistic import Statistic


@dataclass(frozen=True)
class Outcome:
    """The numbers of one analysis.

    Parameters
    ----------
    statistics : dict
        Statistics by key.
    tables : dict
        Rows for the tables of the results, by the table's name.
    warnings : tuple of str
        What a reader should know who relies on the numbers.
    n : int or None
        How many people it rests on, where its statistics do not say so.
    """

    statistics: dict[str, Statistic]
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    n: int | None = None
