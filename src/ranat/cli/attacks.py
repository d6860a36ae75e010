"""The command that checks an attack of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranat.cli import listing
from ranat.cli.application import STUDY, Json, app, examples, lists
from ranat.cli.printing import print_json, print_text
from ranat.errors import UserError

if TYPE_CHECKING:
    from ranat.attacks import Attack


@app.command(
    group=STUDY, help_epilogue=examples("ranat check-attack pgd", "ranat check-attack mine --plugin my_attack.py")
)
@lists(listing.attacks)
def check_attack(name: str, *, json: Json = False) -> None:
    """Check what an attack promises, in each preset, scope and norm that it has, on a small model: a line a promise.

    What an attack does not promise, as it perturbs nothing, has a - before it. Exit code 1 if a promise is broken.

    Args:
        name: Of the attack; --plugin names the file of one's own.
    """
    from ranat.attacks import attacks
    from ranat.training.contract import examine

    broken = 0
    rows: list[dict[str, Any]] = []
    for verdict in examine(_variants(attacks.get(name), name)):
        broken += verdict.wrong is not None
        where = "" if verdict.attack is None else repr(verdict.attack)
        rows.append({"check": verdict.name, "applies": verdict.applies, "wrong": verdict.wrong, "attack": where})
        if not json:
            state = "FAILED" if verdict.wrong is not None else "ok" if verdict.applies else "-"
            print_text(f"{state:7} {verdict.promise}" + (f" Not so: {verdict.wrong}, by {where}" if where else ""))
    if json:
        print_json(rows)
    if broken:
        raise UserError(f"the attack {name} breaks {broken} of {len(rows)} promises")


def _variants(kind: Any, name: str) -> list[Attack]:
    from ranat.training.contract import variants

    try:
        return list(variants(kind))
    except (TypeError, ValueError, AttributeError) as error:
        remedy = "it is a frozen dataclass derived from ranat.attacks.Attack, and every option has a default"
        raise UserError(f"cannot be made: {error}", where=f"attack {name}", remedy=remedy) from error
