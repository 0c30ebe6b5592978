"""A site's side of a federation: what it answers to an order, and what of it leaves the site.

Everything that leaves is a signed message of `myot2.learn.messages` and, with an update, tensors. It is written into
the outbox before it is sent: what a data officer finds in the outbox is what left, byte by byte. An order that comes
again, because a machine or the network failed, gets the same bytes again, and nothing is learned twice.

    <folder>/outbox/0001-learn-<12 digits>/order.json, message.json, update.safetensors
    <folder>/ledger.jsonl, ledger.head       which order came when, and what was sent
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from myot2 import __version__
from myot2.core.errors import MyoT2Error
from myot2.core.files import write_bytes
from myot2.learn import messages
from myot2.learn.ledger import append, exclusive
from myot2.learn.messages import NO_CORRECTIONS, OWN_GATE, Declined, Manifest, Measure, Order, Receipt, Report
from myot2.learn.signing import opened, signed
from myot2.learn.updates import Tensors, clipped, difference_of, digest, to_bytes, weights_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


@dataclass(frozen=True)
class Learned:
    """What a site made of the weights that it was given.

    Attributes
    ----------
    weights : mapping of str to ndarray
    people : int
        Who were learned from.
    people_of : mapping of str to int
        Per structure.
    measured : mapping of str to Measure
        Per structure, on people that were held out.
    recipe_sha256 : str
    accepted : bool
        What the site's own gate says; what it refuses is not sent.
    """

    weights: Tensors
    people: int
    people_of: Mapping[str, int]
    measured: Mapping[str, Measure]
    recipe_sha256: str
    accepted: bool = True


@dataclass(frozen=True)
class Judged:
    """What a site says of a candidate: see `myot2.learn.messages.Report`."""

    accepted: bool
    lost: tuple[str, ...]
    measured: Mapping[str, Measure]
    generality: float | None


class Work(Protocol):
    """What a site does with weights; `myot2.learn.local` does it with the corrections of a run."""

    def model_sha256(self) -> str:
        """Of what this site's networks are (`myot2.learn.updates.model_digest`)."""
        ...

    def learn(self, order: Order, weights: Tensors) -> Learned | None:
        """Learn from the site's corrections; None where it has none. The same arguments give the same weights."""
        ...

    def judge(self, before: Tensors, after: Tensors) -> Judged:
        """Hold a candidate against the weights of the round's beginning."""
        ...

    def keep(self, order: Order, weights: bytes) -> None:
        """Keep weights that the federation accepted as a version of the site's model."""
        ...


@dataclass(frozen=True)
class Identity:
    """Who a site is, and whom it listens to."""

    federation: str
    site: str
    key: Ed25519PrivateKey
    coordinator: str
    """The coordinator's public key."""


@dataclass(frozen=True)
class Answer:
    """What leaves the site: a signed message, and tensors (empty but for an update)."""

    message: bytes
    tensors: bytes = b""


def answer(folder: str | Path, order: bytes, weights: bytes, *, who: Identity, work: Work, when: str) -> Answer:
    """Do what an order asks, and give what is to be sent.

    Parameters
    ----------
    folder : str or Path
        The site's own, of outbox and ledger.
    order : bytes
        Signed by the coordinator.
    weights : bytes
        That came with it.
    who : Identity
    work : Work
    when : str
        Time in UTC (ISO 8601), for the ledger.

    Raises
    ------
    MyoT2Error
        The order is not the coordinator's, is meant for another site or another model, or the weights are not those
        that it names.
        Nothing is done then, and nothing but this refusal is sent.
    """
    folder, asked = Path(folder), read_order(order, weights, who)
    place = folder / "outbox" / f"{asked.Round:04d}-{asked.Kind}-{digest(order)[:12]}"
    with exclusive(folder):
        if (place / "message.json").is_file():
            return _stored(place)
        made = prepare(folder, asked, weights, who=who, work=work)
        write_bytes(place / "order.json", order)
        if made.tensors:
            write_bytes(place / "update.safetensors", made.tensors)
        else:  # what a killed try left, after which the corrections were withdrawn
            (place / "update.safetensors").unlink(missing_ok=True)
        record = {"Event": "answered", "When": when, "Round": asked.Round, "Order": asked.Kind, "Sha256": digest(order)}
        sent = {"MessageSha256": digest(made.message), "TensorsSha256": digest(made.tensors)}
        append(folder, {**record, **sent, "Bytes": len(made.message) + len(made.tensors)})
        write_bytes(place / "message.json", made.message)  # last: with it the answer is whole
    return made


def prepare(folder: Path, order: Order, weights: bytes, *, who: Identity, work: Work) -> Answer:
    """The answer to an order, without writing it into the outbox; a dry run prints it."""
    if order.ModelSha256 != work.model_sha256():
        raise MyoT2Error(
            expected="networks like this site's, for the same structures",
            found="an order about others",
            where="the coordinator's order",
            do="Nothing was done. Begin with the same model: learn.start here, --model at the coordinator.",
        )
    if order.Kind == messages.LEARN:
        write_bytes(_parent(folder, order), weights)
        return _update(order, weights, who, work)
    if order.Kind == messages.JUDGE:
        return Answer(signed(_report(folder, order, weights, work), who.key))
    work.keep(order, weights)
    return Answer(signed(Receipt(**_same(order), WeightsSha256=order.WeightsSha256), who.key))


def read_order(order: bytes, weights: bytes, who: Identity) -> Order:
    """An order, checked; see `answer` for what is refused."""
    asked = opened(order, Order, who.coordinator, where="the coordinator's order")
    if (asked.Federation, asked.Site) != (who.federation, who.site):
        raise MyoT2Error(
            expected=f"an order for site {who.site} of {who.federation}",
            found=f"one for site {asked.Site} of {asked.Federation}",
            where="the coordinator's order",
            do="Nothing was done. Ask the coordinator.",
        )
    if digest(weights) != asked.WeightsSha256:
        raise MyoT2Error(
            expected=f"weights with SHA-256 {asked.WeightsSha256}",
            found=digest(weights),
            where="the coordinator's order",
            do="Nothing was done. Ask the coordinator.",
        )
    return asked


def _update(order: Order, weights: bytes, who: Identity, work: Work) -> Answer:
    before = weights_of(weights)
    learned = work.learn(order, before)
    if learned is None or not learned.accepted:
        reason = NO_CORRECTIONS if learned is None else OWN_GATE
        return Answer(signed(Declined(**_same(order), ParentSha256=order.ParentSha256, Reason=reason), who.key))
    difference, norm = clipped(difference_of(before, learned.weights), order.ClipNorm)
    if not math.isfinite(norm):
        raise MyoT2Error(
            expected="finite weights after learning",
            found="NaN or infinity",
            where="this site's learning",
            do="Nothing was sent. Look at the corrections that were learned from.",
        )
    tensors = to_bytes(difference)
    manifest = Manifest(
        **_same(order),
        ParentSha256=order.ParentSha256,
        UpdateSha256=digest(tensors),
        UpdateBytes=len(tensors),
        Norm=norm,
        People=learned.people,
        PeopleOf={name: count for name, count in sorted(learned.people_of.items()) if count},
        Measured=dict(sorted(learned.measured.items())),
        RecipeSha256=learned.recipe_sha256,
        Software=__version__,
    )
    return Answer(signed(manifest, who.key), tensors)


def _report(folder: Path, order: Order, weights: bytes, work: Work) -> Report:
    path = _parent(folder, order)
    if not path.is_file() or digest(path.read_bytes()) != order.ParentSha256:
        raise MyoT2Error(
            expected="the weights of the round's beginning",
            found="none",
            where=path,
            do="This site was not asked at the round's beginning; it takes part in the next one.",
        )
    judged = work.judge(weights_of(path.read_bytes()), weights_of(weights))
    return Report(
        **_same(order),
        ParentSha256=order.ParentSha256,
        CandidateSha256=order.WeightsSha256,
        Accepted=judged.accepted,
        Lost=judged.lost,
        Measured=dict(sorted(judged.measured.items())),
        Generality=judged.generality,
    )


def _same(order: Order) -> dict[str, object]:
    return {name: getattr(order, name) for name in ("Federation", "Site", "Round", "Nonce")}


def _parent(folder: Path, order: Order) -> Path:
    return folder / "received" / f"{order.Round:04d}.safetensors"


def _stored(place: Path) -> Answer:
    tensors = place / "update.safetensors"
    return Answer((place / "message.json").read_bytes(), tensors.read_bytes() if tensors.is_file() else b"")
