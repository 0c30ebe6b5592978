"""From readouts to columns of the image: asymmetric echoes placed, the readout transformed, oversampling cropped."""

from __future__ import annotations

import numpy as np

from myot2.reconstruct.raw import to_image
from myot2.reconstruct.readouts import Encoding, Readouts


def placed(readouts: Readouts, row: np.void, values: np.ndarray, encoding: Encoding) -> np.ndarray:
    """Readouts like `row` in the encoded matrix: turned where reversed, the echo's centre at columns // 2.

    Samples that an asymmetric echo lacks are 0, and the others larger by the root of columns over samples, so that
    noise keeps its SD in the image (neighbouring columns are then correlated).

    Parameters
    ----------
    readouts : Readouts
    row : np.void
    values : np.ndarray
        Complex64, shape (readouts, coils, samples).
    encoding : Encoding

    Raises
    ------
    MyoT2Error
        The samples do not fit into the encoded matrix.
    """
    first, last, centre = int(row["first"]), int(row["last"]), int(row["centre"])
    used = values[:, :, first:last]
    before = centre - first
    if row["reverse"]:
        used, before = used[:, :, ::-1], last - 1 - centre
    start = encoding.columns // 2 - before
    if start < 0 or start + used.shape[2] > encoding.columns:
        raise readouts.refuse(
            row,
            expected=f"a readout that fits into {encoding.columns} encoded columns, its centre in their middle",
            found=f"{used.shape[2]} samples with the centre at sample {before}"
            + (" once turned" if row["reverse"] else ""),
            do="Correct encodedSpace, center_sample or the length of the readout.",
        )
    result = np.zeros((*used.shape[:2], encoding.columns), np.complex64)
    scale = np.float32(np.sqrt(encoding.columns / used.shape[2]))
    result[:, :, start : start + used.shape[2]] = used * scale
    return result


def sampled_about_centre(row: np.void, encoding: Encoding) -> int:
    """How many of the encoded columns an echo has about its centre, the same on both sides: even."""
    before, after = int(row["centre"] - row["first"]), int(row["last"] - 1 - row["centre"])
    return min(2 * min(before, after + 1), encoding.columns)


def cropped(images: np.ndarray, kept: int) -> np.ndarray:
    """The middle columns of the last axis, position zero at kept // 2."""
    first = images.shape[-1] // 2 - kept // 2
    return images[..., first : first + kept]


def image_columns(placed_readouts: np.ndarray) -> np.ndarray:
    """Readouts in the encoded matrix to image columns, oversampling and all."""
    return to_image(placed_readouts, -1)
