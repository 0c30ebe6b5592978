"""The shareable report's figures and tables as data, as `myot2.report.captions` holds the internal one's."""

from __future__ import annotations

from myot2.report.captions import Figure, Table

FIGURES = (
    Figure(
        "fig-flow",
        "Flow of participants, in rounded counts. A count that is not shown is redacted: seven or fewer, or one that "
        "would give such a count away.",
        "Flow diagram: boxes from participants through measured to analysed, each with its rounded count.",
    ),
    Figure(
        "fig-histogram",
        "How many people have which T2 (mean of the thigh muscles), in rounded counts. The outermost bins are open, so "
        "that no extreme is shown; every bin holds more people than a count that is redacted.",
        "Bar charts of rounded counts by T2 in ms, patients above controls.",
    ),
    Figure(
        "fig-roc",
        "Receiver operating characteristic of T2 for telling patients from controls. Each step of the curve is many "
        "people; it is coarser than the area that is given for it.",
        "ROC curve in coarse steps: sensitivity against one minus specificity.",
    ),
    Figure(
        "fig-correlations",
        "T2 against each enzyme and the lung score. Each mark is the mean of at least eight patients who are "
        "neighbours by rank; enzymes that span a large range have a logarithmic axis. Look for a trend.",
        "Five panels of mean T2 in ms against CK, ALT, AST, LDH and the lung disease score.",
    ),
    Figure(
        "fig-muscles",
        "Mean T2 of each muscle (both sides) with its 95 % interval. Look for muscles in which the groups lie far "
        "apart. A mean that one person dominates, or of few people, is not drawn.",
        "Marks with intervals per muscle: mean T2 in ms of patients and controls.",
    ),
)

TABLES = (
    Table("tbl-cohort", "The cohort, in rounded counts. Quartiles are rounded so that about eight people share one."),
    Table("tbl-groups", "T2 of the thigh muscles (ms) in each group."),
    Table(
        "tbl-effect",
        "How large the difference is. The delta is 0 where neither group is higher and 1 where every patient is above "
        "every control. Corrected: for all tests of the family.",
    ),
    Table(
        "tbl-accuracy",
        "How well T2 tells patients from controls. Areas are in steps that eight values of the rank sum share; the "
        "cutoff lies between two people's values and has two digits only.",
    ),
    Table(
        "tbl-correlations",
        "Spearman's rank correlation of T2 with clinical measures among patients; corrected: for the number of these "
        "tests.",
    ),
    Table("tbl-muscles", "T2 of each muscle (both sides), mean ± SD, and the test between the groups."),
    Table(
        "tbl-muscle-model",
        "All muscles in one model, each person's muscles belonging together, covariates held equal.",
    ),
    Table("tbl-analyses", "Every analysis of the plan in its order, those without a result too."),
    Table(
        "tbl-disclosure",
        "What became of the numbers of the run, by the rule that decided. Redacted: shown as [REDACTED]; withheld: not "
        "here at all. The file disclosure.tsv names each.",
    ),
    Table("tbl-parameters", "Settings of the run. A text that could name a place or a person reads: given."),
    Table("tbl-versions", "Versions of the programs in the environment that made the report."),
)
