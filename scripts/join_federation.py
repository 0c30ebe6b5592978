"""Take part in a federation as a site: learn from this site's corrections, and send what the weights learned.

  --make-keys   once: this site's keys, and the card for the coordinator
  --accept      once, and when certificates were renewed: takes an invitation, after fingerprints were compared
  --dry-run     learns, prints all that would leave this site, field by field and tensor by tensor, and sends nothing
  without any   waits for the coordinator's orders and answers them, until it is stopped (Ctrl-C)

What was sent lies in the folder's outbox/, byte by byte, and in its ledger.jsonl.
docs/how-to/federate.md leads through it. Needs the federation's environment (make federation).
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import suppress
from pathlib import Path

from myot2.core.command import run_stage
from myot2.core.errors import MyoT2Error
from myot2.learn.papers import (
    CARD,
    INVITATION,
    Card,
    Invitation,
    confirmed,
    fingerprint,
    read_paper,
    require_environment,
    write_paper,
)


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("folder", type=Path, help="this site's folder of the federation; its operator's alone")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--make-keys", metavar="SITE", help="make keys for a site of this name (small letters, hyphens)")
    what.add_argument("--accept", type=Path, metavar=INVITATION, help="take an invitation")
    what.add_argument("--dry-run", action="store_true", help="send nothing")
    parser.add_argument(
        "--configfile", type=Path, default=Path("config/config.yaml"), help="of the run with corrections"
    )
    parser.add_argument("--yes", action="store_true", help="the fingerprint was compared; do not ask")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    asked = ((options.make_keys, make_keys), (options.accept, accept), (options.dry_run, dry_run), (True, take_part))
    work = next(function for wanted, function in asked if wanted)

    def until_stopped() -> None:
        require_environment("join_federation.py", "cryptography", *(["flwr"] if work is take_part else []))
        with suppress(KeyboardInterrupt):
            work(options)

    return run_stage("federation", until_stopped, outputs=[], leave_stop_notes=False)


def make_keys(options: argparse.Namespace) -> None:
    """Make this site's two keys and its card."""
    from myot2.learn.certificates import make_node_key
    from myot2.learn.signing import make_key

    options.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key, node = make_key(options.folder / "signing.key"), make_node_key(options.folder / "node.key")
    card = Card(site=options.make_keys, key=key, node=node)
    write_paper(options.folder / CARD, card)
    print(f"Send {options.folder / CARD} to the coordinator, and tell by telephone its fingerprint:")
    print(f"  {fingerprint(card)}")
    print("signing.key and node.key never leave this machine.")


def accept(options: argparse.Namespace) -> None:
    """Take an invitation, where its fingerprint is the one that the coordinator says by telephone."""
    invitation = read_paper(options.accept, Invitation)
    print(f"An invitation of federation {invitation.federation} at {invitation.address}.")
    print(f"It has the fingerprint {fingerprint(invitation)}.")
    if not options.yes and not confirmed("Has the coordinator told you this fingerprint by telephone?"):
        print("Nothing was changed.")
        return
    write_paper(options.folder / INVITATION, invitation)
    print("Taken. Look at what would leave this site: --dry-run; then take part.")


def dry_run(options: argparse.Namespace) -> None:
    """Learn as in a round that begins with this site's current version, and print what would be sent."""
    import tempfile

    from myot2.learn.federation import Rules
    from myot2.learn.joining import work_of_run
    from myot2.learn.messages import LEARN, Order
    from myot2.learn.site import prepare
    from myot2.learn.updates import digest
    from myot2.learn.versions import current
    from myot2.segment.model import WEIGHTS

    who = identity(options)
    work = work_of_run(options.configfile, report=say)
    weights = (current(work.models).folder / WEIGHTS).read_bytes()
    order = Order(
        Kind=LEARN,
        Federation=who.federation,
        Site=who.site,
        Round=1,
        Nonce="0" * 64,
        ParentSha256=digest(weights),
        WeightsSha256=digest(weights),
        ModelSha256=work.model_sha256(),
        ClipNorm=Rules().clip_norm,
    )
    with tempfile.TemporaryDirectory() as aside:
        made = prepare(Path(aside), order, weights, who=who, work=work)
    print_answer(made.message, made.tensors)


def print_answer(message: bytes, tensors: bytes) -> None:
    """Every field and every tensor of an answer."""
    from myot2.learn.updates import declared_tensors

    print("This message would leave this site:")
    print(json.dumps(json.loads(message), indent=2))
    print(f"({len(message):,} bytes)")
    if tensors:
        print("With it these tensors, differences of weights (float32):")
        for name, one in declared_tensors(tensors).items():
            first, last = one["data_offsets"]
            print(f"  {name}  {'x'.join(map(str, one['shape']))}  {last - first:,} bytes")
    print(f"In all {len(message) + len(tensors):,} bytes, and Flower's own: which task, when, this node's key.")
    print("After it a report on the candidate (Dice per structure, under 4 kB) and a receipt; nothing else.")
    print("Nothing was sent.")


def take_part(options: argparse.Namespace) -> None:
    """Answer orders until stopped."""
    from myot2.learn.flower.node import join
    from myot2.learn.joining import RenewedWork, work_of_run

    folder, who = options.folder, identity(options)
    invitation = read_paper(folder / INVITATION, Invitation)
    authority = folder / "ca.crt"
    authority.write_text(invitation.authority)
    join(
        folder,
        who=who,
        work=RenewedWork(lambda: work_of_run(options.configfile, report=say)),
        address=invitation.address,
        authority=authority,
        node_key=folder / "node.key",
        report=say,
    )


def identity(options: argparse.Namespace):
    """Who this site is, and whom it listens to."""
    from myot2.learn.signing import public_of, read_key
    from myot2.learn.site import Identity

    card, invitation = read_paper(options.folder / CARD, Card), read_paper(options.folder / INVITATION, Invitation)
    key = read_key(options.folder / "signing.key")
    if public_of(key) != card.key:
        raise MyoT2Error(
            expected=f"the key of {CARD}",
            found="another one",
            where=options.folder / "signing.key",
            do="Restore it, or make keys in a new folder.",
        )
    return Identity(invitation.federation, card.site, key, invitation.coordinator_key)


def say(line: str) -> None:
    """Print at once."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
