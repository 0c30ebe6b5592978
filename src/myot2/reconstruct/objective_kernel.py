"""Loops over voxels of `objective`, compiled; every sum in a fixed order."""

from __future__ import annotations

import numpy as np
from numba import njit

_compiled = njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})


@_compiled
def images(value, even, m0, turn, out):
    """Echo images M0 s, those of even echoes turned; arrays over (echoes, voxels)."""
    for echo in range(value.shape[0]):
        for voxel in range(m0.size):
            image = m0[voxel] * value[echo, voxel]
            out[echo, voxel] = image * turn[voxel] if even[echo] else image


@_compiled
def jacobian(value, by_log_r2, by_b1, even, m0, turn, dm0, dlog_r2, db1, dphase, out):
    """Change of the echo images with M0, ln R2, B1 and the phase of even echoes."""
    for echo in range(value.shape[0]):
        for voxel in range(m0.size):
            s = value[echo, voxel]
            relative = by_log_r2[echo, voxel] * dlog_r2[voxel] + by_b1[echo, voxel] * db1[voxel]
            m = m0[voxel]
            if even[echo]:
                phase = s * dphase[voxel]
                change = complex(m.real * relative - m.imag * phase, m.imag * relative + m.real * phase)
                out[echo, voxel] = (s * dm0[voxel] + change) * turn[voxel]
            else:
                out[echo, voxel] = s * dm0[voxel] + complex(m.real * relative, m.imag * relative)


@_compiled
def adjoint_jacobian(value, by_log_r2, by_b1, even, m0, turn, echo_images, gm0, glog_r2, gb1, gphase):
    """The adjoint of `jacobian` for real and imaginary parts of M0, and real others; overwrites the last four."""
    gm0[:], glog_r2[:], gb1[:], gphase[:] = 0, 0, 0, 0
    for echo in range(value.shape[0]):
        for voxel in range(m0.size):
            y = echo_images[echo, voxel]
            if even[echo]:
                t = turn[voxel]
                y = complex(y.real * t.real + y.imag * t.imag, y.imag * t.real - y.real * t.imag)
            s, m = value[echo, voxel], m0[voxel]
            gm0[voxel] += s * y
            along = m.real * y.real + m.imag * y.imag
            glog_r2[voxel] += by_log_r2[echo, voxel] * along
            gb1[voxel] += by_b1[echo, voxel] * along
            if even[echo]:
                gphase[voxel] += s * (m.real * y.imag - m.imag * y.real)


@_compiled
def edges(m0, log_r2, scale, epsilon, edge, weight):
    """The sum of 2 sqrt(edge t), t the joint change of M0 / scale and ln R2, and its weight in D^T w D."""
    rows, columns = log_r2.shape
    total, inverse = 0.0, np.float32(1) / (scale * scale)
    for y in range(rows):
        for x in range(columns):
            square = epsilon * epsilon
            if y + 1 < rows:
                a, b = m0[y + 1, x] - m0[y, x], log_r2[y + 1, x] - log_r2[y, x]
                square += (a.real * a.real + a.imag * a.imag) * inverse + b * b
            if x + 1 < columns:
                a, b = m0[y, x + 1] - m0[y, x], log_r2[y, x + 1] - log_r2[y, x]
                square += (a.real * a.real + a.imag * a.imag) * inverse + b * b
            t = np.sqrt(square)
            root = np.sqrt(edge * t)
            total += np.float32(2) * root
            weight[y, x] = root / square
    return total


@_compiled
def add_weighted_laplacian(m0, log_r2, weight, factor_m0, factor_log_r2, gm0, glog_r2):
    """Add D^T w D of M0 and ln R2, D the differences to the next row and column."""
    rows, columns = log_r2.shape
    for y in range(rows):
        for x in range(columns):
            w = weight[y, x]
            wm, wq = factor_m0 * w, factor_log_r2 * w
            if y + 1 < rows:
                a, b = wm * (m0[y + 1, x] - m0[y, x]), wq * (log_r2[y + 1, x] - log_r2[y, x])
                gm0[y + 1, x] += a
                gm0[y, x] -= a
                glog_r2[y + 1, x] += b
                glog_r2[y, x] -= b
            if x + 1 < columns:
                a, b = wm * (m0[y, x + 1] - m0[y, x]), wq * (log_r2[y, x + 1] - log_r2[y, x])
                gm0[y, x + 1] += a
                gm0[y, x] -= a
                glog_r2[y, x + 1] += b
                glog_r2[y, x] -= b


@_compiled
def weights_around(weight, out):
    """The diagonal of D^T w D."""
    rows, columns = weight.shape
    out[:] = 0
    for y in range(rows):
        for x in range(columns):
            w = weight[y, x]
            if y + 1 < rows:
                out[y, x] += w
                out[y + 1, x] += w
            if x + 1 < columns:
                out[y, x] += w
                out[y, x + 1] += w


@_compiled
def dot(a, b):
    """Inner product of real vectors, in 64 bits."""
    total = 0.0
    for i in range(a.size):
        total += np.float64(a[i]) * np.float64(b[i])
    return total


@_compiled
def project(basis, image):
    """Inner products of an image with those of a basis, in 64 bits."""
    out = np.zeros(basis.shape[0])
    for mode in range(basis.shape[0]):
        total = 0.0
        for voxel in range(image.size):
            total += np.float64(basis[mode, voxel]) * np.float64(image[voxel])
        out[mode] = total
    return out
