"""The compiled fit of water and fat: Gauss-Newton steps from node to node of a table.

Unknown are W, F, X = W dlnT2 and, where B1 is free, B = (W + F) dc. In the basis of a node (`water_fat_table`) the
five projections of the samples are linear in them, with columns from the triangular factor. The prior

    g(W, F, T2) = F / (F + W r(T2)) = d,   standard deviation sd,

is a sixth row: linearised at the last fraction and the node, and divided by sd / sigma, so that all six rows have the
noise of one echo. g does not depend on the size of (W, F), so that the row is g_W W + g_F F + g_X X = d - g. The six
rows are solved by modified Gram-Schmidt (Bjoerck 1967, doi:10.1007/BF01934122), which is as stable as orthogonal
rotations and needs no root. B comes last, so that it can be set to zero where it points out of its side.

No fast-math, one array for all rows of a block, all compiled functions in this file: see `mono_kernel`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from myot2.fit.status import Status

BLOCK = 128
"""Voxels worked on at a time."""

COMMON_STEPS, COMMON_FREE_STEPS = 3, 3
FULL_STEPS, STEPS, SEARCHED_STEPS = 3, 10, 20
COARSE = (6, 6)
"""Every how many nodes of T2 and c the search looks."""

START, START_T2_MS = (12, 8), (10.0, 120.0)
"""As `COARSE`, and between which T2, where a fit with B1 free begins."""

REACH = 12
"""Nodes that one step may go."""

FRACTION_RANGE = (-0.2, 1.2)
"""Where the prior is linearised; a fraction is not clipped, it may come out beyond."""

SETTLED_FRACTION = 0.003
"""A last change of the fraction below this leaves less than 0.0003 to come, the amplitude being known to a tenth."""

CURVATURE = 4.0
"""The information matrix is that of a straight model. Where T2 is known to a fifth of itself, as beside 50 % of fat,
the error is larger, by 1 + 2 (SD / T2)^2: against isochromats this brings SD and error together for all fractions."""

# Integers: node of T2, of c, whether the voxel has settled.
_J, _SETTLED = BLOCK, 2 * BLOCK

# Where the rows of a block begin.
_Q, _R = 0, 5 * BLOCK
_RATIO, _SLOPE, _PRIOR = (row * BLOCK for row in range(20, 23))
_SIZE, _FRACTION, _CHANGE = (row * BLOCK for row in range(23, 26))
_W, _F, _DT, _DC, _SPREAD = (row * BLOCK for row in range(26, 31))
_ROWS = 31

_F0, _F1, _HALF = np.float32(0), np.float32(1), np.float32(0.5)
_SMALL, _TINY = np.float32(1e-30), np.float32(1e-12)
_REACH = np.float32(REACH)
_LOWEST, _HIGHEST = np.float32(FRACTION_RANGE[0]), np.float32(FRACTION_RANGE[1])
_LEAST_WATER, _QUARTER = np.float32(0.02), np.float32(0.25)
_STILL = np.float32(SETTLED_FRACTION)
_NAN, _INFINITY = np.float32(np.nan), np.float32(np.inf)
_OK, _LOW, _BOUND = np.uint8(Status.OK), np.uint8(Status.LOW_SIGNAL), np.uint8(Status.AT_BOUND)
_UNSETTLED, _NONE, _FAT = np.uint8(Status.NOT_CONVERGED), np.uint8(Status.NOT_FITTED), np.uint8(Status.FAT_ABOVE_LIMIT)

_compiled = njit(cache=True, nogil=True, error_model="numpy")
# what the loops over a block call must be part of them, or they are not turned into vector instructions
_inlined = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)


@_compiled
def fit_held(signal, c, prior, first, stop, echoes, grid, settings, table, maps, status):
    """W, F and T2 of the voxels `first` to `stop` at a given B1.

    Parameters
    ----------
    signal : array, shape (echoes, voxels)
        Magnitudes of any number type.
    c, prior : 32-bit floats, shape (voxels,)
        Coordinate of B1, and fat fraction of the Dixon scan; NaN leaves a voxel out.
    first, stop : int
    echoes : tuple
        As long as there are echoes; its items are not read.
    grid : 32-bit floats, shape (3,)
        Steps of ln T2 and c between nodes, c of the first node.
    settings : 32-bit floats, shape (6,)
        Sigma, sigma over the standard deviation of the prior, least SNR, lowest and highest T2 (ms) and highest fat
        fraction that pass unmarked.
    table : tuple
        `basis`, `factor`, `weight`, `fat`, `typical`, `starts` and T2 of the nodes, of a
        `water_fat_table.WaterFatTable`; 32-bit numbers.
    maps : 32-bit floats, shape (6, voxels)
        Filled with T2 of water (ms), W + F, SD of T2 (ms), root mean square of the residuals, c, fat fraction.
    status : 8-bit integers, shape (voxels,)
        Filled with `Status`.
    """
    y, node, b = _workspace(echoes)
    last = table[0].shape[1] - 1
    for start in range(first, stop, BLOCK):
        count = min(BLOCK, stop - start)
        _load(signal, prior, start, count, echoes, y, b)
        for v in range(BLOCK):
            node[_SETTLED + v] = 0
            given = c[start + v] if v < count else grid[2]
            j = (given - grid[2]) / grid[1] + _HALF
            j = min(np.int64(j), last) if j > _F0 else 0
            node[_J + v] = j
            b[_DC + v] = given - (grid[2] + np.float32(j) * grid[1])
            # a B1 that is no number leaves the voxel out as a prior does that is none
            b[_PRIOR + v] += given - given
            _begin(y, v, echoes, table, node, b)
        for _ in range(COMMON_STEPS):
            _project_open(y, echoes, table, node, b)
            _solve_held_block(settings, b)
            _move_block(grid, table[0].shape[0] - 1, node, b)
        for v in range(count):
            if not node[_SETTLED + v] and _usable(y, v, echoes, b):
                _go_on_held(y, v, echoes, grid, settings, table, node, b)
        _write(start, count, y, echoes, grid, settings, table, node, b, maps, status)


@_compiled
def fit_free(signal, span, prior, first, stop, echoes, grid, settings, table, maps, status):
    """W, F, T2 and B1, B1 on one side of where its effect turns back.

    Parameters as in `fit_held`; `span` holds the first and the last node of c on that side.
    """
    y, node, b = _workspace(echoes)
    flat = np.ones(BLOCK * len(echoes), np.float32)
    for start in range(first, stop, BLOCK):
        count = min(BLOCK, stop - start)
        _load(signal, prior, start, count, echoes, y, b)
        _begin_free(count, echoes, span, table, y, flat, node, b)
        for _ in range(COMMON_FREE_STEPS):
            _project_open(y, echoes, table, node, b)
            _solve_free_block(settings, span, node, b)
            _move_free_block(grid, span, table[0].shape[0] - 1, node, b)
        for v in range(count):
            if not node[_SETTLED + v] and _usable(y, v, echoes, b):
                _go_on_free(y, v, echoes, grid, settings, span, table, node, b)
        _write(start, count, y, echoes, grid, settings, table, node, b, maps, status)


@_compiled
def _workspace(echoes):
    """Samples of a block, voxel after voxel; the integers; all other numbers."""
    return np.ones(BLOCK * len(echoes), np.float32), np.zeros(3 * BLOCK, np.int32), np.zeros(_ROWS * BLOCK, np.float32)


@_compiled
def _load(signal, prior, start, count, echoes, y, b):
    """Copy samples and prior of a block."""
    for n in range(len(echoes)):
        source = signal[n, start : start + count]
        for v in range(count):
            y[v * len(echoes) + n] = np.float32(source[v])
    for v in range(count):
        b[_PRIOR + v] = prior[start + v]


@_inlined
def _limited(share):
    """A number from 0 to 0.999; 0 for what is none."""
    share = share if share > _F0 else _F0
    return share if share < np.float32(0.999) else np.float32(0.999)


@_compiled
def _usable(y, v, echoes, b):
    """Whether there is a positive signal, and all samples and the prior are finite."""
    total = b[_PRIOR + v] - b[_PRIOR + v]
    for n in range(len(echoes)):
        total += y[v * len(echoes) + n]
    # not a number less itself is no zero, nor is infinity
    return total > _F0 and total - total == _F0


@_inlined
def _unweighted(seen, ratio):
    """The fraction that a Dixon scan with this ratio of water to fat sees as another."""
    return seen * ratio / (_F1 - seen + seen * ratio)


@_compiled
def _begin(y, v, echoes, table, node, b):
    """Size, fraction and node of T2 to start from: of what the fat of the prior, at a typical T2, leaves."""
    fat, typical, starts = table[3], table[4], table[5]
    j, at = np.int64(node[_J + v]), v * len(echoes)
    fraction = _unweighted(_limited(b[_PRIOR + v]), typical[j, 1])
    head = (_F1 - fraction) * typical[j, 0] + fraction * fat[j, 0]
    size = y[at] / head
    size = size if size > _SMALL else _SMALL
    b[_SIZE + v], b[_FRACTION + v] = size, fraction
    share = size * fraction
    over = under = _F0
    before = y[at + 1] - share * fat[j, 1]
    for n in range(2, len(echoes)):
        rest = y[at + n] - share * fat[j, n]
        over += before * rest
        under += before * before
        before = rest
    node[v] = starts[j, np.int64(_limited(over / (under + _SMALL)) * np.float32(starts.shape[1]))]


@_compiled
def _begin_free(count, echoes, span, table, y, flat, node, b):
    """Size, fraction and node to start from: of a coarse grid, the node whose course is most like the sample."""
    for n in range(len(echoes)):
        for v in range(count):
            flat[n * BLOCK + v] = y[v * len(echoes) + n]
    for v in range(BLOCK):
        b[_W + v], node[_SETTLED + v] = -_INFINITY, 0
    nodes = table[6]
    for i in range(START[0] // 2, nodes.size, START[0]):
        if START_T2_MS[0] < nodes[i] < START_T2_MS[1]:
            for j in range(span[0] + START[1] // 2, span[1] + 1, START[1]):
                _match(echoes, i, j, table, flat, node, b)


@_compiled
def _match(echoes, i, j, table, flat, node, b):
    """Keep a node, with size and fraction, for the voxels of a block that it fits better than those before."""
    basis, factor, ratio = table[0][i, j], table[1][i, j], table[2][i, 0]
    r00, r01, r11 = factor[0], factor[1], factor[2]
    i, j = np.int32(i), np.int32(j)
    for v in range(BLOCK):
        q0 = q1 = _F0
        for n in range(len(echoes)):
            q0 += flat[n * BLOCK + v] * basis[n, 0]
            q1 += flat[n * BLOCK + v] * basis[n, 1]
        fraction = _unweighted(_limited(b[_PRIOR + v]), ratio)
        m0, m1 = (_F1 - fraction) * r00 + fraction * r01, fraction * r11
        product, norm = q0 * m0 + q1 * m1, m0 * m0 + m1 * m1
        match = product * abs(product) / norm
        better = match > b[_W + v]
        b[_W + v] = match if better else b[_W + v]
        b[_SIZE + v] = product / norm if better else b[_SIZE + v]
        b[_FRACTION + v] = fraction if better else b[_FRACTION + v]
        node[v] = i if better else node[v]
        node[_J + v] = j if better else node[_J + v]


@_compiled
def _project_open(y, echoes, table, node, b):
    """Project the voxels of a block that have moved to another node."""
    for v in range(BLOCK):
        if not node[_SETTLED + v]:
            _project(y, v, echoes, table, node, b)


@_compiled
def _project(y, v, echoes, table, node, b):
    """Projections of a voxel on the basis of its node, and what is stored of the node, into the block."""
    basis, factor, weight = table[0], table[1], table[2]
    i, j, at = np.int64(node[v]), np.int64(node[_J + v]), v * len(echoes)
    q0 = q1 = q2 = q3 = q4 = _F0
    for n in range(len(echoes)):
        sample = y[at + n]
        q0 += sample * basis[i, j, n, 0]
        q1 += sample * basis[i, j, n, 1]
        q2 += sample * basis[i, j, n, 2]
        q3 += sample * basis[i, j, n, 3]
        q4 += sample * basis[i, j, n, 4]
    b[_Q + v], b[_Q + BLOCK + v], b[_Q + 2 * BLOCK + v] = q0, q1, q2
    b[_Q + 3 * BLOCK + v], b[_Q + 4 * BLOCK + v] = q3, q4
    for k in range(15):
        b[_R + k * BLOCK + v] = factor[i, j, k]
    b[_RATIO + v], b[_SLOPE + v] = weight[i, 0], weight[i, 1]


@_inlined
def _column(b, v, column):
    """A column of the triangular factor of a voxel."""
    at = _R + column * (column + 1) // 2 * BLOCK + v
    return (
        b[at],
        b[at + BLOCK] if column > 0 else _F0,
        b[at + 2 * BLOCK] if column > 1 else _F0,
        b[at + 3 * BLOCK] if column > 2 else _F0,
        b[at + 4 * BLOCK] if column > 3 else _F0,
    )


@_inlined
def _rows(s, a, t, b, prior):
    """A column s a + t b of the least-squares problem, the row of the prior below it."""
    return (
        s * a[0] + t * b[0],
        s * a[1] + t * b[1],
        s * a[2] + t * b[2],
        s * a[3] + t * b[3],
        s * a[4] + t * b[4],
        prior,
    )


@_inlined
def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3] + a[4] * b[4] + a[5] * b[5]


@_inlined
def _minus(a, times, b):
    """a - times b."""
    return (
        a[0] - times * b[0],
        a[1] - times * b[1],
        a[2] - times * b[2],
        a[3] - times * b[3],
        a[4] - times * b[4],
        a[5] - times * b[5],
    )


@_inlined
def _reduced(b, v, dc, strength):
    """Modified Gram-Schmidt of the columns of W, F and X of a voxel.

    Returns the orthogonal columns, one over their squares, the shares (F on W, X on W, X on F), the solution in the
    orthogonal columns, and what is left of the right side.
    """
    fraction, ratio = b[_FRACTION + v], b[_RATIO + v]
    seen = fraction + (_F1 - fraction) * ratio
    per = strength / (seen * seen * b[_SIZE + v])
    w = _rows(_F1, _column(b, v, 0), dc, _column(b, v, 3), -ratio * fraction * per)
    f = _rows(_F1, _column(b, v, 1), dc, _column(b, v, 4), ratio * (_F1 - fraction) * per)
    x = _rows(_F1, _column(b, v, 2), _F0, _column(b, v, 2), -fraction * b[_SLOPE + v] * per)
    q0, q1, q2, q3 = b[_Q + v], b[_Q + BLOCK + v], b[_Q + 2 * BLOCK + v], b[_Q + 3 * BLOCK + v]
    rest = (q0, q1, q2, q3, b[_Q + 4 * BLOCK + v], strength * (b[_PRIOR + v] - fraction / seen))
    per_w = _F1 / _dot(w, w)
    f_on_w, x_on_w, to_w = _dot(w, f) * per_w, _dot(w, x) * per_w, _dot(w, rest) * per_w
    f, x, rest = _minus(f, f_on_w, w), _minus(x, x_on_w, w), _minus(rest, to_w, w)
    per_f = _F1 / _dot(f, f)
    x_on_f, to_f = _dot(f, x) * per_f, _dot(f, rest) * per_f
    x, rest = _minus(x, x_on_f, f), _minus(rest, to_f, f)
    per_x = _F1 / _dot(x, x)
    to_x = _dot(x, rest) * per_x
    return (w, f, x), (per_w, per_f, per_x), (f_on_w, x_on_w, x_on_f), (to_w, to_f, to_x), _minus(rest, to_x, x)


@_inlined
def _settle(w, f, x, spread, b, v):
    """Keep amplitudes, offset in ln T2 and its variance for a noise of 1; size and fraction for the next step."""
    size = w + f
    size = size if size > _QUARTER * b[_SIZE + v] else _QUARTER * b[_SIZE + v]
    # without water there is no T2: a step then goes far, and ends where the status says so
    water = w if w > _LEAST_WATER * size else _LEAST_WATER * size
    fraction = f / size
    fraction = fraction if fraction > _LOWEST else _LOWEST
    fraction = fraction if fraction < _HIGHEST else _HIGHEST
    b[_CHANGE + v] = abs(fraction - b[_FRACTION + v])
    b[_W + v], b[_F + v], b[_DT + v], b[_SPREAD + v] = w, f, x / water, spread / (water * water)
    b[_SIZE + v], b[_FRACTION + v] = size, fraction
    return size


@_inlined
def _solve_held(v, strength, b):
    """Solve a voxel at its offset in c."""
    _, per, on, to, _ = _reduced(b, v, b[_DC + v], strength)
    f = to[1] - on[2] * to[2]
    _settle(to[0] - on[0] * f - on[1] * to[2], f, to[2], per[2], b, v)


@_inlined
def _solve_free(v, strength, span, node, b):
    """Solve a voxel with c free, unless c points out of its side."""
    fraction = b[_FRACTION + v]
    columns, per, on, to, rest = _reduced(b, v, _F0, strength)
    c = _rows(_F1 - fraction, _column(b, v, 3), fraction, _column(b, v, 4), _F0)
    c_on_w = _dot(columns[0], c) * per[0]
    c = _minus(c, c_on_w, columns[0])
    c_on_f = _dot(columns[1], c) * per[1]
    c = _minus(c, c_on_f, columns[1])
    c_on_x = _dot(columns[2], c) * per[2]
    c = _minus(c, c_on_x, columns[2])
    per_c = _F1 / (_dot(c, c) + _SMALL)
    by_c = _dot(c, rest) * per_c
    j = node[_J + v]
    held = ((j == span[0]) & (by_c < _F0)) | ((j == span[1]) & (by_c > _F0))
    by_c = _F0 if held else by_c
    x = to[2] - c_on_x * by_c
    f = to[1] - on[2] * x - c_on_f * by_c
    w = to[0] - on[0] * f - on[1] * x - c_on_w * by_c
    spread = per[2] + (_F0 if held else c_on_x * c_on_x * per_c)
    b[_DC + v] = by_c / _settle(w, f, x, spread, b, v)


@_compiled
def _solve_held_block(settings, b):
    """All voxels of a block."""
    strength = settings[1]
    for v in range(BLOCK):
        _solve_held(v, strength, b)


@_compiled
def _solve_free_block(settings, span, node, b):
    """All voxels of a block."""
    strength = settings[1]
    ends = (np.int32(span[0]), np.int32(span[1]))
    for v in range(BLOCK):
        _solve_free(v, strength, ends, node, b)


@_compiled
def _move_block(grid, last, node, b):
    """The nodes of T2 to go to, and which voxels stay, B1 being given."""
    last, shift, whole = np.int32(last), np.float32(REACH + 0.5), np.int32(REACH)
    for v in range(BLOCK):
        far = b[_DT + v] / grid[0]
        far = far if far > -_REACH else -_REACH
        far = far if far < _REACH else _REACH
        to = node[v] + (np.int32(far + shift) - whole)
        to = to if to > np.int32(0) else np.int32(0)
        to = to if to < last else last
        inside = (b[_DT + v] <= grid[0]) & (b[_DT + v] >= -grid[0])
        node[_SETTLED + v] = np.int32((to == node[v]) & inside & (b[_CHANGE + v] < _STILL))
        node[v] = to


@_compiled
def _move_free_block(grid, span, last, node, b):
    """The nodes of T2 and c to go to, and which voxels stay."""
    shift, whole = np.float32(REACH + 0.5), np.int32(REACH)
    ends = (np.int32(span[0]), np.int32(span[1]))
    for v in range(BLOCK):
        far = b[_DC + v] / grid[1]
        far = far if far > -_REACH else -_REACH
        far = far if far < _REACH else _REACH
        to = node[_J + v] + (np.int32(far + shift) - whole)
        to = to if to > ends[0] else ends[0]
        to = to if to < ends[1] else ends[1]
        b[_CHANGE + v] += np.float32(to != node[_J + v])
        node[_J + v] = to
    _move_block(grid, last, node, b)


@_compiled
def _go_on_held(y, v, echoes, grid, settings, table, node, b):
    """Fit one voxel with B1 given from the node that it has come to, and if need be from the best of a search."""
    i, j = np.int64(node[v]), np.int64(node[_J + v])
    for steps in (STEPS, SEARCHED_STEPS):
        for step in range(steps):
            node[v] = i
            _project(y, v, echoes, table, node, b)
            _solve_held(v, settings[1], b)
            i = _onwards(i, b[_DT + v] / grid[0], step, table[0].shape[0] - 1)
            if i == node[v] and abs(b[_DT + v]) <= grid[0] and b[_CHANGE + v] < _STILL:
                node[_SETTLED + v] = 1
                return
        i, _ = _search(y, v, echoes, table, j, j, b)


@_compiled
def _go_on_free(y, v, echoes, grid, settings, span, table, node, b):
    """Fit one voxel from the node that it has come to, and if need be from the best of a search.

    Near the turning B1 its derivative is small, and steps in c go too far and back. Nodes from which they point up and
    down bracket c; a step out of the bracket halves it, and between neighbours c is where a straight line through both
    steps vanishes.
    """
    i, j = np.int64(node[v]), np.int64(node[_J + v])
    ends = (np.int32(span[0]), np.int32(span[1]))
    for steps in (STEPS, SEARCHED_STEPS):
        low, high, up, down = span[0], span[1], _F0, _F0
        for step in range(steps):
            node[v], node[_J + v], fraction = i, j, b[_FRACTION + v]
            _project(y, v, echoes, table, node, b)
            _solve_free(v, settings[1], ends, node, b)
            dc = b[_DC + v]
            if dc > _F0:
                low, up = j, dc
            elif dc < _F0:
                high, down = j, dc
            to_j = _towards(j, dc / grid[1], low, high)
            if up > _F0 and down < _F0 and to_j != j and not low < to_j < high:
                to_j = (low + high) // 2
                if high - low == 1:
                    to_j = j
                    b[_DC + v] = (np.float32(low - j) + up / (up - down)) * grid[1]
                    spread = b[_SPREAD + v]
                    _solve_held(v, settings[1], b)
                    b[_SPREAD + v], b[_CHANGE + v] = spread, abs(b[_FRACTION + v] - fraction)
            i, j = _onwards(i, b[_DT + v] / grid[0], step, table[0].shape[0] - 1), to_j
            if i == node[v] and j == node[_J + v] and abs(b[_DT + v]) <= grid[0] and b[_CHANGE + v] < _STILL:
                node[_SETTLED + v] = 1
                return
        if abs(b[_DT + v]) <= grid[0] and abs(b[_DC + v]) <= grid[1] and b[_CHANGE + v] < _STILL:
            node[_SETTLED + v] = 1
            return
        i, j = _search(y, v, echoes, table, span[0], span[1], b)


@_compiled
def _towards(node, distance, first, last):
    """The node nearest to a distance from this one, at most `REACH` away and between two."""
    distance = distance if distance > -_REACH else -_REACH
    distance = distance if distance < _REACH else _REACH
    # a half before the cut rounds, a whole number keeps the cut from going towards zero
    to = node + np.int64(distance + np.float32(REACH + 0.5)) - REACH
    to = to if to > first else first
    return to if to < last else last


@_compiled
def _onwards(node, distance, step, last):
    """The next node of T2. Where the model bends, steps may go too far and back for ever: later ones are halved."""
    return _towards(node, distance if step < FULL_STEPS else _HALF * distance, 0, last)


@_compiled
def _search(y, v, echoes, table, low, high, b):
    """The node of a coarse grid on which the course at the fraction of the prior is most like the sample."""
    basis, factor = table[0], table[1]
    at, seen = v * len(echoes), _limited(b[_PRIOR + v])
    best, best_i, best_j = -_INFINITY, 0, low
    for i in range(COARSE[0] // 2, basis.shape[0], COARSE[0]):
        fraction = _unweighted(seen, table[2][i, 0])
        for j in range(low, high + 1, COARSE[1]):
            q0 = q1 = _F0
            for n in range(len(echoes)):
                q0 += y[at + n] * basis[i, j, n, 0]
                q1 += y[at + n] * basis[i, j, n, 1]
            m0 = (_F1 - fraction) * factor[i, j, 0] + fraction * factor[i, j, 1]
            m1 = fraction * factor[i, j, 2]
            match = q0 * m0 + q1 * m1
            match = match * abs(match) / (m0 * m0 + m1 * m1)
            if match > best:
                best, best_i, best_j = match, i, j
    b[_FRACTION + v] = _unweighted(seen, table[2][best_i, 0])
    return best_i, best_j


@_compiled
def _write(start, count, y, echoes, grid, settings, table, node, b, maps, status):
    """Maps and status of a block."""
    basis, nodes = table[0], table[6]
    for v in range(count):
        i, j, at = np.int64(node[v]), np.int64(node[_J + v]), v * len(echoes)
        w, f, dt, dc = b[_W + v], b[_F + v], b[_DT + v], b[_DC + v]
        z0, z1, z2, z3, z4 = _model(v, w, f, w * dt, w * dc, f * dc, b)
        squares = level = _F0
        for n in range(len(echoes)):
            model = z0 * basis[i, j, n, 0] + z1 * basis[i, j, n, 1] + z2 * basis[i, j, n, 2]
            model += z3 * basis[i, j, n, 3] + z4 * basis[i, j, n, 4]
            level = model if n == 0 else level
            squares += (y[at + n] - model) * (y[at + n] - model)
        usable = _usable(y, v, echoes, b)
        # a fit that has gone beyond the nodes, or wants to leave its node by far, has no T2
        outside = (i == 0 and dt < -grid[0]) or (i == nodes.size - 1 and dt > grid[0])
        outside = outside or abs(dt) > _REACH * grid[0] or w + f <= _SMALL
        there = usable and not outside
        # exp(dt), which is seldom more than a step
        t2 = nodes[i] * (_F1 + dt * (_F1 + dt * (_HALF + dt * np.float32(1 / 6)))) if there else _NAN
        relative = settings[0] * np.sqrt(b[_SPREAD + v])
        relative *= np.sqrt(_F1 + np.float32(CURVATURE) * relative * relative)
        maps[0, start + v] = t2
        maps[1, start + v] = w + f if there else _NAN
        maps[2, start + v] = t2 * relative if there else _NAN
        maps[3, start + v] = np.sqrt(squares / np.float32(len(echoes))) if there else _NAN
        maps[4, start + v] = grid[2] + np.float32(j) * grid[1] + dc if there else _NAN
        maps[5, start + v] = f / (w + f) if there else _NAN
        code = _FAT if f > settings[5] * (w + f) else _OK
        code = code if node[_SETTLED + v] else _UNSETTLED
        code = code if t2 >= settings[3] and t2 <= settings[4] else _BOUND
        code = code if level >= settings[2] * settings[0] else _LOW
        status[start + v] = code if usable else _NONE


@_compiled
def _model(v, w, f, x, w_c, f_c, b):
    """Amplitudes of the model along the basis of the node."""
    of_w, of_f, of_x = _column(b, v, 0), _column(b, v, 1), _column(b, v, 2)
    by_w, by_f = _column(b, v, 3), _column(b, v, 4)
    return (
        w * of_w[0] + f * of_f[0] + x * of_x[0] + w_c * by_w[0] + f_c * by_f[0],
        f * of_f[1] + x * of_x[1] + w_c * by_w[1] + f_c * by_f[1],
        x * of_x[2] + w_c * by_w[2] + f_c * by_f[2],
        w_c * by_w[3] + f_c * by_f[3],
        f_c * by_f[4],
    )
