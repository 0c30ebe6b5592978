"""The compiled mono-exponential fit for evenly spaced echoes: least squares, and maximum likelihood under Rician noise.

With q = exp(-dTE / T2) the model at echo n = 0, 1, ... is A q^n, so that variable projection (Golub and Pereyra 1973,
doi:10.1137/0710036) needs polynomials in q and no exponential. With

    Y0 = sum y_n q^n     Y1 = sum n y_n q^(n-1)     S0 = sum q^2n     S1 = sum n q^(2n-1)     S2 = sum n^2 q^(2n-2)

the best amplitude is A = Y0 / S0 and one Gauss-Newton step in q is (Y1 - A S1) / (A W), W = S2 - S1^2 / S0; the
variance of q is sigma^2 / (A^2 W). Three steps from the linear-prediction start sum y_n y_n+1 / sum y_n^2 settle nearly
every voxel; the others, mostly noise, are bracketed over all of T2 and solved one by one.

Each statement works on a block of voxels, which the compiler turns into vector instructions; one array holds all rows
of the block, so that it need not fear overlaps. No fast-math: every operation is rounded as IEEE 754 says, and a voxel
gets the same bytes alone or in a volume, for any number of threads and on any processor. The number of echoes arrives
as the length of a tuple, a constant for the compiler, which unrolls the sums. All compiled functions stand in this
file, for numba's cache sees a change of the file that holds a function, not of one that it calls.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from myot2.fit.status import Status

BLOCK = 512
"""Voxels worked on at a time; the working set stays in the first-level cache."""

STEPS = 3
LIKELIHOOD_STEPS = 12
RESCUE_STEPS = 60
SETTLED = 0.03
"""A last step below this part of the standard deviation: what is left is far smaller, for the steps shrink quickly."""

SMALLEST_STEP = 3e-6
"""About as fine as 32-bit floats tell q from q; noise-free signals settle to this."""

# Where the rows of a block begin; flags are 1 or 0, the samples follow echo after echo.
_Q, _STEP, _AMPLITUDE, _INFORMATION, _NOISE, _SQUARES, _SIGMA = (row * BLOCK for row in range(7))
_T2, _M0, _SD, _RMS, _USABLE, _OPEN, _CODE = (row * BLOCK for row in range(7, 14))
_EE, _ED, _DD, _ER, _DR, _POWER, _SLOPE, _SAMPLES = (row * BLOCK for row in range(14, 22))

_F0, _F1, _F2, _HALF = np.float32(0), np.float32(1), np.float32(2), np.float32(0.5)
_NAN, _STRIDE, _CEILING = np.float32(np.nan), np.float32(0.1), np.float32(1e6)
_SETTLED2, _SMALLEST2 = np.float32(SETTLED**2), np.float32(SMALLEST_STEP**2)
_OK, _LOW, _BOUND = np.float32(Status.OK), np.float32(Status.LOW_SIGNAL), np.float32(Status.AT_BOUND)
_UNSETTLED, _NONE = np.float32(Status.NOT_CONVERGED), np.float32(Status.NOT_FITTED)

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def least_squares(signal, first, stop, echoes, settings, nodes, maps, status):
    """Least squares over the voxels `first` to `stop`.

    Parameters
    ----------
    signal : array, shape (echoes, voxels)
        Magnitudes of any number type.
    first, stop : int
        The voxels to fit.
    echoes : tuple
        As long as there are echoes; its items are not read.
    settings : 32-bit floats, shape (5,)
        Echo spacing (ms), first echo time in echo spacings, least SNR, lowest and highest T2 (ms) that pass unmarked.
    nodes : 64-bit floats
        Increasing q over the whole range of T2; beyond the first and the last there is no fit.
    maps : 32-bit floats, shape (4, voxels)
        Filled with T2 (ms), M0, SD of T2 (ms), root mean square of the residuals.
    status : 8-bit integers, shape (voxels,)
        Filled with `Status`.
    """
    ends = (np.float32(nodes[0]), np.float32(nodes[-1]))
    block = np.ones(_SAMPLES + len(echoes) * BLOCK, np.float32)
    for start in range(first, stop, BLOCK):
        count = min(BLOCK, stop - start)
        _fit_block(signal, start, count, echoes, nodes, ends, block)
        _finish(start, count, echoes, settings, ends, block, maps, status)


@_compiled
def maximum_likelihood(signal, sigma, first, stop, echoes, settings, nodes, maps, status):
    """Maximum likelihood under Rician noise; parameters as in `least_squares`, and `sigma`, shape (voxels,).

    The residuals are those from sqrt(m^2 + sigma^2), which is the mean magnitude to first order.
    """
    ends = (np.float32(nodes[0]), np.float32(nodes[-1]))
    block = np.ones(_SAMPLES + len(echoes) * BLOCK, np.float32)
    for start in range(first, stop, BLOCK):
        count = min(BLOCK, stop - start)
        for j in range(count):
            block[_SIGMA + j] = sigma[start + j]
        _fit_block(signal, start, count, echoes, nodes, ends, block)
        for j in range(BLOCK):
            block[_OPEN + j] = block[_USABLE + j]
        for _ in range(LIKELIHOOD_STEPS):
            _likelihood_step(echoes, ends, block)
            if not _any_open(block):
                break
        _magnitude_residuals(echoes, block)
        _finish(start, count, echoes, settings, ends, block, maps, status)


@_compiled
def _fit_block(signal, start, count, echoes, nodes, ends, block):
    """Least squares of one block, from the samples to q, amplitude, information, noise variance and sum of squares."""
    _load(signal, start, count, echoes, ends, block)
    for _ in range(STEPS):
        _step(echoes, ends, block)
    _amplitudes(echoes, block)
    _check(ends, block)
    if _any_open(block):
        _solve_open(count, echoes, nodes, block)
        _amplitudes(echoes, block)


@_compiled
def _load(signal, start, count, echoes, ends, block):
    """Take samples over; q with which each echo best foretells the next; usable if finite with a positive sum."""
    for n in range(len(echoes)):
        source = signal[n, start : start + count]
        for j in range(count):
            block[_SAMPLES + n * BLOCK + j] = np.float32(source[j])
    for j in range(BLOCK):
        total, over, under = block[_SAMPLES + j], _F0, _F0
        for n in range(1, len(echoes)):
            before, sample = block[_SAMPLES + (n - 1) * BLOCK + j], block[_SAMPLES + n * BLOCK + j]
            total += sample
            over += before * sample
            under += before * before
        q = over / under
        q = q if q > ends[0] else ends[0]
        block[_Q + j] = q if q < ends[1] else ends[1]
        # not a number less itself is no zero, nor is infinity
        block[_USABLE + j] = _F1 if (total > _F0) & (total - total == _F0) else _F0


@_compiled
def _step(echoes, ends, block):
    """One Gauss-Newton step in q for every voxel of the block; the step taken is kept."""
    last = len(echoes) - 1
    for j in range(BLOCK):
        q = block[_Q + j]
        square = q * q
        y0, y1 = block[_SAMPLES + last * BLOCK + j], _F0
        s0, s1, s2 = _F1, _F0, _F0
        for k in range(1, len(echoes)):
            y1 = y1 * q + y0
            y0 = y0 * q + block[_SAMPLES + (last - k) * BLOCK + j]
            s2 = s2 * square + s1
            s1 = s1 * square + s0
            s0 = s0 * square + _F1
        # s0, s1, s2 hold S0 and its derivatives by q^2 (the second one halved)
        inverse = _F1 / s0
        amplitude = y0 * inverse
        mixed = q * s1
        width = s1 + _F2 * square * s2 - mixed * mixed * inverse
        moved = q + (y1 - amplitude * mixed) / (amplitude * width)
        moved = moved if moved > ends[0] else ends[0]
        moved = moved if moved < ends[1] else ends[1]
        block[_STEP + j] = moved - q
        block[_Q + j] = moved


@_compiled
def _amplitudes(echoes, block):
    """Amplitude at the first echo, information on q (for a noise of 1), noise variance, sum of squared residuals."""
    last = len(echoes) - 1
    share = _F1 / np.float32(len(echoes) - 2)
    for j in range(BLOCK):
        q = block[_Q + j]
        square = q * q
        y0 = block[_SAMPLES + last * BLOCK + j]
        s0, s1, s2 = _F1, _F0, _F0
        for k in range(1, len(echoes)):
            y0 = y0 * q + block[_SAMPLES + (last - k) * BLOCK + j]
            s2 = s2 * square + s1
            s1 = s1 * square + s0
            s0 = s0 * square + _F1
        amplitude = y0 / s0
        mixed = q * s1
        # summed up from the residuals: the short form |y|^2 - A Y0 loses all digits of a good fit
        model, total = amplitude, _F0
        for n in range(len(echoes)):
            residual = block[_SAMPLES + n * BLOCK + j] - model
            total += residual * residual
            model *= q
        block[_AMPLITUDE + j] = amplitude
        block[_INFORMATION + j] = amplitude * amplitude * (s1 + _F2 * square * s2 - mixed * mixed / s0)
        block[_SQUARES + j] = total
        block[_NOISE + j] = total * share


@_compiled
def _check(ends, block):
    """Open the usable voxels that have not settled inside the range."""
    for j in range(BLOCK):
        q, square = block[_Q + j], block[_STEP + j] * block[_STEP + j]
        small = (square * block[_INFORMATION + j] < _SETTLED2 * block[_NOISE + j]) | (square < _SMALLEST2)
        good = small & (block[_AMPLITUDE + j] > _F0) & (q > ends[0]) & (q < ends[1])
        block[_OPEN + j] = _F0 if good else block[_USABLE + j]


@_compiled
def _any_open(block):
    """Whether a voxel of the block is open."""
    left = 0
    for j in range(BLOCK):
        left += block[_OPEN + j] > _F0
    return left > 0


@_compiled
def _solve_open(count, echoes, nodes, block):
    """Solve the open voxels one by one; those that settle are closed."""
    sample = np.empty(len(echoes))
    for j in range(count):
        if block[_OPEN + j] > _F0:
            for n in range(len(echoes)):
                sample[n] = block[_SAMPLES + n * BLOCK + j]
            q, settled = _solve(sample, nodes)
            block[_Q + j], block[_OPEN + j] = np.float32(q), _F0 if settled else _F1


@_compiled
def _solve(sample, nodes):
    """q of one voxel wherever the optimum lies: bracketed on nodes, then Gauss-Newton steps that bisection guards.

    Returns q and whether it settled; q is the first or last node where the optimum lies beyond.
    """
    match, norm = np.zeros(nodes.size), np.zeros(nodes.size)
    for n in range(sample.size - 1, -1, -1):
        for node in range(nodes.size):
            match[node] = match[node] * nodes[node] + sample[n]
            norm[node] = norm[node] * nodes[node] * nodes[node] + 1.0
    best = (match / np.sqrt(norm)).argmax()
    rise = _rise(sample, nodes[best])
    if (best == 0 and rise <= 0) or (best == nodes.size - 1 and rise >= 0):
        return nodes[best], True
    low, high = (nodes[best], nodes[best + 1]) if rise > 0 else (nodes[best - 1], nodes[best])
    q = nodes[best]
    for _ in range(RESCUE_STEPS):
        rise = _rise(sample, q)
        if rise > 0:
            low = q
        else:
            high = q
        moved = q + rise
        if not low < moved < high:
            moved = 0.5 * (low + high)
        if abs(moved - q) < 1e-8:
            return moved, True
        q = moved
    return q, False


@_compiled
def _rise(sample, q):
    """The Gauss-Newton step from q; it has the sign of the slope of Y0 / sqrt(S0), which is largest at the best q."""
    y0 = y1 = s0 = s1 = s2 = 0.0
    for n in range(sample.size - 1, -1, -1):
        y1 = y1 * q + y0
        y0 = y0 * q + sample[n]
        s2 = s2 * q * q + s1
        s1 = s1 * q * q + s0
        s0 = s0 * q * q + 1.0
    mixed = q * s1
    width = s1 + 2.0 * q * q * s2 - mixed * mixed / s0
    # with |Y0| the sign stays that of the slope where the best amplitude is negative
    return (y1 - y0 / s0 * mixed) * s0 / (abs(y0) * width + 1e-300)


@_compiled
def _likelihood_step(echoes, ends, block):
    """One Fisher-scoring step in (A, q) of the voxels that are open; those that settle are closed.

    The score of the magnitude m of an echo is (y R - m) / sigma^2, R = I1(z) / I0(z), z = y m / sigma^2, and its
    information w(m / sigma) / sigma^2 (Sijbers et al. 1998, doi:10.1109/42.712125): weighted least squares towards y R.
    """
    for j in range(BLOCK):
        block[_EE + j] = block[_ED + j] = block[_DD + j] = block[_ER + j] = block[_DR + j] = block[_SLOPE + j] = _F0
        block[_POWER + j] = _F1
    for n in range(len(echoes)):
        _add_score(block[_SAMPLES + n * BLOCK : _SAMPLES + (n + 1) * BLOCK], block)
    for j in range(BLOCK):
        q, a, unit = block[_Q + j], block[_AMPLITUDE + j], _F1 / (block[_SIGMA + j] * block[_SIGMA + j])
        ee, ed, dd, er, dr = block[_EE + j], block[_ED + j], block[_DD + j], block[_ER + j], block[_DR + j]
        width = dd - ed * ed / ee
        forward = (dr - er * ed / ee) / width
        forward = forward if forward > -_STRIDE else -_STRIDE
        moved = q + (forward if forward < _STRIDE else _STRIDE)
        moved = moved if moved > ends[0] else ends[0]
        moved = moved if moved < ends[1] else ends[1]
        raised = a + (er - ed * (moved - q)) / ee
        raised = raised if raised > _HALF * a else _HALF * a
        square = (moved - q) * (moved - q)
        going = (square * width * unit > _SETTLED2) & (square > _SMALLEST2)
        moving = block[_OPEN + j] > _F0
        block[_Q + j] = moved if moving else q
        block[_AMPLITUDE + j] = raised if moving else a
        block[_INFORMATION + j] = width if moving else block[_INFORMATION + j]
        block[_OPEN + j] = _F1 if moving & going else _F0


@_compiled
def _add_score(samples, block):
    """Add what one echo says of amplitude (e = q^n) and q (d = A n q^(n-1)) to the sums of the scoring step."""
    for j in range(BLOCK):
        y, a, power, slope = samples[j], block[_AMPLITUDE + j], block[_POWER + j], block[_SLOPE + j]
        m, d, unit = a * power, a * slope, _F1 / (block[_SIGMA + j] * block[_SIGMA + j])
        ratio, w = _rician(y * m * unit, m * m * unit)
        r = y * ratio - m
        block[_EE + j] += w * power * power
        block[_ED + j] += w * power * d
        block[_DD + j] += w * d * d
        block[_ER + j] += power * r
        block[_DR + j] += d * r
        block[_SLOPE + j] = slope * block[_Q + j] + power
        block[_POWER + j] = power * block[_Q + j]


@_compiled
def _rician(z, x):
    """R = I1(z) / I0(z) to 1e-4, z >= 0, and the information w to 0.1 %, x = (m / sigma)^2, as rational functions."""
    z, x = z if z < _CEILING else _CEILING, x if x < _CEILING else _CEILING
    above = np.float32(0.1647869) + z * (np.float32(0.01214694) + z * np.float32(0.02958806))
    above = _HALF + z * (np.float32(0.2959097) + z * above)
    below = np.float32(0.1817225) + z * (np.float32(0.02694153) + z * np.float32(0.02958806))
    below = _F1 + z * (np.float32(0.6034106) + z * (np.float32(0.4038971) + z * below))
    known = _F1 + x * (np.float32(0.42606205) + x * np.float32(0.1991434))
    most = _F1 + x * (np.float32(1.40181013) + x * (np.float32(0.51784744) + x * np.float32(0.1991434)))
    return z * above / below, x * known / most


@_compiled
def _magnitude_residuals(echoes, block):
    """Noise variance and sum of squared residuals of a block where the noise is known."""
    for j in range(BLOCK):
        variance = block[_SIGMA + j] * block[_SIGMA + j]
        model, total = block[_AMPLITUDE + j], _F0
        for n in range(len(echoes)):
            residual = block[_SAMPLES + n * BLOCK + j] - np.sqrt(model * model + variance)
            total += residual * residual
            model *= block[_Q + j]
        block[_NOISE + j] = variance
        block[_SQUARES + j] = total


@_compiled
def _finish(start, count, echoes, settings, ends, block, maps, status):
    """Write maps and status of a block from q, amplitude, information, noise variance and sum of squares."""
    spacing, share = settings[0], _F1 / np.float32(len(echoes))
    _negative_log(block)
    for j in range(BLOCK):
        block[_M0 + j] = block[_AMPLITUDE + j]
    for _ in range(int(settings[1])):
        for j in range(BLOCK):
            block[_M0 + j] /= block[_Q + j]
    for j in range(BLOCK):
        q, amplitude = block[_Q + j], block[_AMPLITUDE + j]
        # beyond the ends, or without amplitude, there is no number to give
        there = (block[_USABLE + j] > _F0) & (q > ends[0]) & (q < ends[1]) & (amplitude > _F0)
        gap = _F0 if there else _NAN
        t2 = spacing / block[_T2 + j] + gap
        block[_T2 + j] = t2
        block[_M0 + j] += gap
        block[_SD + j] = t2 * t2 / (spacing * q) * np.sqrt(block[_NOISE + j] / block[_INFORMATION + j]) + gap
        block[_RMS + j] = np.sqrt(block[_SQUARES + j] * share) + gap
        code = _UNSETTLED if block[_OPEN + j] > _F0 else _OK
        code = code if (t2 >= settings[3]) & (t2 <= settings[4]) else _BOUND
        code = code if amplitude * amplitude >= settings[2] * settings[2] * block[_NOISE + j] else _LOW
        block[_CODE + j] = code if block[_USABLE + j] > _F0 else _NONE
    for row in range(4):
        target = maps[row, start : start + count]
        for j in range(count):
            target[j] = block[_T2 + row * BLOCK + j]
    codes = status[start : start + count]
    for j in range(count):
        codes[j] = np.uint8(block[_CODE + j])


@_compiled
def _negative_log(block):
    """-ln q into the row of T2, to about 2e-7 of itself: exponent and mantissa around 1, then the series of artanh."""
    bits = block.view(np.int32)
    for j in range(BLOCK):
        # split so that the mantissa lies between sqrt(1/2) and sqrt(2)
        exponent = (bits[_Q + j] - np.int32(0x3F3504F3)) & np.int32(-8388608)
        bits[_SD + j] = bits[_Q + j] - exponent
        block[_T2 + j] = np.float32(exponent) * np.float32(-math.log(2) / 2**23)
    for j in range(BLOCK):
        mantissa = block[_SD + j]
        w = (mantissa - _F1) / (mantissa + _F1)
        w2 = w * w
        series = np.float32(1 / 7) + w2 * np.float32(0.115)
        series = np.float32(1 / 3) + w2 * (np.float32(1 / 5) + w2 * series)
        block[_T2 + j] -= _F2 * w * (_F1 + w2 * series)
