"""Which of two possible fields is the true one, voxel by voxel: the one that varies smoothly.

Three echoes leave two candidates for the field in every voxel, and the wrong one exchanges water and fat. As with phase
unwrapping, only neighbours can tell. Each pair of neighbours votes on whether their candidates go together in the order
in which they are stored or crosswise; the votes are followed along the maximum spanning tree, the surest first, so that
a doubtful voxel is passed only where there is no other way (as in unwrapping by minimum spanning trees: Ching et al.
1992, doi:10.1109/83.148608; An et al. 2000, IEEE Trans Med Imaging 19:805). This is done within slices, then between
the regions found, whose votes are summed over all their shared voxels, because slices of a thigh are too far apart for
single voxels to be sure. One choice of two is left for each connected region: the field nearer to the centre frequency,
which scanners set on water.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree

Edges = tuple[np.ndarray, np.ndarray]

_TORN = -1.0


def choose_field(candidates: np.ndarray, weight: np.ndarray, tissue: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Choose one of two field phasors in every voxel.

    Parameters
    ----------
    candidates : np.ndarray
        Phasors of length 1 that the field turns from echo to echo, shape (2, voxels), in the order of `tissue`.
    weight : np.ndarray
        Signal of each voxel, shape (voxels,), positive.
    tissue : np.ndarray
        Booleans, shape (slices, rows, columns), True for the voxels given.

    Returns
    -------
    choice : np.ndarray
        0 or 1, shape (voxels,).
    disputed : np.ndarray
        Booleans, shape (voxels,): the choice differs from that of a neighbour in the slice by a jump of the field that
        the other candidate would not make.
    """
    index = np.full(tissue.shape, -1)
    index[tissue] = np.arange(len(weight))
    within = tuple(np.concatenate(ends) for ends in zip(_edges(index, 1), _edges(index, 2), strict=True))
    agreement = _agreement(candidates, within)
    crossed, region = relate(len(weight), within, agreement * _surety(weight, within))

    between = _edges(index, 0)
    votes = _agreement(candidates, between) * _surety(weight, between) * _signs(crossed, between)
    crossed_region, body = _relate_regions(region, between, votes)
    crossed = crossed ^ crossed_region[region]
    body = body[region]

    choice = np.where(_off_centre(candidates, weight, crossed, body), ~crossed, crossed).astype(np.intp)
    torn = agreement * _signs(choice, within) < _TORN
    disputed = np.zeros(len(weight), dtype=bool)
    for end in within:
        disputed[end[torn]] = True
    return choice, disputed


def relate(count: int, edges: Edges, votes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orient nodes by signed votes along the maximum spanning tree of their strength.

    Parameters
    ----------
    count : int
        Number of nodes.
    edges : tuple of np.ndarray
        First and second node of each edge, no pair twice.
    votes : np.ndarray
        Positive: both the same way; negative: opposite; the absolute value is how sure that is; 0 is no edge.

    Returns
    -------
    crossed : np.ndarray
        Booleans, shape (count,): opposite to the first node of the connected component.
    component : np.ndarray
        Number of the connected component, shape (count,).
    """
    first, second, strength = edges[0][votes != 0], edges[1][votes != 0], np.abs(votes[votes != 0])
    top = strength.max(initial=0.0)
    # Costs must be positive, for an explicit zero is no edge to scipy.
    cost = csr_array(coo_array((1 + 1e-9 - strength / (top or 1.0), (first, second)), shape=(count, count)))
    tree = coo_array(minimum_spanning_tree(cost))
    parts, component = connected_components(tree, directed=False)
    roots = np.full(parts, count)
    np.minimum.at(roots, component, np.arange(count))

    # One node above all roots makes a single tree of the forest.
    links = (np.concatenate([tree.row, np.full(parts, count)]), np.concatenate([tree.col, roots]))
    whole = csr_array(coo_array((np.ones(len(links[0])), links), shape=(count + 1, count + 1)))
    _, parent = breadth_first_order(whole, count, directed=False)
    parent[count] = count
    signed = csr_array(coo_array((np.sign(votes), edges), shape=(count, count)))
    inner = np.flatnonzero(parent[:count] != count)
    crossed = np.zeros(count + 1, dtype=bool)
    if inner.size:
        crossed[inner] = np.asarray(signed[inner, parent[inner]] + signed[parent[inner], inner]).ravel() < 0
    return _accumulate(crossed, parent)[:count], component


def _accumulate(crossed: np.ndarray, parent: np.ndarray) -> np.ndarray:
    """Parity of the crossings from each node up to the top node, by doubling the stretch looked over."""
    top = len(parent) - 1
    while np.any(parent != top):
        crossed = crossed ^ crossed[parent]
        parent = parent[parent]
    return crossed


def _relate_regions(region: np.ndarray, edges: Edges, votes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`relate` for regions, by the sum of the votes between their voxels."""
    count = int(region.max(initial=-1)) + 1
    pairs, which = np.unique(region[edges[0]] * count + region[edges[1]], return_inverse=True)
    return relate(count, (pairs // max(count, 1), pairs % max(count, 1)), np.bincount(which, votes, len(pairs)))


def _edges(index: np.ndarray, axis: int) -> Edges:
    """Voxels of the tissue and their next neighbours along an axis, by number."""
    along = np.moveaxis(index, axis, 0)
    both = (along[:-1] >= 0) & (along[1:] >= 0)
    return along[:-1][both], along[1:][both]


def _agreement(candidates: np.ndarray, edges: Edges) -> np.ndarray:
    """How much better the best straight pairing of two voxels' candidates agrees than the best crossed one, -2 to 2."""
    one, other = candidates[:, edges[0]], candidates[:, edges[1]].conj()
    return (one * other).real.max(axis=0) - (one * other[::-1]).real.max(axis=0)


def _surety(weight: np.ndarray, edges: Edges) -> np.ndarray:
    return np.minimum(weight[edges[0]], weight[edges[1]])


def _signs(choice: np.ndarray, edges: Edges) -> np.ndarray:
    return np.where(choice[edges[0]] == choice[edges[1]], 1.0, -1.0)


def _off_centre(candidates: np.ndarray, weight: np.ndarray, choice: np.ndarray, body: np.ndarray) -> np.ndarray:
    """Whether the mean field of the candidate chosen lies further from zero than that of the other, per voxel."""
    voxels = np.arange(len(weight))
    angles = []
    for phasor in (candidates[choice.astype(np.intp), voxels], candidates[(~choice).astype(np.intp), voxels]):
        mean = np.bincount(body, weight * phasor.real) + 1j * np.bincount(body, weight * phasor.imag)
        angles.append(np.abs(np.angle(mean)))
    return (angles[0] > angles[1])[body]
