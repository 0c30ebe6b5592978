"""The encoding against fast Fourier transforms, its adjoint, and the objective's derivatives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reconstruct_truth_disc import make_disc, slice_of
from reconstruct_truth_thighs import block_lines, centred_fft

from myot2.fit.epg import Train
from myot2.reconstruct.encoding import encode
from myot2.reconstruct.gauss_newton import conjugate_gradients
from myot2.reconstruct.nuisance import cosines, phase_basis
from myot2.reconstruct.objective import Objective, Priors
from myot2.reconstruct.raw import RawSlice
from myot2.reconstruct.signal_models import epg_model


def complex_normal(rng, shape):
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


def random_case(rows, columns, coils, counts, seed=0):
    """A slice of random lines with random repeats."""
    rng = np.random.default_rng(seed)
    lines = tuple(np.sort(rng.choice(rows, min(count, rows), replace=False)) for count in counts)
    samples = tuple(complex_normal(rng, (len(of_echo), coils, columns)) for of_echo in lines)
    repeats = tuple(rng.integers(1, 4, len(of_echo)) for of_echo in lines)
    raw = RawSlice(lines, samples, repeats, np.zeros((coils, 1, 1), np.complex64))
    maps, images = complex_normal(rng, (coils, rows, columns)), complex_normal(rng, (len(counts), rows, columns))
    return raw, maps, images


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 20), st.integers(1, 140), st.integers(1, 4), st.lists(st.integers(1, 20), min_size=1, max_size=3),
    st.integers(0, 99),
)  # fmt: skip
def test_samples_are_the_lines_of_a_centred_unitary_transform_of_map_times_image(rows, columns, coils, counts, seed):
    raw, maps, images = random_case(rows, columns, coils, counts, seed)
    encoding, _ = encode(raw, maps)
    for image, of_echo, repeats, (real, imaginary) in zip(
        images, raw.lines, raw.repeats, encoding.forward(images), strict=True
    ):
        expected = centred_fft(maps * image, 1)[:, of_echo] * np.sqrt(repeats)[:, None]
        np.testing.assert_allclose(real + 1j * imaginary, expected, atol=2e-5 * np.abs(expected).max() + 1e-6)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 20), st.integers(1, 140), st.integers(1, 4), st.lists(st.integers(1, 20), min_size=1, max_size=3),
    st.integers(0, 99),
)  # fmt: skip
def test_the_adjoint_is_one(rows, columns, coils, counts, seed):
    raw, maps, images = random_case(rows, columns, coils, counts, seed)
    encoding, samples = encode(raw, maps)
    one = sum(
        np.vdot(a[0] + 1j * a[1], b[0] + 1j * b[1]) for a, b in zip(encoding.forward(images), samples, strict=True)
    )
    other = np.vdot(images, encoding.adjoint(samples))
    size = np.linalg.norm(images) * np.sqrt(sum(np.linalg.norm(of_echo) ** 2 for of_echo in samples))
    assert abs(one - other) < 1e-5 * size * np.abs(maps).max()


def test_normal_and_residual_are_made_of_forward_and_adjoint():
    raw, maps, images = random_case(30, 50, 3, [8, 5])
    encoding, samples = encode(raw, maps)
    forward = encoding.forward(images)
    np.testing.assert_allclose(encoding.normal(images), encoding.adjoint(forward), rtol=1e-5, atol=1e-5)
    left = [measured - predicted for measured, predicted in zip(samples, forward, strict=True)]
    total, back = encoding.residual(images, samples)
    assert total == pytest.approx(sum(float((of_echo.astype(float) ** 2).sum()) for of_echo in left), rel=1e-5)
    np.testing.assert_allclose(back, encoding.adjoint(left), rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def look():
    """The objective with all its unknowns, somewhere."""
    disc = make_disc((20, 16), coils=4)
    raw = replace(slice_of(disc, block_lines(20, (0, 1, 2, 3, 4), acceleration=1), seed=0))
    encoding, samples = encode(raw, disc.maps)
    shape = (20, 16)
    objective = Objective(
        encoding, samples, epg_model(Train(10, 10.0)), np.full(shape, 0.851, np.float32), cosines((2, 2), shape)[0],
        phase_basis("quadratic", shape), np.arange(10) % 2 == 1,
    )  # fmt: skip
    rng = np.random.default_rng(1)
    at = objective.unknowns()
    at.m0[:] = disc.m0 * 0.9 + complex_normal(rng, shape) * 3
    at.log_r2[:] = -np.log(45) + 0.1 * rng.standard_normal(shape)
    at.b1[:], at.phase[:] = 0.01 * rng.standard_normal(4), 0.1 * rng.standard_normal(6)
    sd = [np.full(count, 0.2, np.float32) for count in (4, 6)]
    return objective.look(at, Priors(3.0, 60.0, 0.03, 0.15, -np.log(40), 3.0, *sd))


@pytest.mark.parametrize("part", ["m0", "log_r2", "b1", "phase"])
def test_the_gradient_is_that_of_differences(look, part):
    rng = np.random.default_rng(2)
    direction = look.objective.unknowns()
    size = {"m0": 1.0, "log_r2": 0.02, "b1": 0.01, "phase": 0.02}[part]
    values = getattr(direction, part)
    values[:] = size * (complex_normal(rng, values.shape) if part == "m0" else rng.standard_normal(values.shape))
    step = 0.1
    there, before = (
        look.objective.look(
            look.objective.unknowns(look.at.vector + sign * np.float32(step) * direction.vector), look.priors
        )
        for sign in (1, -1)
    )
    slope = (there.total - before.total) / (2 * step)
    assert -np.dot(look.descent().astype(float), direction.vector.astype(float)) == pytest.approx(slope, rel=3e-3)


def test_the_hessian_is_symmetric_positive_and_its_preconditioner_too(look):
    rng = np.random.default_rng(3)
    a, b = (rng.standard_normal(look.at.vector.size).astype(np.float32) for _ in range(2))
    for product in (look.hessian, look.preconditioner()):
        one, other = (np.dot(x.astype(float), product(y).astype(float)) for x, y in ((a, b), (b, a)))
        size = np.sqrt(np.dot(a.astype(float), product(a)) * np.dot(b.astype(float), product(b)))
        assert abs(one - other) < 1e-4 * size
        assert np.dot(a.astype(float), product(a)) > 0


def test_the_preconditioner_halves_the_iterations(look):
    right = look.descent()
    with_it = conjugate_gradients(look.hessian, right, look.preconditioner(), 400, 1e-3)[0]
    error = {}
    for name, precondition in (("with", look.preconditioner()), ("without", np.copy)):
        solution, _ = conjugate_gradients(look.hessian, right, precondition, 15, 0.0)
        error[name] = np.linalg.norm(look.objective.unknowns(solution - with_it).log_r2)
    assert error["with"] < 0.5 * error["without"]


def test_conjugate_gradients_solve_a_small_system_in_as_many_steps_as_unknowns():
    matrix = np.array([[4, 1, 0], [1, 3, 1], [0, 1, 2]], np.float32)
    right = np.array([1, 2, 3], np.float32)
    solution, count = conjugate_gradients(lambda x: matrix @ x, right, np.copy, 3, 0.0)
    np.testing.assert_allclose(solution, np.linalg.solve(matrix, right), rtol=1e-5)
    assert count == 3
