"""The methods paragraph, worded after the run's own configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from myot2.report.lookup import Statistics
from myot2.report.markdown import escape
from myot2.report.study import Findings

_FURTHER = {
    "roc.bootstrap.cutoff": (
        "In bootstrap samples of each group the cutoff was chosen anew; its interval is that of percentiles."
    ),
    "roc.bootstrap.sensitivity_corrected": (
        "Sensitivity and specificity are also given less their optimism, and as found in those a sample left out."
    ),
    "normal_ck.left_out.detected": ("Those with normal CK were also judged each by the cutoff of everybody else."),
    "roc.t2_against_ck.difference": (
        "The areas of T2 and CK in the same people are compared by DeLong's test, with a score interval."
    ),
    "t2.effect.shift": (
        "The difference of T2 is the median of all differences between a patient and a control (Hodges and Lehmann), "
        "with the interval of those that the test of Brunner and Munzel does not reject; Cliff's delta has that of "
        "the area."
    ),
    "t2.adjusted.ratio": (
        "Covariates were held equal by least squares on the logarithm of T2 with HC3 errors, which gives a ratio."
    ),
    "t2.adjusted.rank_ancova": "Quade's analysis of covariance of ranks does so without a model of T2.",
    "missing.patient.complete": "Unknown values are counted per group.",
}
"""What a run may have beyond the study's statistics, by the key that shows that it has."""


def methods(configuration: Mapping[str, Any]) -> str:
    """How the numbers were made, from the settings that the run had; a stage without settings is not described.

    Parameters
    ----------
    configuration : mapping
        The run's configuration, as config/config.schema.json describes it.
    """
    sentences = [
        _ingest(configuration.get("ingest") or {}),
        _segment(configuration.get("segment") or {}),
        _align(configuration.get("align") or {}),
        _reconstruct(configuration) or _fit(configuration.get("fit") or {}),
        _measure(configuration.get("measure") or {}),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def analyses(study: Findings) -> str:
    """How the statistics were made: only of those that the run has, by the tests that they name themselves."""
    found = study.statistics
    sentences = []
    if found.has("t2.mann_whitney"):
        exact = "; its exact *p* stands beside it" if "p_exact" in found.content["t2.mann_whitney"] else ""
        sentences.append(
            "Groups are compared by the Mann–Whitney test [@mannwhitney1947], asymptotic with correction for ties and "
            f"without continuity correction{exact}."
        )
    if found.has("roc.auc"):
        interval = " has DeLong's interval [@delong1988]" if found.content["roc.auc"].get("ci") else ""
        sentences.append(f"The area under the ROC curve [@hanleymcneil1982]{interval or ' is the trapezoid area'}.")
    if found.has("roc.interval.wilson"):
        sentences.append(f"Beside it stands {escape(found.content['roc.interval.wilson']['ci_method'])}.")
    if found.has("roc.cutoff"):
        sentences.append(f"The cutoff was chosen by the {escape(found.content['roc.cutoff']['rule'])} [@youden1950].")
    if len(study.band):
        sentences.append("The band around the curve is the pointwise interval of a bootstrap within each group.")
    if found.has("muscle_model.average"):
        sentences.append(_muscle_model(found.content["muscle_model.average"]))
    sentences += _filled_in(found, "spearman.imputed.", "Correlations were repeated with unknown values")
    sentences += _filled_in(found, "t2.adjusted.imputed.", "The adjusted ratio was had again with unknown covariates")
    sentences += [sentence for key, sentence in _FURTHER.items() if found.has(key)]
    if any("denominator" in entry and entry.get("ci") for entry in found.content.values()):
        sentences.append("Proportions have exact intervals [@clopperpearson1934].")
    if any(key.startswith("spearman.") and found.has(key) for key in found.content):
        sentences.append("Correlations are Spearman's [@spearman1904], of mid-ranks.")
    if any("p_adjusted" in entry for entry in found.content.values()):
        sentences.append(
            "Tests of one family are corrected together, by Holm's method where a hypothesis is confirmed and by that "
            "of Benjamini and Hochberg where it is explored, unless the plan says otherwise."
        )
    sentences.append(
        "Each analysis is of those whose values are known, and its *n* says how many; unknown is never counted as "
        "absent. All tests are two-sided; numbers are rounded half away from zero."
    )
    return " ".join(sentences)


def _filled_in(found: Statistics, prefix: str, what: str) -> list[str]:
    """How the unknown was filled in, where anything was."""
    entries = [entry for key, entry in found.content.items() if key.startswith(prefix) and entry.get("filled_in")]
    times = next((entry["imputations"] for entry in entries if entry.get("value") is not None), None)
    if times is None:
        return []
    how = "by predictive mean matching and pooled by Rubin's rules"
    return [f"{what} filled in {escape(times)} times {how}."]


def _muscle_model(average: Mapping[str, Any]) -> str:
    how = {
        "model": "a mixed model in which a person's muscles and sides belong together",
        "bootstrap": "a regression whose errors are those of a bootstrap of people",
    }[average["method"]]
    covariates = escape(", ".join(average["covariates"]))
    held = f", with {covariates} held equal" if covariates else ""
    return f"All muscles were compared at once by {how}{held}."


def _ingest(settings: Mapping[str, Any]) -> str:
    forms = {"bids": "a BIDS", "muscle-bids": "a Muscle-BIDS"}
    form = forms.get(settings.get("source"))
    return f"Images were taken from {form} dataset, not from DICOM." if form else ""


def _segment(settings: Mapping[str, Any]) -> str:
    backend = settings.get("backend")
    if backend == "labels":
        return "Muscle outlines were given, not made by this run."
    number = settings.get("version")
    by = {
        "myot2": f"a convolutional network (version {escape(number)} of the site's model)"
        if number
        else "a convolutional network",
        "monai-bundle": "a network given as MONAI bundle",
        "nnunet": "a network given as trained model of nnU-Net",
        "totalsegmentator": f"TotalSegmentator (task {escape(settings.get('task', ''))})",
        "musclemap": "the network of MuscleMap",
    }.get(backend)
    images = {"in": "in-phase", "opp": "opposed-phase", "water": "water", "fat": "fat"}
    image = images.get(settings.get("image"), "")
    return f"Muscles were outlined on the Dixon {image} images by {by}." if by else ""


def _align(settings: Mapping[str, Any]) -> str:
    if "refinement" not in settings:
        return ""
    rigid = (
        " and refined by rigid registration where that improved the match" if settings["refinement"] == "rigid" else ""
    )
    return (
        f"The outlines were brought to the grid of the T2 map by the images' geometry{rigid}; a voxel counts where "
        f"at least {escape(settings['minimum_fraction'])} of it is muscle."
    )


def _reconstruct(configuration: Mapping[str, Any]) -> str:
    fit, settings = configuration.get("fit") or {}, configuration.get("reconstruct") or {}
    if fit.get("source") != "kspace" or not settings:
        return ""
    model = (
        f"the extended phase graph ({_train({**fit, 'b1': settings['b1']})})"
        if settings["model"] == "epg"
        else "mono-exponential decay"
    )
    phase = (
        "no phase between even and odd echoes was assumed"
        if settings["phase"] == "none"
        else f"the phase of even against odd echoes (up to {escape(settings['phase'])}) was estimated with them"
    )
    return (
        "T2 and M0 were found at once from the raw k-space of all echoes and coils, by a regularised Gauss-Newton "
        f"inversion [@block2009; @sumpf2014] with {model} as signal model, coil sensitivities from the reference scan "
        f"by ESPIRiT [@uecker2014] after compression to at most {escape(settings['coils'])} virtual coils, and a "
        f"concave total variation of weight {escape(settings['strength'])} on M0 and the logarithm of R2 together; "
        f"{phase}{_fat_of_kspace(configuration)}{_limits(fit)}"
    )


def _fat_of_kspace(configuration: Mapping[str, Any]) -> str:
    """Whether fat was part of the signal model of a reconstruction."""
    fat, settings = configuration["fit"]["fat"], configuration["reconstruct"]
    told = fat["fraction"] in ("water-fat", "given") or (
        fat["fraction"] == "auto" and {"water", "fat"} <= {*(configuration.get("ingest") or {}).get("dixon", ())}
    )
    if settings["model"] != "epg" or settings["fat"] == "none" or not told:
        return "; there was no fat in the signal model"
    t2 = "as usual at 3 T" if fat["t2_ms"] == "calibrated" else f"{escape(fat['t2_ms'])} ms"
    of_fat = f"fat of the fraction that the Dixon scan shows (its T2 {t2}, T1 {escape(fat['t1_ms'])} ms)"
    if settings["fat"] == "auto":
        return f"; where the echoes show that fat was not suppressed, {of_fat} was in the signal model"
    return f"; {of_fat} was in the signal model, {escape(settings['fat'])} of its signal left by suppression"


def _fit(settings: Mapping[str, Any]) -> str:
    if settings.get("source") == "vendor-map":
        return "T2 is the scanner's own T2 map."
    if settings.get("source") == "echoes":
        return _MODELS[settings["model"]](settings) + _limits(settings)
    return ""


def _mono(settings: Mapping[str, Any]) -> str:
    how = {
        "none": "non-linear least squares",
        "measured": "maximum likelihood under Rician noise, its level measured in air",
    }.get(settings["noise"], f"maximum likelihood under Rician noise of {escape(settings['noise'])}")
    return (
        f"T2 was fitted to the magnitudes of the echoes by {how} (model: {escape(settings['model'])}; first echoes "
        f"left out: {escape(settings['skip_first_echoes'])})"
    )


def _epg(settings: Mapping[str, Any]) -> str:
    return (
        f"T2 was fitted to the magnitudes of all echoes by the extended phase graph ({_train(settings)})"
        f"{_floor(settings)}"
    )


def _water_fat(settings: Mapping[str, Any]) -> str:
    fat = settings["fat"]
    t2 = (
        "calibrated on each person's subcutaneous fat" if fat["t2_ms"] == "calibrated" else f"{escape(fat['t2_ms'])} ms"
    )
    return (
        "T2 of water was fitted to the magnitudes of all echoes by the extended phase graphs of water and fat, with "
        f"the Dixon fat fraction as prior (standard deviation {escape(fat['prior_sd'])}; T2 of fat {t2}, T1 of fat "
        f"{escape(fat['t1_ms'])} ms; {_train(settings)}){_floor(settings)}"
    )


def _floor(settings: Mapping[str, Any]) -> str:
    """How the noise floor was taken away, if it was."""
    if settings["noise"] == "none":
        return ""
    level = "measured in air" if settings["noise"] == "measured" else f"of {escape(settings['noise'])}"
    return f", rid of the noise floor by a noise level {level}"


_B1 = {
    "smoothed": "fitted and smoothed",
    "free": "fitted in each voxel",
    "map": "from a map",
    "joint": "estimated with T2 as a smooth field",
}


def _train(settings: Mapping[str, Any]) -> str:
    pulses = settings["pulses"]
    b1 = _B1[settings["b1"]]
    profile = escape(pulses["slice_profile"])
    if pulses["slice_profile"] != "none":
        products = " and ".join(escape(product) for product in pulses["time_bandwidth"])
        width = escape(pulses["refocusing_width"])
        profile += f" of time-bandwidth products {products}, refocused slice {width} times as thick"
    return (
        f"nominal refocusing angle {escape(pulses['refocusing_deg'])} degrees, slice profile: {profile}, T1 of muscle "
        f"{escape(settings['t1_ms'])} ms, B1 {b1}"
    )


_MODELS = {"mono": _mono, "mono-offset": _mono, "epg": _epg, "epg-water-fat": _water_fat}


def _limits(settings: Mapping[str, Any]) -> str:
    low, high = settings["t2_limits_ms"]
    fat = settings["fat"]
    marked = fat["limit"] and fat["fraction"] != "none"
    fat = f", or with a known fat fraction above {escape(fat['limit'])}," if marked else ""
    return (
        f"; voxels without enough signal, whose fit did not settle, with T2 outside {escape(low)} to {escape(high)} "
        f"ms{fat} were left out."
    )


def _measure(settings: Mapping[str, Any]) -> str:
    if "plausible_ms" not in settings:
        return ""
    low, high = settings["plausible_ms"]
    erosion = settings["erosion_mm"]
    eroded = f", after an in-plane erosion of {escape(erosion)} mm" if erosion else ""
    return (
        f"T2 of a person is the mean over all voxels of all muscles of both thighs{eroded}; voxels outside "
        f"{escape(low)} to {escape(high)} ms were left out."
    )
