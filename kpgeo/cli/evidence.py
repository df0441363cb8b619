"""Commands of evidence: make a bundle, check one, and the keys they are signed with."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kpgeo import evidence, flows
from kpgeo.cli.choices import HERE, AsJson, HereWorkspace
from kpgeo.cli.console import clean, note, progress, say, show_json, show_table, stop
from kpgeo.cli.look import opened
from kpgeo.evidence import Sealed, Verification
from kpgeo.model.calendar import parse_dekad
from kpgeo.model.errors import BadInputError, IntegrityError
from kpgeo.options.pipeline import Pipeline

_NAME_LIMIT = 80
_SEALED = {
    Sealed.KNOWN: "Intact, and signed by {signer} (fingerprint {fingerprint}).",
    Sealed.UNKNOWN: "Intact; signer not known: fingerprint {fingerprint}.",
    Sealed.UNSIGNED: "Intact, and not signed: anybody may have made it.",
    Sealed.BROKEN: "Not as it was sealed: {count} alteration(s).",
}


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    made = typer.Typer(no_args_is_help=True, help="One sealed file with what an alert rests on.")
    made.command("make")(evidence_make)
    keys = typer.Typer(no_args_is_help=True, help="The key that bundles are signed with, and whose are known here.")
    keys.command("make")(keys_make)
    keys.command("show")(keys_show)
    keys.command("trust")(keys_trust)
    app.add_typer(made, name="evidence")
    app.add_typer(keys, name="keys")
    app.command()(verify)


def evidence_make(
    alert: Annotated[str, typer.Argument(help="Id of the alert.", show_default=False)],
    dekad: Annotated[str | None, typer.Option(help="As it stood at the end of this dekad (2024-08-D1).")] = None,
    out: Annotated[Path | None, typer.Option(help="File or folder; the workspace's evidence/ by default.")] = None,
    workspace: HereWorkspace = HERE,
    as_json: AsJson = False,
) -> None:
    """Make the evidence bundle of an alert: all it rests on, sealed, and signed where there is a key."""
    chosen = parse_dekad(dekad) if dekad else None
    with opened(workspace) as (room, tables), room.lock(), progress() as bars:
        made = flows.make_evidence(room, tables, alert, dekad=chosen, out=out, progress=bars)
    say(f"The bundle is in {made.path}.", f"SHA-256: {made.sha256}")
    say(f"Signed: fingerprint {made.fingerprint}." if made.fingerprint else "Not signed: there is no signing key.")
    if not made.fingerprint:
        note("To sign what is made from now on: kpgeo keys make.")
    if as_json:
        show_json({"bundle": str(made.path), "sha256": made.sha256, "signer": made.fingerprint or None})


def verify(
    bundle: Annotated[Path, typer.Argument(help="The bundle.", show_default=False)],
    pipeline: Annotated[Path | None, typer.Argument(help="Pipeline file, for --recompute.", show_default=False)] = None,
    recompute: Annotated[bool, typer.Option("--recompute", help="Make the alert again from the scenes.")] = False,
    require_known: Annotated[
        bool, typer.Option("--require-known", help="Exit with 5 unless it is signed by a known signer.")
    ] = False,
    workspace: Annotated[
        Path | None, typer.Option("--workspace", help="Hold it against the ledger of this workspace, too.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that nothing in a bundle was changed since it was sealed; exit code 5 names the file and line that was."""
    if recompute != (pipeline is not None):
        raise BadInputError(
            "--recompute and a pipeline file go together.",
            where="verify",
            remedy="kpgeo verify --recompute BUNDLE FILE",
        )
    checked = evidence.verify_bundle(evidence.open_bundle(bundle), evidence.read_trusted())
    content: dict[str, Any] = {"bundle": str(bundle), **evidence.as_json(checked)}
    say(*_told(checked))
    code = 0 if checked.is_intact else IntegrityError.exit_code
    if checked.is_intact and require_known and checked.sealed is not Sealed.KNOWN:
        say("A known signer is required, and this is none.")
        code = IntegrityError.exit_code
    if checked.is_intact and workspace is not None:
        with opened(workspace) as (_, tables):
            content["workspace"] = flows.hold_against(checked, tables)
        say(*content["workspace"])
    if checked.is_intact and pipeline is not None:
        with progress() as bars:
            again = flows.recompute(checked, Pipeline.read(pipeline), progress=bars)
        content["recomputed"] = again.as_json()
        say(*_made_again(again))
        code = code or (0 if again.is_same else IntegrityError.exit_code)
    if as_json:
        show_json({**content, "exit_code": code})
    if code:
        stop(code)


def _told(checked: Verification) -> list[str]:
    """Return what checking came to, in lines."""
    first = _SEALED[checked.sealed].format(
        signer=checked.signer, fingerprint=checked.fingerprint, count=len(checked.alterations)
    )
    lines = [first, *(f"  {clean(one.where)}: {clean(one.what)}" for one in checked.alterations)]
    told = checked.predicate
    if checked.is_intact and "alert" in told:
        lines.append(
            f"{told.get('release')}: alert {told.get('alert')} in {told.get('aoi')}, {told.get('state')} at the end of "
            f"{told.get('dekad')}."
        )
    return [*lines, f"SHA-256: {checked.sha256}"]


def _made_again(again: flows.Recomputed) -> list[str]:
    """Return what recomputing came to, in lines."""
    if again.is_same:
        first = f"Made again from the scenes, the alert is the same ({len(again.compared)} files compared)."
    else:
        first = f"Made again from the scenes, {len(again.differences)} thing(s) came out otherwise:"
    return [first, *(f"  {line}" for line in again.differences), *again.remarks]


def keys_make(
    out: Annotated[Path | None, typer.Option(help="File; your own configuration folder by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a signing key, readable by you alone. Keep a copy of it safe, and show it to nobody."""
    path = out or evidence.key_path()
    public = evidence.make_key(path).public
    say(f"The signing key is in {path}. Show it to nobody.", f"Fingerprint: {public.fingerprint}")
    say("Others know your signature by this public key:", *public.pem.decode("ascii").splitlines())
    if as_json:
        show_json({"path": str(path), "fingerprint": public.fingerprint, "public_key": public.pem.decode("ascii")})


def keys_show(*, as_json: AsJson = False) -> None:
    """Show the public half of the signing key, and the signers that are known here."""
    key, known = evidence.read_key(), evidence.read_trusted()
    if key is None:
        say("There is no signing key: bundles are not signed. To make one: kpgeo keys make.")
    else:
        say(f"Fingerprint: {key.public.fingerprint}", *key.public.pem.decode("ascii").splitlines())
    show_table(("known signer", "fingerprint"), [(name, one) for one, name in sorted(known.items())], empty="")
    if as_json:
        public = None if key is None else key.public
        show_json({
            "fingerprint": public.fingerprint if public else None,
            "public_key": public.pem.decode("ascii") if public else None,
            "known": [{"name": name, "fingerprint": one} for one, name in sorted(known.items())],
        })  # fmt: skip


def keys_trust(
    file: Annotated[Path, typer.Argument(help="Public key of the signer (PEM).", show_default=False)],
    name: Annotated[str, typer.Option(help="Who that is.")],
    as_json: AsJson = False,
) -> None:
    """Make a signer known here. Compare the fingerprint with the signer first, by another way than the key came."""
    shown = clean(name).strip()[:_NAME_LIMIT]
    if not shown:
        raise BadInputError("A signer has a name.", where="--name")
    public = evidence.PublicKey(evidence.open_bundle(file))
    path = evidence.trust_key(public, shown)
    say(f"{shown} is known from now on: fingerprint {public.fingerprint}.", f"The list is in {path}.")
    if as_json:
        show_json({"name": shown, "fingerprint": public.fingerprint, "list": str(path)})
