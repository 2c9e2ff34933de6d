"""The command `brickwork`: one lazy sub-command per file, so that --help is instant."""

import gc
import os
import sys
from importlib.metadata import version
from typing import Any

from cyclopts import App

HELP = """Bring data, ask a question, get a network, and see inside it.

Start with a file of your own, `brickwork learn flights.csv --target delayed`, or with `brickwork learn digits`: it
trains a network on 1,258 handwritten digits, tests it on 269 others, explains and saves it. Then
`brickwork predict runs/digits-1/model.brickwork picture.png` reads a digit that you drew.
"""


def make_app(command: str = "") -> App:
    """Return the command line application. Only the named command is imported, and teaches by its own docstring."""
    app = App(name="brickwork", help=HELP, version=version("brickwork"), help_format="markdown")
    for name, text in (
        ("learn", "Learn to answer a question from your data, test the answers, explain and save all."),
        ("predict", "Ask a saved model about new rows or pictures."),
        ("evaluate", "Test a saved model on data whose answers are known."),
        ("explain", "Show what a saved model's answers rest on, row by row."),
        ("resume", "Go on with a run that was cut off."),
        ("show", "Show what a saved model is made of, and its card."),
        ("catalogue", "List bricks, losses, metrics, optimizers...; with a name, show its formula and an example."),
        ("datasets", "List the data sets that are here, with size, origin and licence."),
    ):
        place = "learn" if name == "resume" else name
        app.command(f"brickwork.cli.{place}:{name}", name=name, help=None if name == command else text)
    return app


def main(tokens: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 it could not be done, 2 wrong usage, 130 stopped by Ctrl-C."""
    gc.set_threshold(200_000, 20, 20)  # tracing makes many objects that stay: looking for garbage costs half a second
    code = run(tokens)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # at once: all is written, and a compiler thread may still be at work after Ctrl-C


def run(tokens: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    from cyclopts import CycloptsError

    from brickwork.core.errors import BrickworkError

    try:
        tokens = sys.argv[1:] if tokens is None else tokens
        result: Any = make_app(next(iter(tokens), ""))(tokens, exit_on_error=False, result_action="return_value")
    except CycloptsError:
        return 2
    except BrickworkError as error:
        print(f"brickwork: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("brickwork: stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return result if isinstance(result, int) else 0


if __name__ == "__main__":
    main()
