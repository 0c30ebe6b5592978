"""Which readout is which line: the table of a scan sorted into slices, echoes and lines, and checked."""

from __future__ import annotations

import numpy as np

from myot2.reconstruct.readouts import Encoding, Readouts

_ONE_SCAN = "Convert one measurement only, or say which with the option for repetitions."


def imaging_rows(readouts: Readouts, repetition: int | None = None) -> np.ndarray:
    """The imaging readouts, `line` counted from the first row of the matrix (centre at rows // 2), in file order.

    Raises
    ------
    MyoT2Error
        There are none; they belong to more than one repetition, set, cardiac phase or partition; they differ in coils,
        samples, dwell time or encoding; or one has no samples or an index outside the matrix.
    """
    rows = readouts.table[readouts.table["imaging"]]
    if repetition is not None:
        rows = rows[rows["repetition"] == repetition]
    if not len(rows):
        found = "none" if repetition is None else f"none of repetition {repetition}"
        raise readouts.refuse(None, expected="imaging readouts", found=found, do="Convert the multi-echo scan itself.")
    _require_samples(readouts, rows)
    for what in ("repetition", "set", "phase", "partition"):
        _require_alike(readouts, rows, (what,), f"readouts of one {what}", _ONE_SCAN)
    _require_alike(readouts, rows, ("coils",), "all readouts with the same coils", "Convert again; a coil was lost.")
    forward, backward = rows[~rows["reverse"]], rows[rows["reverse"]]
    for same in (forward, backward):
        kind = ("samples", "centre", "first", "last")
        _require_alike(readouts, same, kind, "readouts of one length", "Convert again; readouts must not differ.")
    shape = ("samples", "dwell_us", "encoding")
    _require_alike(readouts, rows, shape, "readouts of one length, dwell time and encoding", _ONE_SCAN)
    return _within(readouts, rows, encoding_of(readouts, rows[0]))


def calibration_rows(readouts: Readouts, imaging: np.ndarray) -> np.ndarray:
    """The calibration readouts, lines as in `imaging_rows`; of an echo each, the one with most lines of a slice.

    Where none is flagged, the widest run of neighbouring lines about the centre among the imaging readouts serves.

    Raises
    ------
    MyoT2Error
        As `imaging_rows`; a slice has no calibration; or that of a slice lies elsewhere than the slice.
    """
    rows = readouts.table[readouts.table["calibration"]]
    if len(rows):
        _require_samples(readouts, rows)
        other = rows[rows["coils"] != imaging["coils"][0]]
        for row in other:
            found = f"{row['coils']} of a calibration readout"
            do = "Convert again; image and calibration need the same coils."
            raise readouts.refuse(row, expected=f"{imaging['coils'][0]} coils, as imaging has", found=found, do=do)
        kinds = [rows[rows["encoding"] == encoding] for encoding in np.unique(rows["encoding"])]
        rows = np.concatenate([_within(readouts, kind, encoding_of(readouts, kind[0])) for kind in kinds])
    else:
        rows = imaging
    return np.concatenate([_of_slice(readouts, rows, imaging, index) for index in np.unique(imaging["slice"])])


def encoding_of(readouts: Readouts, row: np.void) -> Encoding:
    """The encoding that a readout refers to."""
    index, count = int(row["encoding"]), len(readouts.header.encodings)
    if index >= count:
        expected = f"one of the {count} encodings of the header"
        do = "Convert again; header and data do not match."
        raise readouts.refuse(row, expected=expected, found=f"encoding_space_ref {index}", do=do)
    return readouts.header.encodings[index]


def run_about(lines: np.ndarray, centre: int) -> tuple[int, int]:
    """First line, and one past the last, of the widest gapless run whose middle (size // 2) is the centre."""
    sampled = set(lines.tolist())
    if centre not in sampled:
        return centre, centre
    before = after = 0
    while centre - before - 1 in sampled:
        before += 1
    while centre + after + 1 in sampled:
        after += 1
    even, odd = min(before, after + 1), min(before, after)
    return (centre - even, centre + even) if 2 * even > 2 * odd + 1 else (centre - odd, centre + odd + 1)


def require_distinct(readouts: Readouts, rows: np.ndarray) -> None:
    """Raise `MyoT2Error` where a line is there twice and no average index tells the two apart."""
    keys = np.stack([rows[name] for name in ("slice", "echo", "line", "average")], axis=1)
    _, first, count = np.unique(keys, axis=0, return_index=True, return_counts=True)
    if (count > 1).any():
        twice = keys[first[count > 1][0]]
        again = np.flatnonzero((keys == twice).all(axis=1))[:2]
        raise readouts.refuse(
            rows[again[1]],
            expected="each line once, or repeats with an average index of their own",
            found=f"the line of acquisition {rows[again[0]]['number']} again",
            do="Number the averages when converting, or leave one of the two out.",
        )


def require_all_echoes(readouts: Readouts, rows: np.ndarray, echoes: int) -> None:
    """Raise `MyoT2Error` where a slice lacks an echo, or one is beyond their number."""
    beyond = rows[rows["echo"] >= echoes]
    for row in beyond:
        found = f"echo {row['echo']} (counted from 0)"
        do = "Correct encodingLimits/contrast in the header, or give the echo times."
        raise readouts.refuse(row, expected=f"{echoes} echoes, as the header says", found=found, do=do)
    for index in np.unique(rows["slice"]):
        of_slice = rows[rows["slice"] == index]
        missing = sorted(set(range(echoes)) - set(of_slice["echo"].tolist()))
        if missing:
            raise readouts.refuse(
                of_slice[0],
                expected=f"{echoes} echoes in every slice",
                found=f"slice {index} without any line of echo {', '.join(map(str, missing))} (counted from 0)",
                do="The file ends too early, or was converted in part: convert it again.",
            )


def require_all_slices(readouts: Readouts, rows: np.ndarray) -> None:
    """Raise `MyoT2Error` where a slice that the header counts has no readout."""
    expected = readouts.header.slices or int(rows["slice"].max()) + 1
    missing = sorted(set(range(expected)) - set(rows["slice"].tolist()))
    if missing or rows["slice"].max() >= expected:
        found = f"none of slice {missing[0]} (counted from 0)" if missing else f"slice {rows['slice'].max()}"
        do = "The file ends too early, or was converted in part: convert it again."
        raise readouts.refuse(rows[-1], expected=f"readouts of {expected} slices, as counted", found=found, do=do)


def require_all_lines(readouts: Readouts, rows: np.ndarray) -> None:
    """Raise `MyoT2Error` where lines are missing that the other slices have, or that an otherwise even pattern has.

    In a scan of one slice a gap within an echo tells: in all other echoes the widest gap is one and the same, and in
    this one wider. Which lines of an irregular pattern are missing cannot be told.
    """
    slices = np.unique(rows["slice"])
    for echo in np.unique(rows["echo"]):
        of_echo = rows[rows["echo"] == echo]
        lines = {int(index): set(of_echo["line"][of_echo["slice"] == index].tolist()) for index in slices}
        usual = set.union(*lines.values())
        for index, found in lines.items():
            if found != usual:
                row = of_echo[of_echo["slice"] == index][0]
                raise _missing(readouts, row, f"the {len(usual)} lines that other slices have", usual - found)
    one = rows[rows["slice"] == slices[0]]
    sampled = [np.unique(one["line"][one["echo"] == echo]) for echo in np.unique(one["echo"])]
    widest = np.array([np.diff(lines).max() if len(lines) > 1 else 0 for lines in sampled])
    usual_gap = int(np.median(widest))
    if len(widest) > 2 and (widest > usual_gap).sum() == 1 and (widest == usual_gap).sum() == len(widest) - 1:
        echo = int(widest.argmax())
        here = int(np.diff(sampled[echo]).argmax())
        before, after = sampled[echo][here : here + 2]
        row = one[one["echo"] == np.unique(one["echo"])[echo]][0]
        expected = f"lines at most {usual_gap} apart, as in all other echoes"
        raise _missing(readouts, row, expected, set(range(before + usual_gap, after, usual_gap)))


def _missing(readouts: Readouts, row: np.void, expected: str, missing: set[int]):
    said = ", ".join(str(line) for line in sorted(missing)[:8]) + (" ..." if len(missing) > 8 else "")
    return readouts.refuse(
        row,
        expected=expected,
        found=f"none of row {said} of the matrix in slice {row['slice']}, echo {row['echo']}",
        do="The file was cut short or converted in part: convert it again, or allow missing lines.",
    )


def _of_slice(readouts: Readouts, rows: np.ndarray, imaging: np.ndarray, index: int) -> np.ndarray:
    of_slice = rows[rows["slice"] == index]
    image = imaging[imaging["slice"] == index][0]
    if not len(of_slice):
        raise readouts.refuse(
            image,
            expected="calibration readouts of every slice",
            found=f"none of slice {index}",
            do="Convert the reference scan too (all measurements of the file).",
        )
    away = np.abs(of_slice["position"] - image["position"]).max(axis=1)
    if away.max() > 1.0:
        row = of_slice[int(away.argmax())]
        found = f"{away.max():.1f} mm from the slice of the image"
        do = "Slices are mixed up between scan and reference: convert the two of one measurement."
        raise readouts.refuse(row, expected="calibration where the slice is", found=found, do=do)
    best, width = of_slice[:0], 0
    for kind in np.unique(of_slice[["encoding", "echo"]]):
        some = of_slice[of_slice[["encoding", "echo"]] == kind]
        first, end = run_about(some["line"], encoding_of(readouts, some[0]).rows // 2)
        if end - first > width:
            best, width = some[(some["line"] >= first) & (some["line"] < end)], end - first
    if width < FEWEST_CALIBRATION_LINES:
        raise readouts.refuse(
            of_slice[0] if len(of_slice) else image,
            expected=f"at least {FEWEST_CALIBRATION_LINES} neighbouring calibration lines about the centre",
            found=f"{width or 'none'} in slice {index}",
            do="Convert the reference scan too (all measurements of the file), or scan with more reference lines.",
        )
    return best


FEWEST_CALIBRATION_LINES = 12
"""Twice the kernel of the coil maps."""


def _within(readouts: Readouts, rows: np.ndarray, encoding: Encoding) -> np.ndarray:
    shifted = rows.copy()
    shifted["line"] += encoding.rows // 2 - encoding.centre_line
    outside = (shifted["line"] < 0) | (shifted["line"] >= encoding.rows)
    if outside.any():
        row = rows[int(outside.argmax())]
        raise readouts.refuse(
            row,
            expected=f"a line within the {encoding.rows} of the matrix, whose centre is line {encoding.centre_line}",
            found=f"line {row['line']}",
            do="Correct encodedSpace and encodingLimits in the header, or convert again.",
        )
    return shifted


def _require_samples(readouts: Readouts, rows: np.ndarray) -> None:
    empty = (rows["samples"] < 1) | (rows["coils"] < 1) | (rows["last"] - rows["first"] < 1)
    if empty.any():
        row = rows[int(empty.argmax())]
        found = f"{row['samples']} samples of {row['coils']} coils, {row['last'] - row['first']} of them of use"
        raise readouts.refuse(row, expected="samples", found=found, do="Convert the scanner's file again.")
    off = (rows["centre"] < rows["first"]) | (rows["centre"] >= rows["last"])
    if off.any():
        row = rows[int(off.argmax())]
        found = f"center_sample {row['centre']} of {row['samples']}"
        do = "Convert again, with the centre of the readout."
        raise readouts.refuse(row, expected="the centre of k-space within the readout", found=found, do=do)


def _require_alike(readouts: Readouts, rows: np.ndarray, names: tuple[str, ...], expected: str, do: str) -> None:
    for name in names if len(rows) else ():
        # the odd one out is the one to name, whether or not it comes first
        values, counts = np.unique(rows[name], return_counts=True)
        if len(values) > 1:
            usual = values[counts.argmax()]
            row = rows[rows[name] != usual][0]
            raise readouts.refuse(
                row, expected=expected, found=f"{name} {row[name]:g} here, {usual:g} elsewhere", do=do
            )
