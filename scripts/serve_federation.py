"""Coordinate a federation: hospitals improve one model together, and no image leaves any of them.

  --begin       once: keys, a certificate, the settings, and the invitation for the sites
  --add-site    once per site: takes its card into the settings, after fingerprints were compared
  --renew       once a year: new certificates, and a new invitation for the sites; all keys stay
  --dry-run     says who takes part, by which rules, and what would be sent
  --list        says what became of each round
  --roll-back   makes an earlier version of the model the current one
  without any   plays the rounds that are left, then ends; start it again after an interruption, it goes on

docs/how-to/federate.md leads through it. Needs the federation's environment (make federation).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import yaml

from myot2.core.command import run_stage
from myot2.core.errors import MyoT2Error
from myot2.core.files import write_text
from myot2.learn.federation import SETTINGS, Member, Rules, read_settings, settings_of
from myot2.learn.ledger import now_in_utc, records_of
from myot2.learn.papers import (
    CARD,
    INVITATION,
    Card,
    Invitation,
    confirmed,
    fingerprint,
    read_paper,
    require_address,
    require_environment,
    write_paper,
)
from myot2.learn.round import CLOSED, MODELS, NO_ANSWER, NO_UPDATE, OPENED, UPDATE
from myot2.learn.versions import current, roll_back, start

PORT = 9092


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("folder", type=Path, help="the coordinator's folder; keep it where only its operator may read")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--begin", metavar="NAME", help="begin a federation of this name (small letters, digits, hyphens)"
    )
    what.add_argument("--add-site", type=Path, metavar=CARD, help="take a site in")
    what.add_argument("--renew", action="store_true", help="make new certificates and a new invitation")
    what.add_argument("--dry-run", action="store_true", help="send nothing and start nothing")
    what.add_argument("--list", action="store_true", help="list the rounds")
    what.add_argument("--roll-back", metavar="VERSION", help="go back to a version of the model")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why one goes back")
    parser.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="with --begin: where the sites reach this machine; with --renew: where it has moved to",
    )
    parser.add_argument(
        "--model", type=Path, default=Path("resources/models/thigh"), help="with --begin: the model to begin with"
    )
    parser.add_argument("--port", type=int, default=PORT, help="port of this machine to listen at (%(default)s)")
    parser.add_argument("--yes", action="store_true", help="the fingerprint was compared; do not ask")
    options = parser.parse_args(argv)
    if options.begin and not options.address:
        parser.error("--begin needs the --address by which sites reach this machine")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    asked = (
        (options.begin, begin),
        (options.add_site, add_site),
        (options.renew, renew),
        (options.dry_run, dry_run),
        (options.list, list_rounds),
        (options.roll_back, go_back),
        (True, play),
    )
    work = next(function for wanted, function in asked if wanted)

    def checked() -> None:
        require_environment("serve_federation.py", "cryptography", *(["flwr"] if work is play else []))
        work(options)

    return run_stage("federation", checked, outputs=[], leave_stop_notes=False)


def begin(options: argparse.Namespace) -> None:
    """Make what a coordinator needs; what is there stays."""
    from myot2.learn.certificates import make_certificates
    from myot2.learn.signing import make_key

    folder = options.folder
    if (folder / SETTINGS).exists():
        raise MyoT2Error(
            expected="a folder without a federation", found=SETTINGS, where=folder, do="Name another folder."
        )
    require_address(options.address)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = make_key(folder / "signing.key")
    authority = make_certificates(folder / "tls", [host_of(options.address)])
    first = start(folder / MODELS, options.model, when=now_in_utc())
    invitation = Invitation(
        federation=options.begin, address=options.address, coordinator_key=key, authority=authority.read_text()
    )
    write_paper(folder / INVITATION, invitation)
    write_settings(folder, {"name": options.begin, "sites": {}, "rules": Rules().model_dump(mode="json"), "rounds": 3})
    print(f"The federation {options.begin} begins with version {first.number} of {options.model}.")
    print(f"Give each site {folder / INVITATION}, and tell it by telephone this fingerprint of the invitation:")
    print(f"  {fingerprint(invitation)}")
    print("Then take each site's card in: --add-site card.json")


def renew(options: argparse.Namespace) -> None:
    """Make new certificates, and an invitation with them; the coordinator's signing key stays."""
    from myot2.learn.certificates import renew_certificates

    path = options.folder / INVITATION
    former = read_paper(path, Invitation)
    address = require_address(options.address or former.address)
    authority = renew_certificates(options.folder / "tls", [host_of(address)])
    invitation = former.model_copy(update={"address": address, "authority": authority.read_text()})
    write_paper(path, invitation)
    print(f"The certificates are new. Give each site {path} again, and tell it by telephone its fingerprint:")
    print(f"  {fingerprint(invitation)}")
    print("Each site takes it with --accept and starts again; until then it cannot connect. All keys stay.")


def add_site(options: argparse.Namespace) -> None:
    """Take a site in, where its fingerprint is the one that it says by telephone."""
    from myot2.learn.certificates import node_key_bytes

    card, path = read_paper(options.add_site, Card), options.folder / SETTINGS
    node_key_bytes(card.node)
    content = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None
    if content is None:
        read_settings(path)
    if card.site in content["sites"]:
        raise MyoT2Error(
            expected="a site that does not take part yet",
            found=card.site,
            where=path,
            do="To replace its keys, remove the site from this file first.",
        )
    content["sites"][card.site] = Member(key=card.key, node=card.node).model_dump(mode="json")
    settings_of(content, path)  # before anything is written: keys that another site has are refused
    print(f"The card of site {card.site} has the fingerprint {fingerprint(card)}.")
    if not options.yes and not confirmed("Has the site told you this fingerprint by telephone?"):
        print("Nothing was changed.")
        return
    write_settings(options.folder, content)
    print(f"{card.site} takes part. Sites: {', '.join(sorted(content['sites']))}.")


def dry_run(options: argparse.Namespace) -> None:
    """Say what would happen."""
    from myot2.segment.model import WEIGHTS

    settings = read_settings(options.folder / SETTINGS)
    now_ = current(options.folder / MODELS)
    size = (now_.folder / WEIGHTS).stat().st_size
    print(f"Federation {settings.name}, version {now_.number} of the model, {settings.rounds} rounds in all.")
    print(f"Each site that is connected would get an order (under 1 kB) and the weights ({size:,} bytes).")
    print(f"An update of a site has {size:,} bytes, give or take the header, and a manifest of some 3 kB.")
    for key, value in settings.rules.model_dump(mode="json").items():
        print(f"  {key}: {value}")
    for name, member in sorted(settings.sites.items()):
        print(f"Site {name}: {fingerprint(Card(site=name, key=member.key, node=member.node))}")
    if len(settings.sites) < settings.rules.minimum_sites:
        print(f"There are {len(settings.sites)} sites; the rules want {settings.rules.minimum_sites}: none would come.")
    print("Nothing was started and nothing was sent.")


def list_rounds(options: argparse.Namespace) -> None:
    """Print each round: who brought what, and what came of it."""
    for one in records_of(options.folder):
        if one["Event"] == OPENED:
            print(f"Round {one['Round']}, {one['When']}, from version {one['Parent']}")
        elif one["Event"] == UPDATE:
            people = f"{one['Manifest']['People']} people" if one["Accepted"] else f"refused: {one['Reason']}"
            print(f"  {one['Site']}: {people}, {one['Bytes']:,} bytes")
        elif one["Event"] == NO_UPDATE:
            print(f"  {one['Site']}: no update: {one['Reason']}")
        elif one["Event"] == NO_ANSWER:
            print(f"  {one['Site']}: no valid answer to {one['Order']}: {one['Reason']}")
        elif one["Event"] == CLOSED:
            made = f"version {one['Version']}" if one["Accepted"] else "no new version"
            print(" ".join([f"  {made}.", *one["Reasons"]]))


def go_back(options: argparse.Namespace) -> None:
    """Make an earlier version the current one; the next round begins with it."""
    target = roll_back(options.folder / MODELS, options.roll_back, reason=options.reason, when=now_in_utc())
    print(f"Version {target.number} is the current one; the next round begins with it.")


def play(options: argparse.Namespace) -> None:
    """Play the rounds."""
    from myot2.core.labels import read_labels
    from myot2.learn.aggregate import head_axes
    from myot2.learn.flower.coordinator import Coordinator, serve
    from myot2.learn.local import as_torch
    from myot2.learn.recipe import read_learning_recipe
    from myot2.learn.signing import read_key
    from myot2.learn.validation import measure, synthetic_people
    from myot2.segment.model import load_model

    settings = read_settings(options.folder / SETTINGS)
    if len(settings.sites) < settings.rules.minimum_sites:
        raise MyoT2Error(
            expected=f"at least {settings.rules.minimum_sites} sites",
            found=f"{len(settings.sites)}",
            where=options.folder / SETTINGS,
            do="Take their cards in with --add-site, or lower rules.minimum_sites.",
        )
    model, recipe = load_model(current(options.folder / MODELS).folder), read_learning_recipe(settings.recipe)
    people = synthetic_people(recipe.validation, model.configuration, read_labels("config/labels.tsv"))
    coordinator = Coordinator(
        folder=options.folder,
        settings=settings,
        key=read_key(options.folder / "signing.key"),
        configuration=model.configuration,
        head=head_axes(model.configuration, len(model.networks)),
        examine=lambda weights: (
            measure(as_torch(weights), people, model.configuration, threads=recipe.tuning.threads).drawn
        ),
        report=say,
    )
    serve(coordinator, host="0.0.0.0", port=options.port, tls=options.folder / "tls")


def host_of(address: str) -> str:
    """The host of host:port."""
    return address.rpartition(":")[0]


def write_settings(folder: Path, content: dict) -> None:
    """Write federation.yaml; what each key means is in docs/how-to/federate.md."""
    settings_of(content, folder / SETTINGS)
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    write_text(folder / SETTINGS, f"# A federation's settings; docs/how-to/federate.md explains each key.\n{text}")


def say(line: str) -> None:
    """Print at once."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
