"""The report's figures and tables as data: what each is called, what its caption tells a reader to look for.

Pure text, so that the workflow can name the figures' files without importing what draws them. The order is that of the
report; `report.qmd` says where each stands, `myot2.report.sections` what it is drawn from.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A figure: its label (`fig-...`), its caption, and what is said of it to those who cannot see it."""

    label: str
    caption: str
    alt: str

    @property
    def file(self) -> str:
        """The name of its files in results/report/figures, without suffix."""
        return self.label.removeprefix("fig-")


@dataclass(frozen=True)
class Table:
    """A table: its label (`tbl-...`) and its caption."""

    label: str
    caption: str


FIGURES = (
    Figure(
        "fig-flow",
        "Flow of participants, from the participants table to each analysis. Look for boxes on the right: who left, at "
        "which stage; and for an *n* that falls from one row to the next, which is a value that is not known.",
        "Flow diagram: boxes from participants through measured to analysed, each with its count.",
    ),
    Figure(
        "fig-groups",
        "T2 of the thigh muscles. Each mark is one person; the box spans the quartiles with the median as a line, "
        "whiskers reach the furthest value within 1.5 quartile ranges. Look for overlap between the groups around the "
        "cutoff (dashed).",
        "Box plot with marks: T2 in ms of patients and of controls.",
    ),
    Figure(
        "fig-histogram",
        "How many people have which T2 (mean of the thigh muscles). Look for a long tail to the right, for which a "
        "median says more than a mean, and for patients below the cutoff (dashed).",
        "Histograms of T2 in ms, patients above controls, on one axis.",
    ),
    Figure(
        "fig-roc",
        "Receiver operating characteristic of T2 for telling patients from controls. The further the curve keeps to "
        "the upper left, away from the dashed diagonal of chance, the better; the mark is the operating point with the "
        "highest Youden index. A grey band, where there is one, is the pointwise 95 % interval of the bootstrap: a "
        "wide band is a small group.",
        "ROC curve: sensitivity against one minus specificity, with the chosen operating point.",
    ),
    Figure(
        "fig-multiverse",
        "AUC with its 95 % interval and cutoff of every variant, and below them the choices that make it: which mask, "
        "which T2 map, what is taken of T2, and over what. The red diamond is the main path. Look for choices that "
        "gather at one end: the result hangs on them.",
        "Specification curve: AUC and cutoff of variants by rising AUC, above a matrix of the choices of each.",
    ),
    Figure(
        "fig-correlations",
        "T2 against each enzyme and the lung score; each mark is one patient in whom both are known. Enzymes that span "
        "more than a factor of twenty have a logarithmic axis. Look for a trend in the ranks, not for a line.",
        "Five scatter plots: T2 in ms against CK, ALT, AST, LDH and the lung disease score, each with its rank "
        "correlation, p and n.",
    ),
    Figure(
        "fig-muscles",
        "T2 of each muscle (both sides) in each person; within a group people are ordered by falling mean T2. Look for "
        "muscles that are bright in many patients, and for people in whom single muscles stand out; grey is not "
        "measured.",
        "Heat map of T2: muscles in rows, participants in columns, patients left of controls.",
    ),
    Figure(
        "fig-sides",
        "T2 of each muscle, left minus right; each mark is one person, the short line the group's median. Look for "
        "medians away from zero in both groups, which point to the coil or the alignment, and for single people far "
        "out, whose outlines or muscles differ between the sides.",
        "Marks per muscle: the difference of T2 between left and right in ms, patients above controls.",
    ),
    Figure(
        "fig-masks",
        "T2 by corrected masks less T2 by the run's own, against the mean of both (Bland and Altman); each mark is one "
        "person. The line is the mean difference, the dashes are the limits between which 95 % of differences lie, "
        "each with its 95 % interval as a band. Look for a mean away from zero, and for differences that grow with T2.",
        "Marks of people: difference of T2 between masks in ms against their mean, with lines at bias and limits.",
    ),
)

TABLES = (
    Table(
        "tbl-cohort",
        "The cohort. Each figure says of how many people it is known; a range in brackets is from lowest to highest.",
    ),
    Table(
        "tbl-missing",
        "Of how many people each value is unknown; the last row counts those of whom nothing is. Look for a value that "
        "is unknown of many: what is said of it is said of the others.",
    ),
    Table("tbl-flow", "Flow of scans. Every scan of the participants table is either measured or stopped at a stage."),
    Table("tbl-stopped", "Scans without a T2 value, with the reason and the remedy."),
    Table(
        "tbl-effect",
        "How large the difference is. The delta is 0 where neither group is higher and 1 where every patient is above "
        "every control. A corrected *p* is that of all tests of its family together. Look whether the ratio stays "
        "when covariates are held equal.",
    ),
    Table(
        "tbl-crossed",
        "T2 at the chosen cutoff against the diagnosis. Look at the two cells off the diagonal: missed patients, and "
        "controls that were taken for patients.",
    ),
    Table(
        "tbl-accuracy",
        "How far the accuracy can be trusted. Intervals of the area by five methods: where they disagree, quote the "
        "first. Optimism is what a cutoff gains by being judged in the people that it was chosen in. Look for rates "
        "that fall below those found, and for a wide interval of the cutoff. A bootstrap gives the corrected rates no "
        "interval.",
    ),
    Table(
        "tbl-correlations",
        "Spearman's rank correlation of T2 with clinical measures among patients; corrected: for the number of these "
        "tests.",
    ),
    Table(
        "tbl-imputed",
        "The same with the unknown values filled in many times from what is known of each patient, pooled. Look for a "
        "coefficient that differs from that of the known pairs: it hangs on who was not examined. A quantity that is "
        "known of all patients has no row, since nothing is filled in.",
    ),
    Table(
        "tbl-readers",
        "Two readers' grades of severity and extent of lung disease. Kappa is 1 where they always agree and 0 where "
        "they agree as often as by chance. Look whether the lower end of its interval is still an agreement that you "
        "would trust.",
    ),
    Table(
        "tbl-muscles",
        "T2 of each muscle (both sides), mean ± SD, with the Mann–Whitney test between the groups; corrected: "
        "for the number of muscles and regions tested.",
    ),
    Table(
        "tbl-muscle-model",
        "All muscles in one model, each person's muscles belonging together, covariates held equal. Look at the "
        "average first, then whether muscles differ at all; a single muscle means little where they do not.",
    ),
    Table(
        "tbl-labels",
        "Scans by the risk that their labels are wrong. Agreement: mean Dice of the network's votes. Look at these "
        "first.",
    ),
    Table(
        "tbl-masks",
        "Agreement of T2 by corrected masks with T2 by the run's own. Look whether the limits are narrow beside the "
        "difference between patients and controls. Masks that nobody changed agree exactly and make them narrower.",
    ),
    Table(
        "tbl-review",
        "What a person decided about each scan. Voxels added to and removed from the run's own mask, on the grid of "
        "the T2 map; Dice and HD95 of both masks; T2 of both thighs by the person's mask less T2 by the own one; "
        "minutes spent; whether T2 crosses the cutoff by the change. Stale: what was seen has changed since, so the "
        "decision is not taken.",
    ),
    Table(
        "tbl-review-muscles",
        "What corrections did to each muscle, both sides together, of muscles that somebody changed: in how many "
        "scans; Dice and HD95 of both masks, means over all corrected scans; T2 by the person's mask less T2 by the "
        "own one.",
    ),
    Table(
        "tbl-raters",
        "Readings of the same scans. Equal decisions; Cohen's kappa with its 95 % interval; scans of which both left a "
        "mask, with Dice and HD95 of both, all muscles together; T2 of both thighs by the first's mask less by the "
        "second's, its 95 % interval and limits of agreement; ICC of absolute agreement with its 95 % interval. "
        "Twice: a rater's first look and second.",
    ),
    Table(
        "tbl-rater-muscles",
        "The same of each muscle, both sides together, of muscles whose two masks differ somewhere: in how many scans; "
        "Dice and HD95, means over all scans that both read; T2 by the first's mask less T2 by the second's.",
    ),
    Table(
        "tbl-voxels",
        "Voxels of the muscles, measured and left out by reason. Implausible: no T2, or one outside the plausible "
        "range. A dash: the T2 map is the scanner's own, which says nothing of its voxels.",
    ),
    Table(
        "tbl-reconstruction",
        "T2 maps from raw k-space. Chi-square is that of the measured samples, 1 less what the unknowns take up: "
        "outside 0.8 to 1.0 noise, signal model, motion or phase are not as assumed. Phase is that of even against "
        "odd echoes, which is corrected. Where the cohort is simulated, further columns compare T2 of the muscles' "
        "voxels with that of the same scan with every line sampled: mean, the muscle that is furthest off, and root "
        "mean square.",
    ),
    Table(
        "tbl-analyses",
        "Every analysis of the plan in its order, those without a result too. Confirmatory: asked before the data were "
        "seen. Tests of a family are corrected together.",
    ),
    Table("tbl-parameters", "Settings of the run."),
    Table("tbl-versions", "Versions of the programs in the environment that made the report."),
)
