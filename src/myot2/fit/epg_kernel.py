"""The compiled phase-graph fit: Gauss-Newton steps from node to node of a table.

At a node, three inner products of the samples with stored rows give amplitude and the offsets in ln T2 and in the
coordinate c of B1 (see `epg_table`). The fit goes to the node nearest to that point until it lies close by; the last
offsets are the interpolation between nodes. All voxels of a block take the first steps one after the other, which bring
nearly all of them home; the others go on alone, and those that wander start again from the best node of a coarse search.

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

BLOCK = 128
"""Voxels worked on at a time."""

LANES = 4
"""Numbers in a vector: every processor has them. Samples and models are filled up with zeros to a multiple."""

STEPS_FIRST, STEPS_SECOND, STEPS_HELD = 3, 3, 2
STEPS = 10
SEARCHED_STEPS = 20
COARSE = (4, 6)
"""Every how many nodes of T2 and c the search looks."""

REACH = 8
"""Nodes that one step may go."""

# Where the rows of a block begin in `node` (nodes of T2 and c, B1 held, settled) and `place` (amplitude, offsets in
# ln T2 and c, sum of the squared residuals).
_J, _HELD, _SETTLED = BLOCK, 2 * BLOCK, 3 * BLOCK
_DT, _DC, _SQUARES = BLOCK, 2 * BLOCK, 3 * BLOCK

_F0, _F1, _HALF = np.float32(0), np.float32(1), np.float32(0.5)
_SMALL = np.float32(1e-30)
_REACH = np.float32(REACH)
_NAN = np.float32(np.nan)
_OK, _LOW, _BOUND = np.uint8(Status.OK), np.uint8(Status.LOW_SIGNAL), np.uint8(Status.AT_BOUND)
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
    y, begin, total, node, place = _workspace(signal, echoes, model, sides)
    solved = np.empty(5 * BLOCK, np.float32)
    for start in range(first, stop, BLOCK):
        count = min(BLOCK, stop - start)
        _load(signal, start, count, echoes, starts, model.shape[3], y, begin, total)
        for side in range(sides):
            _settle_free(
                y, count, echoes, STEPS_FIRST if side == 0 else STEPS_SECOND, begin if side == 0 else node[side - 1], spans[side], grid, solution, model, spread, solved, node[side], place[side]
            )
            _square(y, echoes, model, node[side], place[side])
        best = len(maps) < sides
        for side in range(len(maps)):
            _write(
                start, count, total, best, len(echoes) - 3, grid, settings, model, spread, nodes, node, place,
                side, maps[side], status[side], echoes,
            )


@_compiled
def find_c(signal, spans, first, stop, echoes, starts, grid, solution, model, spread, nodes, c):
    """Only c, of each side, shape (sides, voxels), and NaN for no signal; parameters as in `fit_free`."""
    sides = len(spans)
    y, begin, total, node, place = _workspace(signal, echoes, model, sides)
    solved = np.empty(5 * BLOCK, np.float32)
    for start in range(first, stop, BLOCK):
        count = min(BLOCK, stop - start)
        _load(signal, start, count, echoes, starts, model.shape[3], y, begin, total)
        for side in range(sides):
            _settle_free(
                y, count, echoes, STEPS_FIRST if side == 0 else STEPS_SECOND, begin if side == 0 else node[side - 1], spans[side], grid, solution, model, spread, solved, node[side], place[side]
            )
            for v in range(count):
                usable = total[v] > _F0 and total[v] - total[v] == _F0
                value = grid[2] + np.float32(node[side, _J + v]) * grid[1] + place[side, _DC + v]
                c[side, start + v] = value if usable else _NAN


@_compiled
def fit_held(signal, c, first, stop, echoes, starts, grid, solution, model, spread, nodes, settings, maps, status):
    """M0 and T2 at given B1; parameters as in `fit_free`, and `c`, shape (sides, voxels), where NaN leaves a voxel out."""
    sides = len(c)
    y, begin, total, node, place = _workspace(signal, echoes, model, sides)
    solved = np.empty(5 * BLOCK, np.float32)
    for start in range(first, stop, BLOCK):
        count = min(BLOCK, stop - start)
        _load(signal, start, count, echoes, starts, model.shape[3], y, begin, total)
        for side in range(sides):
            _settle_held(
                y, count, echoes, begin, c[side, start : start + count], grid, solution, spread, solved, node[side],
                place[side],
            )
            _square(y, echoes, model, node[side], place[side])
            _write(
                start, count, total, False, len(echoes) - 2, grid, settings, model, spread, nodes, node, place,
                side, maps[side], status[side], echoes,
            )


@_compiled
def _workspace(signal, echoes, model, sides):
    """Samples of a block, voxel after voxel; nodes to start from; sums of the samples; `node` and `place` of each side."""
    y, begin = np.zeros(BLOCK * model.shape[3], np.float32), np.zeros(2 * BLOCK, np.int32)
    node, place = np.zeros((sides, 4 * BLOCK), np.int32), np.zeros((sides, 4 * BLOCK), np.float32)
    return y, begin, np.ones(BLOCK, np.float32), node, place


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
    one, two, three = signal[0, start : start + count], signal[1, start : start + count], signal[2, start : start + count]
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
def _project(y, v, echoes, solution, i, j):
    """The least-squares solution at a node: a, a dlnT2 and a dc."""
    width = len(y) // BLOCK
    return _inner(y, v * width, solution, (i * solution.shape[1] + j) * (LANES * len(echoes)), echoes)


@_compiled
def _square(y, echoes, model, node, place):
    """The sums of the squared residuals of a block."""
    width = model.shape[3]
    for v in range(BLOCK):
        row = (np.int64(node[v]) * model.shape[1] + np.int64(node[_J + v])) * (3 * width)
        place[_SQUARES + v] = _squares(y, v * width, model, row, echoes, place[v], place[_DT + v], place[_DC + v])


@_compiled
def _settle_free(y, count, echoes, steps, begin, span, grid, solution, model, spread, solved, node, place):
    """Bring a block to the nodes of its voxels on one side, and to the offsets from there."""
    for v in range(BLOCK):
        j = np.int64(begin[BLOCK + v])
        j = j if j <= span[1] else 2 * span[1] - j
        node[v], node[_J + v] = begin[v], min(max(j if j >= span[0] else 2 * span[0] - j, span[0]), span[1])
    for _ in range(steps):
        _project_block(y, echoes, solution, spread, node, solved)
        _move_block(grid, span, solution.shape[0] - 1, node, solved, place)
    for v in range(count):
        if not node[_SETTLED + v]:
            _go_on(y, v, echoes, grid, solution, model, spread, span, node, place)


@_compiled
def _settle_held(y, count, echoes, begin, c, grid, solution, spread, solved, node, place):
    """As `_settle_free` where B1 is given."""
    for v in range(BLOCK):
        given = c[v] if v < count else grid[2]
        j = (given - grid[2]) / grid[1] + _HALF
        j = min(np.int64(j), solution.shape[1] - 1) if j > _F0 else 0
        node[v], node[_J + v], node[_HELD + v] = begin[v], j, 1
        place[_DC + v] = given - (grid[2] + np.float32(j) * grid[1])
    for _ in range(STEPS_HELD):
        _project_block(y, echoes, solution, spread, node, solved)
        _move_held_block(grid, solution.shape[0] - 1, node, solved, place)
    for v in range(count):
        if not node[_SETTLED + v]:
            _go_on_held(y, v, echoes, grid, solution, spread, node, place)


@_compiled
def _evaluate(y, v, echoes, solution, spread, span, i, j):
    """Amplitude and offsets in ln T2 and c from a node, and whether B1 is held at an end of its side."""
    a, by_t, by_c = _project(y, v, echoes, solution, i, j)
    held = ((j == span[0]) & (by_c < _F0)) | ((j == span[1]) & (by_c > _F0))
    kept = by_c if held else _F0
    a += kept * spread[i, j, 2]
    a = a if a > _SMALL else _SMALL
    return a, (by_t + kept * spread[i, j, 3]) / a, (by_c - kept) / a, held


@_compiled
def _project_block(y, echoes, solution, spread, node, solved):
    """The solutions at the nodes of a block, and what an offset in c that B1 may not take up would add to them."""
    for v in range(BLOCK):
        i, j = np.int64(node[v]), np.int64(node[_J + v])
        a, by_t, by_c = _project(y, v, echoes, solution, i, j)
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
        near = (abs(far_i) <= _F1) & (abs(far_j) <= grid[3])
        far_i = far_i if far_i > -_REACH else -_REACH
        far_i = far_i if far_i < _REACH else _REACH
        far_j = far_j if far_j > -_REACH else -_REACH
        far_j = far_j if far_j < _REACH else _REACH
        to_i, to_j = i + (np.int32(far_i + shift) - whole), j + (np.int32(far_j + shift) - whole)
        to_i = to_i if to_i > ends[0] else ends[0]
        to_i = to_i if to_i < tops[0] else tops[0]
        to_j = to_j if to_j > ends[1] else ends[1]
        to_j = to_j if to_j < tops[1] else tops[1]
        settled = near | ((to_i == i) & (to_j == j))
        node[_SETTLED + v] = np.int32(settled)
        node[_HELD + v] = np.int32(held)
        node[v], node[_J + v] = i if settled else to_i, j if settled else to_j
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
        near = abs(far) <= _F1
        far = far if far > -_REACH else -_REACH
        far = far if far < _REACH else _REACH
        to = i + (np.int32(far + shift) - whole)
        to = to if to > np.int32(0) else np.int32(0)
        to = to if to < last else last
        settled = near | (to == i)
        node[_SETTLED + v] = np.int32(settled)
        node[v], place[v], place[_DT + v] = i if settled else to, a, dt


@_compiled
def _go_on(y, v, echoes, grid, solution, model, spread, span, node, place):
    """Fit one voxel from the node that it has come to, and if need be from the best node of a search.

    Near the turning B1 its derivative is small, and steps in c go too far and back. Nodes from which they point up and
    down bracket c, and the next one is where a straight line through both steps vanishes; so is c between neighbours.
    """
    i, j = np.int64(node[v]), np.int64(node[_J + v])
    for steps in (STEPS, SEARCHED_STEPS):
        low, high, up, down = span[0], span[1], _F0, _F0
        for _ in range(steps):
            a, dt, dc, held = _evaluate(y, v, echoes, solution, spread, span, i, j)
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
                    a, dt = _evaluate_held(y, v, echoes, solution, spread, i, j, dc)
            node[v], node[_J + v], node[_HELD + v] = i, j, held
            place[v], place[_DT + v], place[_DC + v] = a, dt, dc
            near = abs(dt) <= grid[0] and abs(dc) <= grid[3] * grid[1]
            i, j = _towards(i, dt / grid[0], 0, solution.shape[0] - 1), to_j
            if near or (i == node[v] and j == node[_J + v]):
                node[_SETTLED + v] = 1
                return
        # two neighbouring nodes may send the fit to each other: either is good
        if abs(dt) <= grid[0] and abs(dc) <= grid[1]:
            node[_SETTLED + v] = 1
            return
        i, j = _search(y, v, echoes, model, span)


@_compiled
def _evaluate_held(y, v, echoes, solution, spread, i, j, dc):
    """Amplitude and offset in ln T2 from a node, B1 being held at an offset in c from it."""
    a, by_t, by_c = _project(y, v, echoes, solution, i, j)
    # what c may not take up looks like a and ln T2, by the shares that belong to the node
    a = (a + by_c * spread[i, j, 2]) / (_F1 + dc * spread[i, j, 2])
    a = a if a > _SMALL else _SMALL
    return a, (by_t + by_c * spread[i, j, 3]) / a - dc * spread[i, j, 3]


@_compiled
def _go_on_held(y, v, echoes, grid, solution, spread, node, place):
    """Fit one voxel with B1 given from the node that it has come to."""
    i, j, dc = np.int64(node[v]), np.int64(node[_J + v]), place[_DC + v]
    for _ in range(SEARCHED_STEPS):
        a, dt = _evaluate_held(y, v, echoes, solution, spread, i, j, dc)
        node[v], place[v], place[_DT + v] = i, a, dt
        i = _towards(i, dt / grid[0], 0, solution.shape[0] - 1)
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
def _write(
    start, count, total, best, freedom, grid, settings, model, spread, nodes, node, place, side, maps, status, echoes
):
    """Maps and status of a block on one side, or voxel by voxel on the better one."""
    for v in range(count):
        s = side
        if best and place[1, _SQUARES + v] < place[0, _SQUARES + v]:
            s = 1
        i, j, held, settled = np.int64(node[s, v]), np.int64(node[s, _J + v]), node[s, _HELD + v], node[s, _SETTLED + v]
        a, dt, dc, squares = place[s, v], place[s, _DT + v], place[s, _DC + v], place[s, _SQUARES + v]
        usable = total[v] > _F0 and total[v] - total[v] == _F0 and dc == dc
        outside = (i == 0 and dt < -grid[0]) or (i == nodes.size - 1 and dt > grid[0]) or a <= _SMALL
        gap = _F0 if usable and not outside else _NAN
        noise = squares / np.float32(freedom)
        # exp(dt), which is at most a step
        t2 = nodes[i] * (_F1 + dt * (_F1 + dt * (_HALF + dt * np.float32(1 / 6)))) + gap
        maps[0, start + v] = t2
        maps[1, start + v] = a + gap
        maps[2, start + v] = t2 * np.sqrt(noise * spread[i, j, 1 if held else 0]) / a
        maps[3, start + v] = np.sqrt(squares / np.float32(len(echoes))) + gap
        maps[4, start + v] = grid[2] + np.float32(j) * grid[1] + dc + gap
        level = a * model[i, j, 0, 0]
        code = _OK if settled else _UNSETTLED
        code = code if t2 >= settings[1] and t2 <= settings[2] else _BOUND
        code = code if level * level >= settings[0] * settings[0] * noise else _LOW
        status[start + v] = code if usable else _NONE
