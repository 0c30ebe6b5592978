"""The compiled phase-graph fit: Gauss-Newton steps from node to node of a table.

At a node, three inner products of the samples with stored rows give amplitude and the offsets in ln T2 and in the
coordinate c of B1 (see `epg_table`). The fit goes to the node nearest to that point until it lies close by; the last
offsets are the interpolation between nodes. The voxels of a block step together, those that have settled fall out, and
those that wander start again from the best node of a coarse search.

No fast-math: a voxel gets the same bytes alone or in a volume, for any number of threads and on any processor. All
compiled functions stand in this file, see `mono_kernel`.
"""

from __future__ import annotations

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

# A block has two arrays, one row of `BLOCK` after the other, as one array is what a compiler turns into vectors.
# `node`: the node in T2 and c, that to go to, the nodes that bracket c, whether B1 is held at an end of its side, whether
# the voxel has settled, and, of the voxels that go on, which they are.
_I, _J, _TO_I, _TO_J, _LOW, _HIGH, _HELD, _SETTLED, _VOXEL = (row * BLOCK for row in range(9))
# `place`: the three inner products, what an offset in c that B1 may not take up adds to two of them, amplitude, offsets
# in ln T2 and c, steps in c at the ends of the bracket, sum of the squared residuals; and for the maps T2, the variance
# of ln T2 and the first echo, for an amplitude of 1, at the node.
_BY_A, _BY_T, _BY_C, _TO_A, _TO_T, _A, _DT, _DC, _UP, _DOWN, _SQUARES, _T2, _SPREAD, _FIRST = (
    row * BLOCK for row in range(14)
)
_VECTOR = 16

_F0, _F1, _HALF = np.float32(0), np.float32(1), np.float32(0.5)
_SMALL = np.float32(1e-30)
_REACH, _ROUND, _WHOLE = np.float32(REACH), np.float32(REACH + 0.5), np.int32(REACH)
_NAN = np.float32(np.nan)
_OK, _LOW_SIGNAL, _BOUND = np.uint8(Status.OK), np.uint8(Status.LOW_SIGNAL), np.uint8(Status.AT_BOUND)
_UNSETTLED, _NONE = np.uint8(Status.NOT_CONVERGED), np.uint8(Status.NOT_FITTED)

_compiled = njit(cache=True, nogil=True, error_model="numpy")
_FOUR = ir.VectorType(ir.FloatType(), LANES)


@_compiled
def fit_free(signal, spans, first, stop, echoes, starts, grid, solution, model, spread, nodes, settings, maps, status):
    """M0, T2 and B1 of the voxels `first` to `stop`, B1 on either side of where its effect turns back.

    Parameters
    ----------
    signal : array, shape (echoes, voxels)
        Magnitudes of any number type.
    spans : integers, shape (sides, 2)
        First and last node of c on each side.
    first, stop : int
    echoes : tuple
        As long as there are echoes; its items are not read.
    starts : integers, shape (decays, bends, 2)
        The node to start from.
    grid : 32-bit floats, shape (3,)
        Steps of ln T2 and c between nodes, c of the first node.
    settings : 32-bit floats, shape (3,)
        Least SNR, lowest and highest T2 (ms) that pass unmarked.
    solution, model, spread, nodes : arrays
        `solution`, `model`, `spread` and `t2_ms` of an `epg_table.Table`, as `starts`; 32-bit floats.
    maps : 32-bit floats, shape (sides or 1, 5, voxels)
        Filled with T2 (ms), M0, SD of T2 (ms), root mean square of the residuals, c; where there is room for one side,
        of that which leaves the smaller residuals.
    status : 8-bit integers, shape (sides or 1, voxels)
        Filled with `Status`.
    """
    sides = len(spans)
    y, begin, total, node, place, rest = _workspace(model, sides)
    for start in range(first, stop, BLOCK):
        count = min(BLOCK, stop - start)
        _load(signal, start, count, echoes, starts, model.shape[3], y, begin, total)
        for side in range(sides):
            _settle(
                y,
                count,
                echoes,
                begin if side == 0 else node[side - 1],
                spans[side],
                grid,
                solution,
                model,
                spread,
                node[side],
                place[side],
                rest,
            )
            _square(y, count, echoes, model, node[side], place[side])
        if len(maps) < sides:
            _keep_better(node[0], place[0], node[1], place[1])
        for side in range(len(maps)):
            _write(
                start,
                count,
                total,
                len(echoes),
                3,
                grid,
                settings,
                model,
                spread,
                nodes,
                node[side],
                place[side],
                maps[side],
                status[side],
            )


@_compiled
def find_c(signal, spans, first, stop, echoes, starts, grid, solution, model, spread, nodes, c):
    """Only c, of each side, shape (sides, voxels), and NaN for no signal; parameters as in `fit_free`."""
    sides = len(spans)
    y, begin, total, node, place, rest = _workspace(model, sides)
    for start in range(first, stop, BLOCK):
        count = min(BLOCK, stop - start)
        _load(signal, start, count, echoes, starts, model.shape[3], y, begin, total)
        for side in range(sides):
            _settle(
                y,
                count,
                echoes,
                begin if side == 0 else node[side - 1],
                spans[side],
                grid,
                solution,
                model,
                spread,
                node[side],
                place[side],
                rest,
            )
            for v in range(count):
                gap = _F0 if total[v] > _F0 and total[v] - total[v] == _F0 else _NAN
                c[side, start + v] = grid[2] + np.float32(node[side, _J + v]) * grid[1] + place[side, _DC + v] + gap


@_compiled
def fit_held(signal, c, first, stop, echoes, starts, grid, solution, model, spread, nodes, settings, maps, status):
    """M0 and T2 at given B1; parameters as in `fit_free`, and `c`, shape (sides, voxels), where NaN leaves a voxel out."""
    sides = len(c)
    y, begin, total, node, place, rest = _workspace(model, sides)
    for start in range(first, stop, BLOCK):
        count = min(BLOCK, stop - start)
        _load(signal, start, count, echoes, starts, model.shape[3], y, begin, total)
        for side in range(sides):
            _settle_held(
                y,
                count,
                echoes,
                begin if side == 0 else node[side - 1],
                c[side, start : start + count],
                grid,
                solution,
                spread,
                node[side],
                place[side],
                rest,
            )
            _square(y, count, echoes, model, node[side], place[side])
            _write(
                start,
                count,
                total,
                len(echoes),
                2,
                grid,
                settings,
                model,
                spread,
                nodes,
                node[side],
                place[side],
                maps[side],
                status[side],
            )


@_compiled
def _workspace(model, sides):
    """Samples of a block, voxel after voxel; nodes to start from; sums of the samples; `node` and `place` of each side and
    of the voxels that go on.
    """
    y, begin = np.zeros(BLOCK * model.shape[3], np.float32), np.zeros(2 * BLOCK, np.int32)
    node, place = np.zeros((sides + 1, 9 * BLOCK), np.int32), np.zeros((sides + 1, 14 * BLOCK), np.float32)
    return y, begin, np.ones(BLOCK, np.float32), node, place, (node[sides], place[sides])


@_compiled
def _load(signal, start, count, echoes, starts, width, y, begin, total):
    """Copy the samples of a block and look up where to start, see `epg_table.Table.starts`."""
    over, under, bend = np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32)
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
                one = np.float32(source[v])
                over[v] += one * np.float32(after[v])
                under[v] += one * one
    one, two, three = (
        signal[0, start : start + count],
        signal[1, start : start + count],
        signal[2, start : start + count],
    )
    decays, bends = np.float32(starts.shape[0]), np.float32(starts.shape[1])
    for v in range(count):
        middle = np.float32(two[v])
        bend[v] = np.float32(one[v]) * np.float32(three[v]) / (middle * middle + _SMALL) * _HALF
        begin[v] = np.int32(_limited(over[v] / (under[v] + _SMALL)) * decays)
        begin[BLOCK + v] = np.int32(_limited(bend[v]) * bends)
    for v in range(count):
        row, column = begin[v], begin[BLOCK + v]
        begin[v], begin[BLOCK + v] = starts[row, column, 0], starts[row, column, 1]


@_compiled
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
    one = builder.insert_element(ir.Constant(_FOUR, ir.Undefined), value, ir.IntType(32)(0))
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
            sample = builder.load(builder.gep(samples, [ir.IntType(64)(n)]))
            coefficients = _four(builder, builder.gep(rows, [ir.IntType(64)(LANES * n)]))
            total = builder.fadd(total, builder.fmul(_all(builder, sample), coefficients))
        parts = [builder.extract_element(total, ir.IntType(32)(lane)) for lane in range(3)]
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
                _four(builder, builder.gep(rows, [ir.IntType(64)(part * width + n)])) for part in range(3)
            )
            change = builder.fadd(builder.fmul(by_t, slope_t), builder.fmul(by_c, slope_c))
            expected = builder.fmul(size, builder.fadd(course, change))
            residual = builder.fsub(_four(builder, builder.gep(samples, [ir.IntType(64)(n)])), expected)
            total = builder.fadd(total, builder.fmul(residual, residual))
        lanes = [builder.extract_element(total, ir.IntType(32)(lane)) for lane in range(LANES)]
        return builder.fadd(builder.fadd(lanes[0], lanes[1]), builder.fadd(lanes[2], lanes[3]))

    return types.float32(y, at, model, row, echoes, a, dt, dc), generate


@_compiled
def _square(y, count, echoes, model, node, place):
    """The sums of the squared residuals of a block."""
    width = model.shape[3]
    for v in range(BLOCK):
        row = (np.int64(node[v]) * model.shape[1] + np.int64(node[_J + v])) * (3 * width)
        place[_SQUARES + v] = _squares(y, v * width, model, row, echoes, place[_A + v], place[_DT + v], place[_DC + v])


@_compiled
def _settle(y, count, echoes, begin, span, grid, solution, model, spread, node, place, rest):
    """Bring the voxels of a block to their nodes on one side, and to the offsets from there."""
    last = solution.shape[0] - 1
    for v in range(count):
        j = np.int64(begin[_J + v])
        j = j if j <= span[1] else 2 * span[1] - j
        _begin(node, place, v, begin[v], min(max(j if j >= span[0] else 2 * span[0] - j, span[0]), span[1]), span)
    for step in range(COMMON_STEPS):
        if step > 0:
            _advance(node)
        _project(y, count, echoes, solution, spread, node, place)
        _step(count, False, grid, span, last, node, place)
    left = _pick_out(count, node, place, rest)
    for steps in (STEPS, SEARCHED_STEPS):
        for _ in range(steps):
            if left == 0:
                return
            _project(y, left, echoes, solution, spread, *rest)
            _step(left, True, grid, span, last, *rest)
            left = _sort_out(left, node, place, *rest)
        left = _search_again(y, left, echoes, grid, model, span, node, place, *rest)


@_compiled
def _settle_held(y, count, echoes, begin, c, grid, solution, spread, node, place, rest):
    """As `_settle` where B1 is given."""
    last = solution.shape[1] - 1
    for v in range(count):
        j = (c[v] - grid[2]) / grid[1] + _HALF
        j = min(np.int64(j), last) if j > _F0 else 0
        _begin(node, place, v, begin[v], j, (0, last))
        place[_DC + v] = c[v] - (grid[2] + np.float32(j) * grid[1])
    for step in range(COMMON_STEPS):
        if step > 0:
            _advance(node)
        _project(y, count, echoes, solution, spread, node, place)
        _step_held(count, grid, solution.shape[0] - 1, node, place)
    left = _pick_out(count, node, place, rest)
    for _ in range(SEARCHED_STEPS):
        if left == 0:
            return
        _project(y, left, echoes, solution, spread, *rest)
        _step_held(left, grid, solution.shape[0] - 1, *rest)
        left = _sort_out(left, node, place, *rest)


@_compiled
def _begin(node, place, v, i, j, span):
    """Let a voxel start from a node."""
    node[_VOXEL + v], node[_I + v], node[_J + v] = v, i, j
    node[_LOW + v], node[_HIGH + v] = span[0], span[1]
    place[_UP + v], place[_DOWN + v] = _F0, _F0


@_compiled
def _advance(node):
    """Let all voxels go to their next node: hardly one settles with the first step."""
    for v in range(2 * BLOCK):
        node[_I + v] = node[_TO_I + v]


@_compiled
def _project(y, left, echoes, solution, spread, node, place):
    """The least-squares solutions at the nodes."""
    width = len(y) // BLOCK
    for v in range(left):
        i, j = np.int64(node[_I + v]), np.int64(node[_J + v])
        row = (i * solution.shape[1] + j) * (LANES * len(echoes))
        a, by_t, by_c = _inner(y, np.int64(node[_VOXEL + v]) * width, solution, row, echoes)
        place[_BY_A + v], place[_BY_T + v], place[_BY_C + v] = a, by_t, by_c
        place[_TO_A + v], place[_TO_T + v] = spread[i, j, 2], spread[i, j, 3]


@_compiled
def _step(left, bracketing, grid, span, last, node, place):
    """From the solutions to amplitudes, offsets and the nodes to go to.

    Near the turning B1 its derivative is small, and steps in c go too far and back. Nodes from which they point up and
    down bracket c, and the next one is where a straight line through both steps vanishes; so is c between neighbours.
    """
    first_j, last_j = np.int32(span[0]), np.int32(span[1])
    for v in range(-(-left // _VECTOR) * _VECTOR):
        i, j, low, high = node[_I + v], node[_J + v], node[_LOW + v], node[_HIGH + v]
        a, by_c, up, down = place[_BY_A + v], place[_BY_C + v], place[_UP + v], place[_DOWN + v]
        at_end = ((j == first_j) & (by_c < _F0)) | ((j == last_j) & (by_c > _F0))
        dc = _F0 if at_end else by_c / (a if a > _SMALL else _SMALL)
        rising, falling = bracketing & (dc > _F0), bracketing & (dc < _F0)
        low, up = j if rising else low, dc if rising else up
        high, down = j if falling else high, dc if falling else down
        enclosed = (up > _F0) & (down < _F0)
        between = enclosed & (high - low <= np.int32(1))
        crossing = np.float32(low - j) + np.float32(high - low) * up / (up - down)
        dc = crossing * grid[1] if between else dc
        held_a, held_dt = _hold(a, place[_BY_T + v], by_c, place[_TO_A + v], place[_TO_T + v], dc)
        fixed = at_end | between
        free_a = a if a > _SMALL else _SMALL
        a = held_a if fixed else free_a
        dt = held_dt if fixed else place[_BY_T + v] / free_a
        to_i = _towards(i, dt / grid[0], np.int32(0), np.int32(last))
        inner_low, inner_high = low + np.int32(enclosed), high - np.int32(enclosed)
        to_j = _towards(j, crossing if enclosed else dc / grid[1], inner_low, inner_high)
        to_j = j if between else to_j
        near = (abs(dt) <= grid[0]) & (abs(dc) <= grid[3])
        node[_LOW + v], node[_HIGH + v], place[_UP + v], place[_DOWN + v] = low, high, up, down
        node[_TO_I + v], node[_TO_J + v] = to_i, to_j
        node[_HELD + v] = np.int32(at_end)
        node[_SETTLED + v] = np.int32(near | ((to_i == i) & (to_j == j)))
        place[_A + v], place[_DT + v], place[_DC + v] = a, dt, dc


@_compiled
def _step_held(left, grid, last, node, place):
    """As `_step` where B1 is given."""
    for v in range(-(-left // _VECTOR) * _VECTOR):
        i = node[_I + v]
        a, dt = _hold(
            place[_BY_A + v], place[_BY_T + v], place[_BY_C + v], place[_TO_A + v], place[_TO_T + v], place[_DC + v]
        )
        to_i = _towards(i, dt / grid[0], np.int32(0), np.int32(last))
        node[_TO_I + v], node[_TO_J + v], node[_HELD + v] = to_i, node[_J + v], np.int32(1)
        node[_SETTLED + v] = np.int32((abs(dt) <= grid[0]) | (to_i == i))
        place[_A + v], place[_DT + v] = a, dt


@_compiled
def _hold(a, by_t, by_c, to_a, to_t, dc):
    """Amplitude and offset in ln T2 for a given offset in c: what c may not take up looks like a and ln T2."""
    a = (a + by_c * to_a) / (_F1 + dc * to_a)
    a = a if a > _SMALL else _SMALL
    return a, (by_t + by_c * to_t) / a - dc * to_t


@_compiled
def _towards(node, distance, first, last):
    """The node nearest to a distance from this one, at most `REACH` away and between two."""
    distance = distance if distance > -_REACH else -_REACH
    distance = distance if distance < _REACH else _REACH
    # a half before the cut rounds, a whole number keeps the cut from going towards zero
    to = node + (np.int32(distance + _ROUND) - _WHOLE)
    to = to if to > first else first
    return to if to < last else last


@_compiled
def _pick_out(count, node, place, rest):
    """The voxels that have not settled; how many these are."""
    onward, offsets = rest
    left = 0
    for v in range(count):
        onward[_VOXEL + left] = v
        left += 1 - node[_SETTLED + v]
    for k in range(left):
        v = np.int64(onward[_VOXEL + k])
        onward[_I + k], onward[_J + k] = node[_TO_I + v], node[_TO_J + v]
        onward[_LOW + k], onward[_HIGH + k] = node[_LOW + v], node[_HIGH + v]
        offsets[_DC + k], offsets[_UP + k], offsets[_DOWN + k] = place[_DC + v], _F0, _F0
    return left


@_compiled
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


@_compiled
def _search_again(y, left, echoes, grid, model, span, node, place, onward, offsets):
    """Send the voxels that wander to the best node of a search; how many these are."""
    kept = 0
    for k in range(left):
        v = np.int64(onward[_VOXEL + k])
        # two neighbouring nodes may send the fit to each other: either is good
        if abs(place[_DT + v]) <= grid[0] and abs(place[_DC + v]) <= grid[1]:
            node[_SETTLED + v] = 1
            continue
        i, j = _search(y, v, echoes, model, span)
        _begin(onward, offsets, kept, i, j, span)
        onward[_VOXEL + kept] = v
        kept += 1
    return kept


@_compiled
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


@_compiled
def _keep_better(node, place, other_node, other_place):
    """Take a voxel from the other side where its residuals are smaller."""
    for v in range(BLOCK):
        better = other_place[_SQUARES + v] < place[_SQUARES + v]
        for row in (_I, _J, _HELD, _SETTLED):
            node[row + v] = other_node[row + v] if better else node[row + v]
        for row in (_A, _DT, _DC, _SQUARES):
            place[row + v] = other_place[row + v] if better else place[row + v]


@_compiled
def _write(start, count, total, echoes, unknowns, grid, settings, model, spread, nodes, node, place, maps, status):
    """Maps and status of a block."""
    for v in range(count):
        i, j = np.int64(node[_I + v]), np.int64(node[_J + v])
        place[_T2 + v], place[_FIRST + v] = nodes[i], model[i, j, 0, 0]
        place[_SPREAD + v] = spread[i, j, np.int64(node[_HELD + v])]
    last = np.int32(nodes.size - 1)
    freedom, count_f = np.float32(echoes - unknowns), np.float32(echoes)
    for v in range(-(-count // _VECTOR) * _VECTOR):
        i, a, dt, dc, squares = node[_I + v], place[_A + v], place[_DT + v], place[_DC + v], place[_SQUARES + v]
        usable = (total[v] > _F0) & (total[v] - total[v] == _F0) & (dc == dc)
        outside = ((i == 0) & (dt < -grid[0])) | ((i == last) & (dt > grid[0])) | (a <= _SMALL)
        gap = _F0 if usable & ~outside else _NAN
        noise = squares / freedom
        # exp(dt), which is at most a step
        t2 = place[_T2 + v] * (_F1 + dt * (_F1 + dt * (_HALF + dt * np.float32(1 / 6)))) + gap
        level = a * place[_FIRST + v]
        code = _OK if node[_SETTLED + v] else _UNSETTLED
        code = code if (t2 >= settings[1]) & (t2 <= settings[2]) else _BOUND
        code = code if level * level >= settings[0] * settings[0] * noise else _LOW_SIGNAL
        node[_TO_I + v] = code if usable else _NONE
        place[_BY_A + v] = t2
        place[_BY_T + v] = a + gap
        place[_BY_C + v] = t2 * np.sqrt(noise * place[_SPREAD + v]) / a
        place[_TO_A + v] = np.sqrt(squares / count_f) + gap
        place[_TO_T + v] = grid[2] + np.float32(node[_J + v]) * grid[1] + dc + gap
    for number in range(5):
        for v in range(count):
            maps[number, start + v] = place[_BY_A + number * BLOCK + v]
    for v in range(count):
        status[start + v] = node[_TO_I + v]
