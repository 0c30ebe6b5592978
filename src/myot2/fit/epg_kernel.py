"""The compiled phase-graph fit: Gauss-Newton steps from node to node of a table.

At a node, three inner products of the samples with stored rows give amplitude and the offsets in ln T2 and in the
coordinate c of B1 (see `epg_table`). The fit goes to the node nearest to that point until it lies close by; the last
offsets are the interpolation between nodes. The voxels of a block step together, those that have settled fall out, and
those that wander start again from the best node of a coarse search.

No fast-math: a voxel gets the same bytes alone or in a volume, for any number of threads and on any processor. All
compiled functions stand in this file, see `mono_kernel`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from myot2.fit.status import Status

BLOCK = 256
"""Voxels worked on at a time."""

LANES = 4
"""Numbers in a vector: every processor has them. Samples and models are filled up with zeros to a multiple."""

COMMON_STEPS = 2
"""Steps that all voxels take; then most have settled."""

STEPS = 10
SEARCHED_STEPS = 20

COARSE = (4, 6)
"""Every how many nodes of T2 and c the search looks."""

REACH = 8
"""Nodes that one step may go."""

# A block has two arrays, one row of `BLOCK` after the other, as one array is what a compiler makes vectors of. `node`:
# the node in T2 and c, that to go to, the nodes that bracket c, whether B1 is held at an end of its side, whether the
# voxel has settled, and which voxel it is.
_I, _J, _TO_I, _TO_J, _LOW, _HIGH, _HELD, _SETTLED, _VOXEL = _NODE_ROWS = tuple(row * BLOCK for row in range(9))
# `place`: the three inner products, what an offset in c that B1 may not take up adds to two of them, amplitude, offsets
# in ln T2 and c, steps in c at the ends of the bracket, sum of the squared residuals; at the node, T2, the variance of
# ln T2 and the first echo.
_PLACE_ROWS = tuple(row * BLOCK for row in range(14))
_BY_A, _BY_T, _BY_C, _TO_A, _TO_T, _A, _DT, _DC, _UP, _DOWN, _SQUARES, _T2, _SPREAD, _FIRST = _PLACE_ROWS

_VECTOR = 16
"""Loops over voxels run to a multiple of this, so that none is left for a loop without vectors."""

_F0, _F1, _HALF = np.float32(0), np.float32(1), np.float32(0.5)
_SMALL = np.float32(1e-30)
_REACH, _ROUND, _WHOLE = np.float32(REACH), np.float32(REACH + 0.5), np.int32(REACH)
_NAN = np.float32(np.nan)
_OK, _LOW_SIGNAL, _BOUND = np.uint8(Status.OK), np.uint8(Status.LOW_SIGNAL), np.uint8(Status.AT_BOUND)
_UNSETTLED, _NONE = np.uint8(Status.NOT_CONVERGED), np.uint8(Status.NOT_FITTED)

_compiled = njit(cache=True, nogil=True, error_model="numpy")
# Called by compiled code only: without the wrappers for Python, a third less is left to compile.
_part = njit(nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
_FOUR, _INDEX = ir.VectorType(ir.FloatType(), LANES), ir.IntType(64)


class Nodes(NamedTuple):
    """What the fit takes of an `epg_table.Table`, see there; 32-bit floats but for `starts`.

    `grid` are the steps of ln T2 and c between nodes, c of the first node, and how long an offset in c may be.
    """

    grid: np.ndarray
    starts: np.ndarray
    solution: np.ndarray
    model: np.ndarray
    spread: np.ndarray
    t2_ms: np.ndarray


@_compiled
def fit_free(signal, spans, first, stop, echoes, nodes, limits, maps, status):
    """M0, T2 and B1 of the voxels `first` to `stop`, B1 on either side of where its effect turns back.

    Parameters
    ----------
    signal : array, shape (echoes, voxels)
        Magnitudes of any number type.
    spans : integers, shape (sides, 2)
        First and last node of c on each of one or two sides.
    first, stop : int
    echoes : tuple
        As long as there are echoes; its items are not read.
    nodes : Nodes
    limits : 32-bit floats, shape (3,)
        Least SNR, lowest and highest T2 (ms) that pass unmarked.
    maps : 32-bit floats, shape (sides or 1, 5, voxels)
        Filled with T2 (ms), M0, SD of T2 (ms), root mean square of the residuals, c; where there is room for one side,
        of that which leaves the smaller residuals.
    status : 8-bit integers, shape (sides or 1, voxels)
        Filled with `Status`.
    """
    y, begin, total, node, place = _workspace(nodes, len(spans))
    for start in range(first, stop, BLOCK):
        count = min(BLOCK, stop - start)
        _load(signal, start, count, echoes, nodes.starts, y, begin, total)
        for side in range(len(spans)):
            before = begin if side == 0 else node[side - 1]
            _settle(y, count, echoes, before, spans[side], nodes, node[side], place[side], node[-1], place[-1])
            _square(y, count, echoes, nodes.model, node[side], place[side])
        if len(maps) < len(spans):
            _keep_better(node[0], place[0], node[1], place[1])
        for side in range(len(maps)):
            _write(start, count, total, echoes, 3, nodes, limits, node[side], place[side], maps[side], status[side])


@_compiled
def find_c(signal, spans, first, stop, echoes, nodes, c):
    """Only c of each side, shape (sides, voxels), NaN where there is no signal; parameters as in `fit_free`."""
    y, begin, total, node, place = _workspace(nodes, len(spans))
    for start in range(first, stop, BLOCK):
        count = min(BLOCK, stop - start)
        _load(signal, start, count, echoes, nodes.starts, y, begin, total)
        for side in range(len(spans)):
            before = begin if side == 0 else node[side - 1]
            _settle(y, count, echoes, before, spans[side], nodes, node[side], place[side], node[-1], place[-1])
            for v in range(count):
                value = nodes.grid[2] + np.float32(node[side, _J + v]) * nodes.grid[1] + place[side, _DC + v]
                c[side, start + v] = value if total[v] > _F0 and total[v] - total[v] == _F0 else _NAN


@_compiled
def fit_held(signal, c, first, stop, echoes, nodes, limits, maps, status):
    """M0 and T2 at some given maps of c, shape (maps, voxels), NaN leaving a voxel out; else as in `fit_free`."""
    y, begin, total, node, place = _workspace(nodes, len(c))
    for start in range(first, stop, BLOCK):
        count = min(BLOCK, stop - start)
        _load(signal, start, count, echoes, nodes.starts, y, begin, total)
        for k in range(len(c)):
            before, given = begin if k == 0 else node[k - 1], c[k, start : start + count]
            _settle_held(y, count, echoes, before, given, nodes, node[k], place[k], node[-1], place[-1])
            _square(y, count, echoes, nodes.model, node[k], place[k])
            _write(start, count, total, echoes, 2, nodes, limits, node[k], place[k], maps[k], status[k])


@_part
def _workspace(nodes, sides):
    """Samples of a block, nodes to start from, sums of the samples, `node` and `place` of each side and of a rest."""
    y, begin = np.zeros(BLOCK * nodes.model.shape[3], np.float32), np.zeros(2 * BLOCK, np.int32)
    node = np.zeros((sides + 1, len(_NODE_ROWS) * BLOCK), np.int32)
    return y, begin, np.ones(BLOCK, np.float32), node, np.zeros((sides + 1, len(_PLACE_ROWS) * BLOCK), np.float32)


@_part
def _load(signal, start, count, echoes, starts, y, begin, total):
    """Copy the samples of a block and look up where to start, see `epg_table.Table.starts`."""
    over, under = np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32)
    width = len(y) // BLOCK
    total[:] = _F0
    for n in range(len(echoes)):
        source = signal[n, start : start + count]
        for v in range(count):
            y[v * width + n] = np.float32(source[v])
        for v in range(count):
            total[v] += np.float32(source[v])
        if 1 <= n < len(echoes) - 1:
            after = signal[n + 1, start : start + count]
            for v in range(count):
                over[v] += np.float32(source[v]) * np.float32(after[v])
                under[v] += np.float32(source[v]) * np.float32(source[v])
    for v in range(count):
        one, two, three = y[v * width], y[v * width + 1], y[v * width + 2]
        bend = one * three / (two * two + _SMALL) * _HALF
        row = np.int64(_limited(over[v] / (under[v] + _SMALL)) * np.float32(starts.shape[0]))
        column = np.int64(_limited(bend) * np.float32(starts.shape[1]))
        begin[_I + v], begin[_J + v] = starts[row, column, 0], starts[row, column, 1]


@_part
def _limited(share):
    """A number from 0 to 0.999; 0 for what is none."""
    share = share if share > _F0 else _F0
    return share if share < np.float32(0.999) else np.float32(0.999)


def _pointer(context, builder, kind, array):
    return context.make_array(kind)(context, builder, array).data


def _four(builder, pointer):
    """Four numbers from memory on, wherever that begins."""
    return builder.load(builder.bitcast(pointer, _FOUR.as_pointer()), align=4)


def _all(builder, value):
    """A number in each lane."""
    one = builder.insert_element(ir.Constant(_FOUR, ir.Undefined), value, _INDEX(0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))


@intrinsic
def _inner(typing, y, at, solution, row, echoes):
    """The inner products of the samples from `at` on with the rows of a node, which begin at number `row`.

    Written as vectors because a compiler may not change the order of sums of floats; multiplied and then added, as
    some processors cannot do both at once.
    """

    def generate(context, builder, signature, arguments):
        samples = builder.gep(_pointer(context, builder, signature.args[0], arguments[0]), [arguments[1]])
        rows = builder.gep(_pointer(context, builder, signature.args[2], arguments[2]), [arguments[3]])
        total = ir.Constant(_FOUR, [0.0] * LANES)
        for n in range(len(signature.args[4])):
            sample = builder.load(builder.gep(samples, [_INDEX(n)]))
            coefficients = _four(builder, builder.gep(rows, [_INDEX(LANES * n)]))
            total = builder.fadd(total, builder.fmul(_all(builder, sample), coefficients))
        parts = [builder.extract_element(total, _INDEX(lane)) for lane in range(3)]
        return cgutils.pack_array(builder, parts)

    return types.UniTuple(types.float32, 3)(y, at, solution, row, echoes), generate


@intrinsic
def _squares(typing, y, at, model, row, echoes, a, dt, dc):
    """The sum of the squared residuals of a voxel: four echoes at a time, the lanes added up at the end."""

    def generate(context, builder, signature, arguments):
        samples = builder.gep(_pointer(context, builder, signature.args[0], arguments[0]), [arguments[1]])
        rows = builder.gep(_pointer(context, builder, signature.args[2], arguments[2]), [arguments[3]])
        size, by_t, by_c = (_all(builder, value) for value in arguments[5:])
        total = ir.Constant(_FOUR, [0.0] * LANES)
        width = -(-len(signature.args[4]) // LANES) * LANES
        for n in range(0, width, LANES):
            course, slope_t, slope_c = (
                _four(builder, builder.gep(rows, [_INDEX(part * width + n)])) for part in range(3)
            )
            change = builder.fadd(builder.fmul(by_t, slope_t), builder.fmul(by_c, slope_c))
            expected = builder.fmul(size, builder.fadd(course, change))
            residual = builder.fsub(_four(builder, builder.gep(samples, [_INDEX(n)])), expected)
            total = builder.fadd(total, builder.fmul(residual, residual))
        lanes = [builder.extract_element(total, _INDEX(lane)) for lane in range(LANES)]
        return builder.fadd(builder.fadd(lanes[0], lanes[1]), builder.fadd(lanes[2], lanes[3]))

    return types.float32(y, at, model, row, echoes, a, dt, dc), generate


@_part
def _square(y, count, echoes, model, node, place):
    """The sums of the squared residuals of a block."""
    width = model.shape[3]
    for v in range(count):
        row = (np.int64(node[_I + v]) * model.shape[1] + np.int64(node[_J + v])) * (3 * width)
        place[_SQUARES + v] = _squares(y, v * width, model, row, echoes, place[_A + v], place[_DT + v], place[_DC + v])


@_part
def _settle(y, count, echoes, begin, span, nodes, node, place, onward, offsets):
    """Bring the voxels of a block to their nodes on one side, and to the offsets from there.

    `onward` and `offsets` are room for `node` and `place` of the rest, which goes on after the common steps.
    """
    for v in range(count):
        # from beyond the turning B1 to where the echoes are much the same on this side
        j = np.int64(begin[_J + v])
        j = j if j <= span[1] else 2 * span[1] - j
        j = j if j >= span[0] else 2 * span[0] - j
        _begin(node, place, v, v, begin[_I + v], min(max(j, span[0]), span[1]), span)
    for step in range(COMMON_STEPS):
        if step > 0:
            _advance(node)
        _project(y, count, echoes, nodes, node, place)
        _step(count, False, nodes, span, node, place)
    left = _pick_out(count, span, node, place, onward, offsets)
    for steps in (STEPS, SEARCHED_STEPS):
        for _ in range(steps):
            if left == 0:
                return
            _project(y, left, echoes, nodes, onward, offsets)
            _step(left, True, nodes, span, onward, offsets)
            left = _sort_out(left, node, place, onward, offsets)
        left = _search_again(y, left, echoes, nodes, span, node, place, onward, offsets)


@_part
def _settle_held(y, count, echoes, begin, c, nodes, node, place, onward, offsets):
    """As `_settle` where B1 is given."""
    grid, span = nodes.grid, (0, nodes.solution.shape[1] - 1)
    for v in range(count):
        j = (c[v] - grid[2]) / grid[1] + _HALF
        j = min(np.int64(j), span[1]) if j > _F0 else 0
        _begin(node, place, v, v, begin[_I + v], j, span)
        place[_DC + v] = c[v] - (grid[2] + np.float32(j) * grid[1])
    for step in range(COMMON_STEPS):
        if step > 0:
            _advance(node)
        _project(y, count, echoes, nodes, node, place)
        _step_held(count, nodes, node, place)
    left = _pick_out(count, span, node, place, onward, offsets)
    for _ in range(SEARCHED_STEPS):
        if left == 0:
            return
        _project(y, left, echoes, nodes, onward, offsets)
        _step_held(left, nodes, onward, offsets)
        left = _sort_out(left, node, place, onward, offsets)


@_part
def _begin(node, place, k, voxel, i, j, span):
    """Let a voxel start from a node."""
    node[_VOXEL + k], node[_I + k], node[_J + k] = voxel, i, j
    node[_LOW + k], node[_HIGH + k] = span[0], span[1]
    place[_UP + k], place[_DOWN + k] = _F0, _F0


@_part
def _advance(node):
    """Let all voxels go to their next node: hardly one settles with the first step."""
    for v in range(BLOCK):
        node[_I + v], node[_J + v] = node[_TO_I + v], node[_TO_J + v]


@_part
def _project(y, count, echoes, nodes, node, place):
    """The least-squares solutions at the nodes."""
    width, across, spread = len(y) // BLOCK, nodes.solution.shape[1], nodes.spread
    for v in range(count):
        i, j, at = np.int64(node[_I + v]), np.int64(node[_J + v]), np.int64(node[_VOXEL + v]) * width
        a, by_t, by_c = _inner(y, at, nodes.solution, (i * across + j) * (LANES * len(echoes)), echoes)
        place[_BY_A + v], place[_BY_T + v], place[_BY_C + v] = a, by_t, by_c
        place[_TO_A + v], place[_TO_T + v] = spread[i, j, 2], spread[i, j, 3]


@_part
def _step(count, bracketing, nodes, span, node, place):
    """From the solutions to amplitudes, offsets and the nodes to go to.

    Near the turning B1 its derivative is small, and steps in c go too far and back. Nodes from which they point up and
    down bracket c, and the next one is where a straight line through both steps vanishes; so is c between neighbours.
    """
    grid, last = nodes.grid, np.int32(nodes.solution.shape[0] - 1)
    first_j, last_j = np.int32(span[0]), np.int32(span[1])
    for v in range(-(-count // _VECTOR) * _VECTOR):
        i, j, low, high = node[_I + v], node[_J + v], node[_LOW + v], node[_HIGH + v]
        a, by_t, by_c = place[_BY_A + v], place[_BY_T + v], place[_BY_C + v]
        up, down = place[_UP + v], place[_DOWN + v]
        at_end = ((j == first_j) & (by_c < _F0)) | ((j == last_j) & (by_c > _F0))
        free_a = a if a > _SMALL else _SMALL
        dc = _F0 if at_end else by_c / free_a
        rising, falling = bracketing & (dc > _F0), bracketing & (dc < _F0)
        low, up = j if rising else low, dc if rising else up
        high, down = j if falling else high, dc if falling else down
        enclosed = (up > _F0) & (down < _F0)
        between = enclosed & (high - low <= np.int32(1))
        crossing = np.float32(low - j) + np.float32(high - low) * up / (up - down)
        dc = crossing * grid[1] if between else dc
        held_a, held_dt = _hold(a, by_t, by_c, place[_TO_A + v], place[_TO_T + v], dc)
        fixed, inside = at_end | between, np.int32(enclosed)
        a, dt = held_a if fixed else free_a, held_dt if fixed else by_t / free_a
        to_i = _towards(i, dt / grid[0], np.int32(0), last)
        to_j = _towards(j, crossing if enclosed else dc / grid[1], low + inside, high - inside)
        to_j = j if between else to_j
        near = (abs(dt) <= grid[0]) & (abs(dc) <= grid[3])
        node[_LOW + v], node[_HIGH + v], place[_UP + v], place[_DOWN + v] = low, high, up, down
        node[_TO_I + v], node[_TO_J + v], node[_HELD + v] = to_i, to_j, np.int32(at_end)
        node[_SETTLED + v] = np.int32(near | ((to_i == i) & (to_j == j)))
        place[_A + v], place[_DT + v], place[_DC + v] = a, dt, dc


@_part
def _step_held(count, nodes, node, place):
    """As `_step` where B1 is given."""
    step, last = nodes.grid[0], np.int32(nodes.solution.shape[0] - 1)
    for v in range(-(-count // _VECTOR) * _VECTOR):
        i, a, by_t, by_c = node[_I + v], place[_BY_A + v], place[_BY_T + v], place[_BY_C + v]
        a, dt = _hold(a, by_t, by_c, place[_TO_A + v], place[_TO_T + v], place[_DC + v])
        to_i = _towards(i, dt / step, np.int32(0), last)
        node[_TO_I + v], node[_TO_J + v], node[_HELD + v] = to_i, node[_J + v], np.int32(1)
        node[_SETTLED + v] = np.int32((abs(dt) <= step) | (to_i == i))
        place[_A + v], place[_DT + v] = a, dt


@_part
def _hold(a, by_t, by_c, to_a, to_t, dc):
    """Amplitude and offset in ln T2 for a given offset in c: what c may not take up looks like a and ln T2."""
    a = (a + by_c * to_a) / (_F1 + dc * to_a)
    a = a if a > _SMALL else _SMALL
    return a, (by_t + by_c * to_t) / a - dc * to_t


@_part
def _towards(node, distance, first, last):
    """The node nearest to a distance from this one, at most `REACH` away and between two."""
    distance = distance if distance > -_REACH else -_REACH
    distance = distance if distance < _REACH else _REACH
    # a half before the cut rounds, a whole number keeps the cut from going towards zero
    to = node + (np.int32(distance + _ROUND) - _WHOLE)
    to = to if to > first else first
    return to if to < last else last


@_part
def _pick_out(count, span, node, place, onward, offsets):
    """Let the voxels that have not settled go on; how many these are."""
    left = 0
    for v in range(count):
        onward[_VOXEL + left] = v
        left += 1 - node[_SETTLED + v]
    for k in range(left):
        v = np.int64(onward[_VOXEL + k])
        _begin(onward, offsets, k, v, node[_TO_I + v], node[_TO_J + v], span)
        offsets[_DC + k] = place[_DC + v]
    return left


@_part
def _sort_out(left, node, place, onward, offsets):
    """Note down where the voxels that go on are, and close ranks without those that have settled; how many are left."""
    kept = 0
    for k in range(left):
        v = np.int64(onward[_VOXEL + k])
        node[_I + v], node[_J + v] = onward[_I + k], onward[_J + k]
        node[_HELD + v], node[_SETTLED + v] = onward[_HELD + k], onward[_SETTLED + k]
        place[_A + v], place[_DT + v], place[_DC + v] = offsets[_A + k], offsets[_DT + k], offsets[_DC + k]
        onward[_VOXEL + kept], onward[_I + kept], onward[_J + kept] = v, onward[_TO_I + k], onward[_TO_J + k]
        onward[_LOW + kept], onward[_HIGH + kept] = onward[_LOW + k], onward[_HIGH + k]
        offsets[_UP + kept], offsets[_DOWN + kept] = offsets[_UP + k], offsets[_DOWN + k]
        offsets[_DC + kept] = offsets[_DC + k]
        kept += 1 - onward[_SETTLED + k]
    return kept


@_part
def _search_again(y, left, echoes, nodes, span, node, place, onward, offsets):
    """Send the voxels that wander to the best node of a search; how many these are."""
    kept = 0
    for k in range(left):
        v = np.int64(onward[_VOXEL + k])
        # two neighbouring nodes may send the fit to each other: either is good
        if abs(place[_DT + v]) <= nodes.grid[0] and abs(place[_DC + v]) <= nodes.grid[1]:
            node[_SETTLED + v] = 1
        else:
            i, j = _search(y, v, echoes, nodes.model, span)
            _begin(onward, offsets, kept, v, i, j, span)
            kept += 1
    return kept


@_part
def _search(y, v, echoes, model, span):
    """The node of a coarse grid whose course of echoes is most like the sample."""
    at = v * model.shape[3]
    best, best_i, best_j = -_F1, 0, span[0]
    for i in range(COARSE[0] // 2, model.shape[0], COARSE[0]):
        for j in range(span[0], span[1] + 1, COARSE[1]):
            match, norm = _F0, _F0
            for n in range(len(echoes)):
                match += y[at + n] * model[i, j, 0, n]
                norm += model[i, j, 0, n] * model[i, j, 0, n]
            match = match * abs(match) / norm
            if match > best:
                best, best_i, best_j = match, i, j
    return best_i, best_j


@_part
def _keep_better(node, place, other_node, other_place):
    """Take a voxel from the other side where its residuals are smaller."""
    for v in range(BLOCK):
        better = other_place[_SQUARES + v] < place[_SQUARES + v]
        for row in (_I, _J, _HELD, _SETTLED):
            node[row + v] = other_node[row + v] if better else node[row + v]
        for row in (_A, _DT, _DC, _SQUARES):
            place[row + v] = other_place[row + v] if better else place[row + v]


@_part
def _write(start, count, total, echoes, unknowns, nodes, limits, node, place, maps, status):
    """Maps and status of a block."""
    for v in range(count):
        i, j = np.int64(node[_I + v]), np.int64(node[_J + v])
        place[_T2 + v], place[_FIRST + v] = nodes.t2_ms[i], nodes.model[i, j, 0, 0]
        place[_SPREAD + v] = nodes.spread[i, j, np.int64(node[_HELD + v])]
    grid, last = nodes.grid, np.int32(len(nodes.t2_ms) - 1)
    samples, freedom = np.float32(len(echoes)), np.float32(len(echoes) - unknowns)
    for v in range(-(-count // _VECTOR) * _VECTOR):
        i, a, dt, dc, squares = node[_I + v], place[_A + v], place[_DT + v], place[_DC + v], place[_SQUARES + v]
        usable = (total[v] > _F0) & (total[v] - total[v] == _F0) & (dc == dc)
        outside = ((i == 0) & (dt < -grid[0])) | ((i == last) & (dt > grid[0])) | (a <= _SMALL)
        gap = _NAN if outside else _F0
        gap = gap if usable else _NAN
        noise = squares / freedom
        # exp(dt), which is at most a step
        t2 = place[_T2 + v] * (_F1 + dt * (_F1 + dt * (_HALF + dt * np.float32(1 / 6)))) + gap
        level = a * place[_FIRST + v]
        code = _OK if node[_SETTLED + v] else _UNSETTLED
        code = code if (t2 >= limits[1]) & (t2 <= limits[2]) else _BOUND
        code = code if level * level >= limits[0] * limits[0] * noise else _LOW_SIGNAL
        node[_TO_I + v] = code if usable else _NONE
        place[_BY_A + v] = t2
        place[_BY_T + v] = a + gap
        place[_BY_C + v] = t2 * np.sqrt(noise * place[_SPREAD + v]) / a
        place[_TO_A + v] = np.sqrt(squares / samples) + gap
        place[_TO_T + v] = grid[2] + np.float32(node[_J + v]) * grid[1] + dc + gap
    for number in range(5):
        for v in range(count):
            maps[number, start + v] = place[_BY_A + number * BLOCK + v]
    for v in range(count):
        status[start + v] = node[_TO_I + v]
