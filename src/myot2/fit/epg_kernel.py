"""The compiled phase-graph fit: Gauss-Newton steps from node to node of a table.

At a node, three inner products of the samples with stored rows give amplitude and the offsets in ln T2 and in the
coordinate c of B1 (see `epg_table`). The fit goes to the node nearest to that point until it stays; the last offsets
are the interpolation between nodes. Three steps, taken by all voxels of a block one after the other, bring nearly
all of them home; the others go on alone, and those that wander start again from the best node of a coarse search.

No fast-math: a voxel gets the same bytes alone or in a volume, for any number of threads and on any processor. All
compiled functions stand in this file, see `mono_kernel`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from myot2.fit.status import Status

BLOCK = 128
"""Voxels worked on at a time."""

COMMON_STEPS = 3
STEPS = 10
SEARCHED_STEPS = 20
COARSE = (4, 6)
"""Every how many nodes of T2 and c the search looks."""

# Where the rows of a block begin.
_J, _HELD, _SETTLED = BLOCK, 2 * BLOCK, 3 * BLOCK
_DT, _DC = BLOCK, 2 * BLOCK

REACH = 8
"""Nodes that one step may go."""

_F0, _F1, _HALF = np.float32(0), np.float32(1), np.float32(0.5)
_SMALL = np.float32(1e-30)
_REACH = np.float32(REACH)
_NAN = np.float32(np.nan)
_OK, _LOW, _BOUND = np.uint8(Status.OK), np.uint8(Status.LOW_SIGNAL), np.uint8(Status.AT_BOUND)
_UNSETTLED, _NONE = np.uint8(Status.NOT_CONVERGED), np.uint8(Status.NOT_FITTED)

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def fit_free(signal, span, first, stop, echoes, starts, grid, settings, rows, spread, nodes, maps, status):
    """M0, T2 and B1 of the voxels `first` to `stop`, B1 on one side of where its effect turns back.

    Parameters
    ----------
    signal : array, shape (echoes, voxels)
        Magnitudes of any number type.
    span : integers, shape (2,)
        First and last node of c on that side.
    first, stop : int
    echoes : tuple
        As long as there are echoes; its items are not read.
    starts : integers, shape (decays, bends, 2)
        The node to start from.
    grid : 32-bit floats, shape (3,)
        Steps of ln T2 and c between nodes, c of the first node.
    settings : 32-bit floats, shape (3,)
        Least SNR, lowest and highest T2 (ms) that pass unmarked.
    rows, spread, nodes : arrays
        `rows`, `spread` and `t2_ms` of an `epg_table.Table`, as `starts`; 32-bit floats.
    maps : 32-bit floats, shape (5, voxels)
        Filled with T2 (ms), M0, SD of T2 (ms), root mean square of the residuals, c.
    status : 8-bit integers, shape (voxels,)
        Filled with `Status`.
    """
    y, node, place = _workspace(echoes)
    solved = np.empty(5 * BLOCK, np.float32)
    for start in range(first, stop, BLOCK):
        count = min(BLOCK, stop - start)
        _load(signal, start, count, echoes, y)
        for v in range(BLOCK):
            i, j = _predict(y, v, echoes, starts)
            j = j if j <= span[1] else 2 * span[1] - j
            node[v], node[_J + v] = i, min(max(j if j >= span[0] else 2 * span[0] - j, span[0]), span[1])
        for _ in range(COMMON_STEPS):
            _project_block(y, echoes, rows, spread, node, solved)
            _move_block(grid, span, rows.shape[0] - 1, node, solved, place)
        for v in range(count):
            if not node[_SETTLED + v]:
                _go_on(y, v, echoes, grid, rows, spread, span, node, place)
        _write(start, count, y, echoes, grid, settings, rows, spread, nodes, 3, node, place, maps, status)


@_compiled
def fit_held(signal, c, first, stop, echoes, starts, grid, settings, rows, spread, nodes, maps, status):
    """M0 and T2 at a given B1; parameters as in `fit_free`, and `c`, shape (voxels,), where NaN leaves a voxel out."""
    y, node, place = _workspace(echoes)
    solved = np.empty(5 * BLOCK, np.float32)
    for start in range(first, stop, BLOCK):
        count = min(BLOCK, stop - start)
        _load(signal, start, count, echoes, y)
        for v in range(BLOCK):
            given = c[start + v] if v < count else grid[2]
            j = (given - grid[2]) / grid[1] + _HALF
            j = min(np.int64(j), rows.shape[1] - 1) if j > _F0 else 0
            i, _ = _predict(y, v, echoes, starts)
            node[v], node[_J + v], node[_HELD + v] = i, j, 1
            place[_DC + v] = given - (grid[2] + np.float32(j) * grid[1])
        for _ in range(COMMON_STEPS):
            _project_block(y, echoes, rows, spread, node, solved)
            _move_held_block(grid, rows.shape[0] - 1, node, solved, place)
        for v in range(count):
            if not node[_SETTLED + v]:
                _go_on_held(y, v, echoes, grid, rows, spread, node, place)
        _write(start, count, y, echoes, grid, settings, rows, spread, nodes, 2, node, place, maps, status)


@_compiled
def _workspace(echoes):
    """Samples of a block, voxel after voxel; node of T2, of c, B1 held, settled; amplitude, offsets in ln T2 and c."""
    y = np.ones(BLOCK * len(echoes), np.float32)
    return y, np.zeros(4 * BLOCK, np.int32), np.zeros(3 * BLOCK, np.float32)


@_compiled
def _load(signal, start, count, echoes, y):
    """Copy the samples of a block."""
    for n in range(len(echoes)):
        source = signal[n, start : start + count]
        for v in range(count):
            y[v * len(echoes) + n] = np.float32(source[v])


@_compiled
def _predict(y, v, echoes, starts):
    """The node to start from: that of the bin of decay and bend of the echoes, see `epg_table.Table.starts`."""
    at = v * len(echoes)
    over = under = _F0
    for n in range(1, len(echoes) - 1):
        over += y[at + n] * y[at + n + 1]
        under += y[at + n] * y[at + n]
    decay = over / (under + _SMALL)
    bend = y[at] * y[at + 2] / (y[at + 1] * y[at + 1] + _SMALL) * _HALF
    row = np.int64(_limited(decay) * np.float32(starts.shape[0]))
    column = np.int64(_limited(bend) * np.float32(starts.shape[1]))
    return np.int64(starts[row, column, 0]), np.int64(starts[row, column, 1])


@_compiled
def _limited(share):
    """A number from 0 to 0.999; 0 for what is none."""
    share = share if share > _F0 else _F0
    return share if share < np.float32(0.999) else np.float32(0.999)


@_compiled
def _evaluate(y, v, echoes, rows, spread, span, i, j):
    """Amplitude and offsets in ln T2 and c from a node, and whether B1 is held at an end of its side."""
    a, by_t, by_c = _project(y, v, echoes, rows, i, j)
    held = ((j == span[0]) & (by_c < _F0)) | ((j == span[1]) & (by_c > _F0))
    kept = by_c if held else _F0
    a += kept * spread[i, j, 2]
    a = a if a > _SMALL else _SMALL
    return a, (by_t + kept * spread[i, j, 3]) / a, (by_c - kept) / a, held


@_compiled
def _project(y, v, echoes, rows, i, j):
    """The least-squares solution at a node: a, a dlnT2 and a dc."""
    at = v * len(echoes)
    a = by_t = by_c = _F0
    for n in range(len(echoes)):
        a += y[at + n] * rows[i, j, n, 0]
        by_t += y[at + n] * rows[i, j, n, 1]
        by_c += y[at + n] * rows[i, j, n, 2]
    return a, by_t, by_c


@_compiled
def _project_block(y, echoes, rows, spread, node, solved):
    """The solutions at the nodes of a block, and what an offset in c that B1 may not take up would add to them."""
    for v in range(BLOCK):
        i, j = np.int64(node[v]), np.int64(node[_J + v])
        a, by_t, by_c = _project(y, v, echoes, rows, i, j)
        solved[v], solved[BLOCK + v], solved[2 * BLOCK + v] = a, by_t, by_c
        solved[3 * BLOCK + v], solved[4 * BLOCK + v] = spread[i, j, 2], spread[i, j, 3]


@_compiled
def _move_block(grid, span, last, node, solved, place):
    """From the solutions of a block to amplitudes, offsets and the nodes to go to; as `_evaluate` and `_towards`."""
    ends, tops = (np.int32(0), np.int32(span[0])), (np.int32(last), np.int32(span[1]))
    shift, whole = np.float32(REACH + 0.5), np.int32(REACH)
    for v in range(BLOCK):
        i, j, by_c = node[v], node[_J + v], solved[2 * BLOCK + v]
        held = ((j == ends[1]) & (by_c < _F0)) | ((j == tops[1]) & (by_c > _F0))
        kept = by_c if held else _F0
        a = solved[v] + kept * solved[3 * BLOCK + v]
        a = a if a > _SMALL else _SMALL
        dt, dc = (solved[BLOCK + v] + kept * solved[4 * BLOCK + v]) / a, (by_c - kept) / a
        far_i, far_j = dt / grid[0], dc / grid[1]
        far_i = far_i if far_i > -_REACH else -_REACH
        far_i = far_i if far_i < _REACH else _REACH
        far_j = far_j if far_j > -_REACH else -_REACH
        far_j = far_j if far_j < _REACH else _REACH
        to_i, to_j = i + (np.int32(far_i + shift) - whole), j + (np.int32(far_j + shift) - whole)
        to_i = to_i if to_i > ends[0] else ends[0]
        to_i = to_i if to_i < tops[0] else tops[0]
        to_j = to_j if to_j > ends[1] else ends[1]
        to_j = to_j if to_j < tops[1] else tops[1]
        node[_SETTLED + v] = np.int32((to_i == i) & (to_j == j))
        node[_HELD + v] = np.int32(held)
        node[v], node[_J + v] = to_i, to_j
        place[v], place[_DT + v], place[_DC + v] = a, dt, dc


@_compiled
def _move_held_block(grid, last, node, solved, place):
    """As `_move_block` where B1 is given; as `_evaluate_held`."""
    last, shift, whole = np.int32(last), np.float32(REACH + 0.5), np.int32(REACH)
    for v in range(BLOCK):
        i, dc, by_c = node[v], place[_DC + v], solved[2 * BLOCK + v]
        to_a, to_t = solved[3 * BLOCK + v], solved[4 * BLOCK + v]
        a = (solved[v] + by_c * to_a) / (_F1 + dc * to_a)
        a = a if a > _SMALL else _SMALL
        dt = (solved[BLOCK + v] + by_c * to_t) / a - dc * to_t
        far = dt / grid[0]
        far = far if far > -_REACH else -_REACH
        far = far if far < _REACH else _REACH
        to = i + (np.int32(far + shift) - whole)
        to = to if to > np.int32(0) else np.int32(0)
        to = to if to < last else last
        node[_SETTLED + v] = np.int32(to == i)
        node[v], place[v], place[_DT + v] = to, a, dt


@_compiled
def _go_on(y, v, echoes, grid, rows, spread, span, node, place):
    """Fit one voxel from the node that it has come to, and if need be from the best node of a search.

    Near the turning B1 its derivative is small, and steps in c go too far and back. Nodes from which they point up and
    down bracket c, and the next one is where a straight line through both steps vanishes; so is c between neighbours.
    """
    i, j = np.int64(node[v]), np.int64(node[_J + v])
    for steps in (STEPS, SEARCHED_STEPS):
        low, high, up, down = span[0], span[1], _F0, _F0
        for _ in range(steps):
            a, dt, dc, held = _evaluate(y, v, echoes, rows, spread, span, i, j)
            if dc > _F0:
                low, up = j, dc
            elif dc < _F0:
                high, down = j, dc
            to_j = _towards(j, dc / grid[1], low, high)
            if up > _F0 and down < _F0:
                crossing = np.float32(low - j) + np.float32(high - low) * up / (up - down)
                if high - low > 1:
                    to_j = _towards(j, crossing, low + 1, high - 1)
                else:
                    to_j, dc = j, crossing * grid[1]
                    a, dt = _evaluate_held(y, v, echoes, rows, spread, i, j, dc)
            node[v], node[_J + v], node[_HELD + v] = i, j, held
            place[v], place[_DT + v], place[_DC + v] = a, dt, dc
            i, j = _towards(i, dt / grid[0], 0, rows.shape[0] - 1), to_j
            if i == node[v] and j == node[_J + v]:
                node[_SETTLED + v] = 1
                return
        # two neighbouring nodes may send the fit to each other: either is good
        if abs(dt) <= grid[0] and abs(dc) <= grid[1]:
            node[_SETTLED + v] = 1
            return
        i, j = _search(y, v, echoes, rows, span)


@_compiled
def _evaluate_held(y, v, echoes, rows, spread, i, j, dc):
    """Amplitude and offset in ln T2 from a node, B1 being held at an offset in c from it."""
    a, by_t, by_c = _project(y, v, echoes, rows, i, j)
    # what c may not take up looks like a and ln T2, by the shares that belong to the node
    a = (a + by_c * spread[i, j, 2]) / (_F1 + dc * spread[i, j, 2])
    a = a if a > _SMALL else _SMALL
    return a, (by_t + by_c * spread[i, j, 3]) / a - dc * spread[i, j, 3]


@_compiled
def _go_on_held(y, v, echoes, grid, rows, spread, node, place):
    """Fit one voxel with B1 given from the node that it has come to."""
    i, j, dc = np.int64(node[v]), np.int64(node[_J + v]), place[_DC + v]
    for _ in range(SEARCHED_STEPS):
        a, dt = _evaluate_held(y, v, echoes, rows, spread, i, j, dc)
        node[v], place[v], place[_DT + v] = i, a, dt
        i = _towards(i, dt / grid[0], 0, rows.shape[0] - 1)
        if i == node[v]:
            node[_SETTLED + v] = 1
            return
    node[_SETTLED + v] = abs(dt) <= grid[0]


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
def _search(y, v, echoes, rows, span):
    """The node of a coarse grid whose course of echoes is most like the sample."""
    at = v * len(echoes)
    best, best_i, best_j = -_F1, 0, span[0]
    for i in range(COARSE[0] // 2, rows.shape[0], COARSE[0]):
        for j in range(span[0], span[1] + 1, COARSE[1]):
            match, norm = _F0, _F0
            for n in range(len(echoes)):
                match += y[at + n] * rows[i, j, n, 3]
                norm += rows[i, j, n, 3] * rows[i, j, n, 3]
            match = match * abs(match) / norm
            if match > best:
                best, best_i, best_j = match, i, j
    return best_i, best_j


@_compiled
def _write(start, count, y, echoes, grid, settings, rows, spread, nodes, unknowns, node, place, maps, status):
    """Maps and status of a block."""
    for v in range(count):
        i, j, held, settled = np.int64(node[v]), np.int64(node[_J + v]), node[_HELD + v], node[_SETTLED + v]
        a, dt, dc = place[v], place[_DT + v], place[_DC + v]
        at, total, squares = v * len(echoes), _F0, _F0
        for n in range(len(echoes)):
            total += y[at + n]
            change = dt * rows[i, j, n, 4] + dc * rows[i, j, n, 5]
            residual = y[at + n] - a * (rows[i, j, n, 3] + change)
            squares += residual * residual
        usable = total > _F0 and total - total == _F0 and dc == dc
        outside = (i == 0 and dt < -grid[0]) or (i == nodes.size - 1 and dt > grid[0]) or a <= _SMALL
        gap = _F0 if usable and not outside else _NAN
        noise = squares / np.float32(len(echoes) - unknowns)
        # exp(dt), which is at most a step
        t2 = nodes[i] * (_F1 + dt * (_F1 + dt * (_HALF + dt * np.float32(1 / 6)))) + gap
        maps[0, start + v] = t2
        maps[1, start + v] = a + gap
        maps[2, start + v] = t2 * np.sqrt(noise * spread[i, j, 1 if held else 0]) / a
        maps[3, start + v] = np.sqrt(squares / np.float32(len(echoes))) + gap
        maps[4, start + v] = grid[2] + np.float32(j) * grid[1] + dc + gap
        level = a * rows[i, j, 0, 3]
        code = _OK if settled else _UNSETTLED
        code = code if t2 >= settings[1] and t2 <= settings[2] else _BOUND
        code = code if level * level >= settings[0] * settings[0] * noise else _LOW
        status[start + v] = code if usable else _NONE
