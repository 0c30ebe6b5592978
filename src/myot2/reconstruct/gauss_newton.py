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
_SEEN = 0.2


@dataclass(frozen=True)
class Stop:
    """When to stop.

    Attributes
    ----------
    steps : int
        At most so many Gauss-Newton steps.
    change : float
        Stop after a step of full length in which the median change of ln R2, over voxels whose M0 is a fifth of the
        scale or more, is less than this (0.005 is half a per cent of T2), and
    decrease : float
        in which the objective fell by less than this part of it: phase and B1 have settled too.
    iterations : int
        At most so many conjugate-gradient iterations a step.
    residual : float
        Fewer when the preconditioned residual has fallen to this part of its norm.
    """

    steps: int = 8
    change: float = 0.005
    decrease: float = 2e-3
    iterations: int = 12
    residual: float = 0.1


@dataclass(frozen=True)
class Progress:
    """After a Gauss-Newton step.

    Attributes
    ----------
    total, misfit : float
        The objective, and ||y - A x||^2.
    change : float
        Median change of ln R2 (see `Stop`).
    iterations : int
        Of the conjugate gradients.
    length : float
        Of the step, 1 or halved.
    """

    total: float
    misfit: float
    change: float
    iterations: int
    length: float


def minimise(
    objective: Objective, vector: np.ndarray, priors: Priors, stop: Stop, log_r2_range: tuple[float, float]
) -> tuple[Look, tuple[Progress, ...]]:
    """Go down from a vector.

    Returns
    -------
    Look
        The objective where it ended.
    tuple of Progress
        One for each step; the first is the start, with no iterations.
    """
    look = objective.look(objective.unknowns(vector.copy()), priors)
    course = [Progress(look.total, look.misfit, np.inf, 0, 0.0)]
    for _ in range(stop.steps):
        direction, iterations = conjugate_gradients(
            look.hessian, look.descent(), look.preconditioner(), stop.iterations, stop.residual
        )
        found = _along(look, direction, log_r2_range)
        if found is None:
            break
        (before, look), length = (look, found[0]), found[1]
        seen = np.abs(look.at.m0) > _SEEN * priors.scale
        change = float(np.median(np.abs(look.at.log_r2 - before.at.log_r2)[seen])) if seen.any() else 0.0
        course.append(Progress(look.total, look.misfit, change, iterations, length))
        if length == 1 and change < stop.change and before.total - look.total < stop.decrease * before.total:
            break
    return look, tuple(course)


def _along(look: Look, direction: np.ndarray, log_r2_range: tuple[float, float]) -> tuple[Look, float] | None:
    """The point along a direction, at 1 or halved, where the objective is lower; None where it is nowhere."""
    objective = look.objective
    of_log_r2 = objective.unknowns(direction).log_r2
    np.clip(of_log_r2, -LARGEST_STEP, LARGEST_STEP, out=of_log_r2)
    for halving in range(_HALVINGS + 1):
        length = 0.5**halving
        there = objective.unknowns(look.at.vector + np.float32(length) * direction)
        np.clip(there.log_r2, *(np.float32(limit) for limit in log_r2_range), out=there.log_r2)
        trial = objective.look(there, look.priors)
        if trial.total < look.total:
            return trial, length
    return None


def conjugate_gradients(
    product: Callable[[np.ndarray], np.ndarray],
    right: np.ndarray,
    precondition: Callable[[np.ndarray], np.ndarray],
    iterations: int,
    residual: float,
) -> tuple[np.ndarray, int]:
    """About the solution of H x = right from x = 0, H symmetric and positive; and the number of products."""
    x, r = np.zeros_like(right), right.copy()
    p = precondition(r)
    size = dot(r, p)
    first, done = size, 0
    while done < iterations and size > residual**2 * first:
        hp = product(p)
        length = np.float32(size / dot(p, hp))
        x += length * p
        r -= length * hp
        z = precondition(r)
        size, before = dot(r, z), size
        p *= np.float32(size / before)
        p += z
        done += 1
    return x, done
