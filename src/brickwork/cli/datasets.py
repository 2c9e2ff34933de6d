"""`brickwork datasets`: what there is to learn from."""

from dataclasses import asdict
from textwrap import fill

from brickwork.cli.output import Json, Quiet, print_json
from brickwork.data.datasets import cards


def datasets(*, json: Json = False, quiet: Quiet = False) -> int:
    """List the data sets that come with Brickwork's dependencies; nothing is downloaded."""
    if json:
        print_json([asdict(card) for card in cards()])
        return 0
    if quiet:
        print("\n".join(card.name for card in cards()))
        return 0
    for card in cards():
        size = f"{card.rows:,} rows of {' x '.join(map(str, card.inputs))}"
        answer = f"{len(card.classes)} classes" if card.classes else "a number"
        print(f"{card.name}: {card.title}\n  {'size':<8} {size}; answer: {answer}, {card.asked}")
        for name, text in (("origin", card.origin), ("licence", card.licence)):
            print(fill(text, width=100, initial_indent=f"  {name:<8} ", subsequent_indent=" " * 11))
        print()
    print("Learn one with: brickwork learn NAME")
    return 0
