"""`brickwork catalogue`: everything that networks and training are made of."""

from brickwork.cli.output import Json, Quiet, print_json
from brickwork.services.catalogue import catalogue as entries_of


def catalogue(name: str | None = None, /, *, kind: str | None = None, json: Json = False, quiet: Quiet = False) -> int:
    """List what networks and training are made of; with a name, show its formula, settings, source and an example.

    Parameters
    ----------
    name
        What to show, such as LSTM, mse or adam; or a kind, such as losses.
    kind
        List or search one kind only: bricks, activations, initializers, losses, metrics, optimizers, schedules.
    """
    found = entries_of(name, kind=kind)
    if json:
        print_json(found.to_json())
    elif quiet:
        print("\n".join(entry.name for entry in found))
    else:
        print(found)
        if not found.in_full:
            print("\nShow one with: brickwork catalogue NAME")
    return 0
