"""Gauss-Newton steps, each solved by preconditioned conjugate gradients, with a step that is halved until it helps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from myot2.reconstruct.objective import Look, Objective, Priors
from myot2.reconstruct.objective_kernel import dot

LARGEST_STEP = 0.7
"""Of ln R2; what is linear there is not further away."""

_HALVINGS = 4


@dataclass(frozen=True)
class Stop:
    """When to stop.

    Attributes
    ----------
    steps, least_steps : int
        At most and at least so many Gauss-Newton steps.
    decrease : float
        Stop when a step lowers the objective by less than this part of it.
    iterations : int
        At most so many conjugate-gradient iterations a step.
    residual : float
        Fewer when the preconditioned residual has fallen to this part of its norm.
    """

    steps: int = 8
    least_steps: int = 3
    decrease: float = 2e-4
    iterations: int = 12
    residual: float = 0.1


@dataclass(frozen=True)
class Progress:
    """After a Gauss-Newton step: objective, ||y - A x||^2, conjugate-gradient iterations, length of the step."""

    total: float
    misfit: float
    iterations: int
    length: float


def minimise(
    objective: Objective, vector: np.ndarray, priors: Priors, stop: Stop, log_r2_range: tuple[float, float]
) -> tuple[Look, list[Progress]]:
    """Go down from a vector.

    Returns
    -------
    Look
        The objective where it ended.
    list of Progress
        One for each step; the first is the start, with no iterations.
    """
    look = objective.look(objective.unknowns(vector.copy()), priors)
    course = [Progress(look.total, look.misfit, 0, 0.0)]
    for step in range(stop.steps):
        direction, iterations = conjugate_gradients(
            look.hessian, look.descent(), look.diagonal(), stop.iterations, stop.residual
        )
        of_log_r2 = objective.unknowns(direction).log_r2
        np.clip(of_log_r2, -LARGEST_STEP, LARGEST_STEP, out=of_log_r2)
        before, length = look.total, 1.0
        for _ in range(_HALVINGS + 1):
            there = objective.unknowns(look.at.vector + np.float32(length) * direction)
            np.clip(there.log_r2, *(np.float32(limit) for limit in log_r2_range), out=there.log_r2)
            trial = objective.look(there, priors)
            if trial.total < before:
                break
            length /= 2
        else:
            break
        look = trial
        course.append(Progress(look.total, look.misfit, iterations, length))
        if step + 1 >= stop.least_steps and before - look.total < stop.decrease * abs(before):
            break
    return look, course


def conjugate_gradients(
    product: Callable[[np.ndarray], np.ndarray],
    right: np.ndarray,
    diagonal: np.ndarray,
    iterations: int,
    residual: float,
) -> tuple[np.ndarray, int]:
    """About the solution of H x = right from x = 0, with a diagonal preconditioner; and the number of products."""
    x, r = np.zeros_like(right), right.copy()
    z = r / diagonal
    p, size = z.copy(), dot(r, z)
    first = size
    for done in range(1, iterations + 1):
        if size == 0:
            return x, done - 1
        hp = product(p)
        length = np.float32(size / dot(p, hp))
        x += length * p
        r -= length * hp
        z = r / diagonal
        size, before = dot(r, z), size
        if size < residual**2 * first:
            break
        p *= np.float32(size / before)
        p += z
    return x, done
