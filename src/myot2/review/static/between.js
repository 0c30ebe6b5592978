"use strict";
// Shape-based interpolation of a drawn outline between two slices: the signed distances to both outlines, weighted by
// how near each slice is, are inside where they are not negative (Raya and Udupa, IEEE Trans Med Imaging 1990;9:32).

// Squared distance of each place of a line to the nearest place, given squared distances across it
// (Felzenszwalb and Huttenlocher, Theory of Computing 2012;8:415).
function lowerEnvelope(values, step) {
  const n = values.length;
  const places = new Int32Array(n);
  const starts = new Float64Array(n + 1);
  let k = -1;
  for (let q = 0; q < n; q++) {
    if (values[q] === Infinity) continue;
    let start = -Infinity;
    while (k >= 0) {
      const p = places[k];
      start = (values[q] - values[p] + step * step * (q * q - p * p)) / (2 * step * step * (q - p));
      if (start > starts[k]) break;
      k--;
    }
    if (k < 0) start = -Infinity;
    k++;
    places[k] = q;
    starts[k] = start;
  }
  const found = new Float64Array(n).fill(Infinity);
  if (k < 0) return found;
  starts[k + 1] = Infinity;
  for (let q = 0, at = 0; q < n; q++) {
    while (starts[at + 1] < q) at++;
    found[q] = values[places[at]] + step * step * (q - places[at]) ** 2;
  }
  return found;
}

// Distance (mm) of every pixel to the nearest pixel of a mask; Infinity where the mask is empty.
function distances(mask, width, height, stepX, stepY) {
  const squared = Float64Array.from(mask, (inside) => (inside ? 0 : Infinity));
  for (let x = 0; x < width; x++) {
    const column = Float64Array.from({ length: height }, (_, y) => squared[x + y * width]);
    lowerEnvelope(column, stepY).forEach((value, y) => (squared[x + y * width] = value));
  }
  for (let y = 0; y < height; y++) squared.set(lowerEnvelope(squared.slice(y * width, (y + 1) * width), stepX), y * width);
  return squared.map(Math.sqrt);
}

// Positive inside, negative outside: half a way between the centres of neighbours inside and outside it is about 0.
function signedDistances(mask, width, height, stepX, stepY) {
  const outside = distances(mask, width, height, stepX, stepY);
  const inside = distances(
    mask.map((value) => 1 - value),
    width,
    height,
    stepX,
    stepY,
  );
  return outside.map((value, i) => inside[i] - value);
}

// One mask between two, `share` (0-1) of the way from the first to the second; 0 and 1 in Uint8Arrays, row by row.
function maskBetween(first, second, share, width, height, stepX, stepY) {
  const from = signedDistances(first, width, height, stepX, stepY);
  const to = signedDistances(second, width, height, stepX, stepY);
  return Uint8Array.from(from, (value, i) => (value * (1 - share) + to[i] * share >= 0 ? 1 : 0));
}

// Which two slices a label is filled between, seen from a slice: null, or {low, high}. Where the label is not on that
// slice, the nearest slices that have it; else the nearest that a person has changed, with what was shown as one of
// them if it was changed itself.
function slicesAround(slice, has, changed) {
  const nearest = (step, fits, from = slice + step) => {
    for (let at = from; at >= 0 && at < has.length; at += step) if (fits(at)) return at;
    return null;
  };
  const fits = has[slice] ? (at) => has[at] && changed[at] : (at) => has[at];
  let low = nearest(-1, fits);
  let high = nearest(1, fits);
  if (has[slice] && changed[slice]) {
    const far = (at) => fits(at) && Math.abs(at - slice) > 1;
    low = nearest(-1, far);
    high = nearest(1, far);
    if (low === null || (high !== null && high - slice < slice - low)) low = slice;
    else high = slice;
  }
  return low === null || high === null || high - low < 2 ? null : { low, high };
}

// Fill a label between slices of a volume of label numbers (x fastest); other labels stay as they are. The slices
// strictly between `low` and `high` are changed in place.
function fillBetween(volume, size, spacing, label, low, high) {
  const [width, height] = size;
  const area = width * height;
  const maskAt = (slice) => Uint8Array.from(volume.subarray(slice * area, (slice + 1) * area), (value) => (value === label ? 1 : 0));
  const first = maskAt(low);
  const second = maskAt(high);
  for (let slice = low + 1; slice < high; slice++) {
    const made = maskBetween(first, second, (slice - low) / (high - low), width, height, spacing[0], spacing[1]);
    for (let i = 0; i < area; i++) {
      const at = slice * area + i;
      if (volume[at] === label) volume[at] = 0;
      if (made[i] && volume[at] === 0) volume[at] = label;
    }
  }
}

if (typeof module !== "undefined") module.exports = { maskBetween, slicesAround, fillBetween };
