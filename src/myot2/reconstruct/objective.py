"""What the inversion minimises, its gradient, and the Gauss-Newton approximation of its Hessian.

    1/2 sum_e ||y_e - A_e u_e M0 s_e(R2, B1)||^2 + lambda sum 2 sqrt(edge t),
    t = sqrt(|grad M0|^2 / scale^2 + |grad ln R2|^2 + epsilon^2)

and Gaussian priors of ln R2 (wide: it only holds voxels without signal), B1 modes and phase. u_e is 1 for odd echoes
and exp(i phase) for even ones. Noise of y has a standard deviation of 1 in each part, so that lambda has no unit.

The sum of t itself is the joint total variation of M0 and ln R2. Its root pulls as hard at t = edge, harder at smaller
changes, which are noise, and less hard at larger ones, which are borders: at the same noise it flattens the contrast
between muscles less, which matters where the middle of k-space is known from late echoes only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from myot2.reconstruct import objective_kernel as kernel
from myot2.reconstruct.encoding import Encoding
from myot2.reconstruct.signal_models import Signal, SignalModel

_LEAST = 1e-4
"""Of the largest curvature of M0, added so that voxels that no coil sees have one."""


@dataclass(frozen=True)
class Unknowns:
    """A point, or a direction; one vector of 32-bit floats of which all others are views.

    Attributes
    ----------
    vector : np.ndarray
    m0 : np.ndarray
        Complex, shape (rows, columns), in units of the noise.
    log_r2 : np.ndarray
        ln R2, R2 in 1/ms, shape (rows, columns).
    b1, phase : np.ndarray
        Coefficients of the bases.
    """

    vector: np.ndarray
    m0: np.ndarray
    log_r2: np.ndarray
    b1: np.ndarray
    phase: np.ndarray


@dataclass(frozen=True)
class Priors:
    """Weights of what is added to the misfit.

    Attributes
    ----------
    strength : float
        lambda of the total variation.
    scale : float
        Of M0, in units of the noise.
    epsilon : float
        Change of ln R2 between neighbours below which the penalty is quadratic.
    edge : float
        Change of ln R2 from which on it weighs less than total variation.
    log_r2, log_r2_sd : float
        Mean and standard deviation of ln R2.
    b1_sd, phase_sd : np.ndarray
        Of the coefficients.
    """

    strength: float
    scale: float
    epsilon: float
    edge: float
    log_r2: float
    log_r2_sd: float
    b1_sd: np.ndarray
    phase_sd: np.ndarray


@dataclass(frozen=True)
class Objective:
    """See the module.

    Attributes
    ----------
    encoding, samples
        From `encoding.encode`.
    model : SignalModel
    b1 : np.ndarray
        Relative B1, to which the modes are added; shape (rows, columns).
    b1_basis, phase_basis : np.ndarray
        Shape (terms, rows, columns); without terms nothing is estimated.
    even : np.ndarray
        Which echoes the phase turns, shape (echoes,).
    """

    encoding: Encoding
    samples: Sequence[np.ndarray]
    model: SignalModel
    b1: np.ndarray
    b1_basis: np.ndarray
    phase_basis: np.ndarray
    even: np.ndarray

    def unknowns(self, vector: np.ndarray | None = None) -> Unknowns:
        """Views of a vector; of zeros without one."""
        _, rows, columns = self.encoding.shape
        voxels, modes = rows * columns, len(self.b1_basis)
        if vector is None:
            vector = np.zeros(3 * voxels + modes + len(self.phase_basis), np.float32)
        m0 = vector[: 2 * voxels].view(np.complex64).reshape(rows, columns)
        log_r2 = vector[2 * voxels : 3 * voxels].reshape(rows, columns)
        return Unknowns(vector, m0, log_r2, vector[3 * voxels :][:modes], vector[3 * voxels + modes :])

    def b1_map(self, at: Unknowns) -> np.ndarray:
        """Relative B1, shape (rows, columns)."""
        return self.b1 + _combine(self.b1_basis, at.b1)

    def phase_map(self, at: Unknowns) -> np.ndarray:
        """Phase of the even echoes in radians, shape (rows, columns)."""
        return _combine(self.phase_basis, at.phase)

    def images(self, at: Unknowns, signal: Signal) -> np.ndarray:
        """Echo images, complex, shape (echoes, rows, columns)."""
        out = np.empty(self.encoding.shape, np.complex64)
        kernel.images(_flat(signal.value), self.even, at.m0.ravel(), self.turn(at).ravel(), _flat(out))
        return out

    def turn(self, at: Unknowns) -> np.ndarray:
        """exp(i phase) of the even echoes, shape (rows, columns)."""
        return np.exp(1j * self.phase_map(at)).astype(np.complex64)

    def look(self, at: Unknowns, priors: Priors) -> Look:
        """The objective at a point, and all that its derivatives need."""
        signal = self.model.at(at.log_r2, self.b1_map(at))
        misfit, back = self.encoding.residual(self.images(at, signal), self.samples)
        weight = np.empty(at.log_r2.shape, np.float32)
        shape = (np.float32(value) for value in (priors.scale, priors.epsilon, priors.edge))
        variation = kernel.edges(at.m0, at.log_r2, *shape, weight)
        penalty = sum(
            float(np.sum(((value - mean) / sd) ** 2, dtype=np.float64))
            for value, mean, sd in (
                (at.log_r2, priors.log_r2, priors.log_r2_sd),
                (at.b1, 0, priors.b1_sd),
                (at.phase, 0, priors.phase_sd),
            )
        )
        total = 0.5 * misfit + priors.strength * variation + 0.5 * penalty
        return Look(self, at, priors, signal, self.turn(at), misfit, total, back, weight)


@dataclass(frozen=True)
class Look:
    """The objective at a point.

    Attributes
    ----------
    signal : Signal
    misfit : float
        ||y - A x||^2.
    total : float
        The objective.
    back : np.ndarray
        A^H (y - A x).
    weight : np.ndarray
        Of each voxel's squared changes in the quadratic majoriser of the penalty.
    """

    objective: Objective
    at: Unknowns
    priors: Priors
    signal: Signal
    turn: np.ndarray
    misfit: float
    total: float
    back: np.ndarray
    weight: np.ndarray

    def descent(self) -> np.ndarray:
        """Minus the gradient, as a vector."""
        out = self._adjoint_jacobian(self.back)
        self._subtract_priors(self.at, out, self.priors.log_r2)
        return out.vector

    def hessian(self, direction: np.ndarray) -> np.ndarray:
        """The Gauss-Newton Hessian times a direction; of the total variation that of its quadratic majoriser."""
        step = self.objective.unknowns(direction)
        out = self._adjoint_jacobian(self.objective.encoding.normal(self._jacobian(step)))
        out.vector[:] *= -1
        self._subtract_priors(step, out, 0.0)
        return -out.vector

    def preconditioner(self) -> Callable[[np.ndarray], np.ndarray]:
        """About the inverse of the Hessian: A^H A taken as share of lines times sensitivity, neighbours as unrelated.

        M0 along its own phase and ln R2 are coupled at every voxel (their correlation is about -0.9) and inverted
        together; M0 across its phase and the phase are coupled with nothing. The coefficients of B1 are coupled with M0
        and ln R2 of every voxel, as T2 and B1 trade places: what is left of them once these have followed (the Schur
        complement) is a small matrix, which is inverted.
        """
        objective, priors, signal = self.objective, self.priors, self.signal
        size = np.abs(self.at.m0)
        along = (self.at.m0 / np.maximum(size, np.finfo(np.float32).tiny)).astype(np.complex64)
        around = np.empty(size.shape, np.float32)
        kernel.weights_around(self.weight, around)
        a = self._power(signal.value, signal.value) + np.float32(priors.strength / priors.scale**2) * around
        a += np.float32(_LEAST * objective.encoding.share.sum())
        b = size * self._power(signal.value, signal.by_log_r2)
        c = size**2 * self._power(signal.by_log_r2, signal.by_log_r2) + np.float32(priors.strength) * around
        c += np.float32(1 / priors.log_r2_sd**2)
        determinant = a * c - b * b
        with_m0 = size * self._power(signal.value, signal.by_b1)
        size = size**2
        with_r2 = size * self._power(signal.by_log_r2, signal.by_b1)
        # what M0 and ln R2 do when B1 of their voxel grows by 1
        follow_m0, follow_r2 = (c * with_m0 - b * with_r2) / determinant, (a * with_r2 - b * with_m0) / determinant
        own = size * self._power(signal.by_b1, signal.by_b1) - with_m0 * follow_m0 - with_r2 * follow_r2
        schur = _inverse_gram(objective.b1_basis, own, priors.b1_sd)
        of_even = signal.value * objective.even[:, None, None]
        phase = 1 / self._coefficients(objective.phase_basis, size * self._power(of_even, of_even), priors.phase_sd)

        def apply(vector: np.ndarray) -> np.ndarray:
            given, out = objective.unknowns(vector), objective.unknowns()
            m0 = np.conj(along) * given.m0
            out.log_r2[:] = (a * given.log_r2 - b * m0.real) / determinant
            real = (c * m0.real - b * given.log_r2) / determinant
            if len(given.b1):
                passed_on = follow_m0 * m0.real + follow_r2 * given.log_r2
                out.b1[:] = schur @ (given.b1 - kernel.project(_flat(objective.b1_basis), passed_on.ravel()))
                change = _combine(objective.b1_basis, out.b1)
                real -= follow_m0 * change
                out.log_r2[:] -= follow_r2 * change
            out.m0[:] = along * (real + np.complex64(1j) * (m0.imag / a))
            out.phase[:] = phase * given.phase
            return out.vector

        return apply

    def _power(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """What A^H A makes of the product of two signals, on the diagonal; shape (rows, columns)."""
        encoding = self.objective.encoding
        return np.einsum("e,eyx,eyx->yx", encoding.share, one, other) * encoding.sensitivity

    @staticmethod
    def _coefficients(basis: np.ndarray, image: np.ndarray, sd: np.ndarray) -> np.ndarray:
        """The diagonal of the Hessian for the coefficients of a basis."""
        return kernel.project(_flat(basis**2), image.ravel()).astype(np.float32) + sd.astype(np.float32) ** -2

    def _jacobian(self, step: Unknowns) -> np.ndarray:
        objective = self.objective
        out = np.empty(objective.encoding.shape, np.complex64)
        db1, dphase = _combine(objective.b1_basis, step.b1), _combine(objective.phase_basis, step.phase)
        directions = (step.m0.ravel(), step.log_r2.ravel(), db1.ravel(), dphase.ravel())
        kernel.jacobian(*self._point(), *directions, _flat(out))
        return out

    def _adjoint_jacobian(self, images: np.ndarray) -> Unknowns:
        objective = self.objective
        out = objective.unknowns()
        gb1, gphase = (np.empty(out.log_r2.size, np.float32) for _ in range(2))
        kernel.adjoint_jacobian(*self._point(), _flat(images), out.m0.ravel(), out.log_r2.ravel(), gb1, gphase)
        out.b1[:] = kernel.project(_flat(objective.b1_basis), gb1)
        out.phase[:] = kernel.project(_flat(objective.phase_basis), gphase)
        return out

    def _point(self) -> tuple[np.ndarray, ...]:
        signal = (_flat(part) for part in (self.signal.value, self.signal.by_log_r2, self.signal.by_b1))
        return *signal, self.objective.even, self.at.m0.ravel(), self.turn.ravel()

    def _subtract_priors(self, at: Unknowns, out: Unknowns, log_r2: float) -> None:
        """Subtract from `out` what the priors add to the gradient (or to the Hessian times a direction)."""
        priors = self.priors
        strength = np.float32(priors.strength)
        of_m0 = np.float32(priors.strength / priors.scale**2)
        kernel.add_weighted_laplacian(at.m0, at.log_r2, self.weight, -of_m0, -strength, out.m0, out.log_r2)
        out.log_r2[:] -= (at.log_r2 - np.float32(log_r2)) / np.float32(priors.log_r2_sd**2)
        out.b1[:] -= at.b1 / priors.b1_sd**2
        out.phase[:] -= at.phase / priors.phase_sd**2


def _combine(basis: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """The sum of a basis with coefficients, in the order of its terms."""
    total = np.zeros(basis.shape[1:], np.float32)
    for image, coefficient in zip(basis, coefficients, strict=True):
        total += coefficient * image
    return total


def _inverse_gram(basis: np.ndarray, weight: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Inverse of the sum over voxels of weight times products of the basis, plus the prior; shape (terms, terms)."""
    gram = [kernel.project(_flat(basis), (image * weight).ravel()) for image in basis]
    if not gram:
        return np.zeros((0, 0))
    return np.linalg.inv(np.array(gram, np.float64) + np.diag(sd.astype(np.float64) ** -2))


def _flat(values: np.ndarray) -> np.ndarray:
    """All voxels along one axis."""
    return values.reshape(len(values), values.shape[1] * values.shape[2])
