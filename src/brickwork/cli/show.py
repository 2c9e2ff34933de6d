"""`brickwork show`: what a saved model is made of."""

from pathlib import Path

from brickwork.cli.output import Json, Quiet, print_json, print_network
from brickwork.core.errors import BundleError
from brickwork.services import describe_model


def show(model: Path, /, *, depth: int = 1, json: Json = False, quiet: Quiet = False) -> int:
    """Show what a saved model is made of, and its card: what it learned, from what, and how well.

    Parameters
    ----------
    model
        A saved model (`model.brickwork`).
    depth
        How many levels of bricks within bricks to show.
    """
    document = describe_model(model, depth)
    if json:
        print_json(document)
        return 0
    print_network(document["layers"], document["parameters"])
    if quiet:
        return 0
    try:
        card = _card(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(f"{model} has a card that cannot be read: {error!r}.") from error
    for name, text in card:
        print(f"{name:>10}  {text}")
    return 0


_PARTS = {"train": "to train on", "valid": "to choose by", "test": "to test on"}


def _card(document: dict) -> list[tuple[str, str]]:
    task, data = document.get("task") or {}, document.get("data") or {}
    scores, training = document.get("scores") or {}, document.get("training") or {}
    rows = data.get("rows") or {}
    test = "  ".join(f"{name} {value:.4g}" for name, value in scores.get("test", {}).items())
    baseline = "  ".join(f"{name} {value:.4g}" for name, value in scores.get("baseline", {}).items())
    card = [
        ("asked", task.get("asked")),
        ("data", data.get("title")),
        ("rows", ", ".join(f"{count:,} {_PARTS.get(part, part)}" for part, count in rows.items())),
        ("origin", data.get("origin")),
        ("licence", data.get("licence")),
        ("tested", f"{test}, on {scores['test_rows']} rows" if scores else None),
        ("baseline", baseline),
        ("trained", f"{training['epochs']} epochs, {training['steps']} steps" if training else None),
        ("work", f"{document['flops']:,} operations to predict one row"),
        ("written by", ", ".join(f"{name} {version}" for name, version in document["written_by"].items())),
    ]
    return [(name, text) for name, text in card if text]
