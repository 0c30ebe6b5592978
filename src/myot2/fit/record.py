"""What the sidecars of a fit say: the model, the echoes, the noise, and how many voxels ended how."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import gammaincinv

from myot2.core.files import sha256
from myot2.core.voxel_status import Status, count_by_status
from myot2.fit.echoes import Echoes
from myot2.fit.models import MODELS, Fit
from myot2.fit.settings import Beside, Settings

_BRIGHT = 0.3


def describe_fit(
    used: Echoes, fit: Fit, settings: Settings, beside: Beside, *, clipped: int, measured: bool
) -> dict[str, Any]:
    """The entries that all maps of a fit share.

    Parameters
    ----------
    used : Echoes
        The echoes that were fitted.
    fit : Fit
    settings : Settings
    beside : Beside
        What the fit was given.
    clipped : int
        Voxels left out because a sample was clipped.
    measured : bool
        Whether the noise of the settings was measured in air, not given.
    """
    model = MODELS[settings.model]
    record = {
        "Source": "echoes",
        "Model": settings.model,
        "ModelFormula": model.formula,
        "Estimator": model.estimator if settings.sigma is None else model.estimator_of_known_noise,
        "EchoTimesMs": used.times_ms.tolist(),
        "SkippedEchoes": settings.skip_first_echoes if model.skips else 0,
        "T2LimitsMs": list(settings.t2_limits_ms),
    }
    return {
        **record,
        **(_train(settings) if model.train else {}),
        **_fat(settings, beside),
        **(fit.facts or {}),
        **_noise(used, fit, settings, measured),
        **_counts(fit, clipped),
    }


def _train(settings: Settings) -> dict[str, Any]:
    """What a phase graph was told of the pulses and the tissue."""
    pulses = settings.pulses
    slices = {"TimeBandwidthProducts": list(pulses.time_bandwidth), "RefocusingWidth": pulses.refocusing_width}
    if pulses.samples:
        slices["PulseSamplesSHA256"] = [sha256(path) for path in pulses.samples]
    return {
        "B1": settings.b1,
        "SliceProfile": pulses.slice_profile,
        **(slices if pulses.slice_profile != "none" else {}),
        "RefocusingAngle": pulses.refocusing_deg,
        "T1Ms": settings.t1_ms,
    }


def _fat(settings: Settings, beside: Beside) -> dict[str, Any]:
    """What was made of the fat fraction of a Dixon scan."""
    if beside.fraction is None:
        return {}
    limit = {} if settings.fat.limit is None else {"FatFractionLimit": settings.fat.limit}
    return {**beside.weight.record(), **limit}


def _noise(used: Echoes, fit: Fit, settings: Settings, measured: bool) -> dict[str, Any]:
    """Sigma, where it comes from, and the median first echo of the bright fitted voxels over it."""
    first = used.signal[0]
    known = np.isfinite(first)
    bright = known & (fit.status == Status.OK)
    bright &= first > _BRIGHT * np.percentile(first[known], 99)
    if not bright.any():
        return {}
    if settings.sigma is not None:
        sigma, source = settings.sigma, "air" if measured else "given"
    elif fit.sigma is not None:
        sigma, source = fit.sigma, "residuals of the fit"
    else:
        # the median of chi-square, not its mean: a few voxels that the model does not fit are not noise
        squares = float(np.median(fit.rmse[bright].astype(float) ** 2)) * len(used.times_ms)
        sigma, source = float(np.sqrt(squares / (2 * gammaincinv(fit.freedom / 2, 0.5)))), "residuals of the fit"
    ratio = {"SNR": _short(float(np.median(first[bright])) / sigma)} if sigma > 0 else {}
    return {"NoiseSigma": _short(sigma), "NoiseSource": source, **ratio}


def _counts(fit: Fit, clipped: int) -> dict[str, Any]:
    freedom = {"DegreesOfFreedom": int(fit.freedom)} if np.isfinite(fit.freedom) else {}
    return {**freedom, "Voxels": dict(count_by_status(fit.status)), "ClippedVoxels": clipped}


def _short(value: float) -> float:
    """Five significant digits: what sums in another order change is left out."""
    return float(f"{value:.5g}")
