"""`brickwork predict`: ask a saved model."""

from pathlib import Path

from brickwork.cli.output import Json, Quiet, percent, print_json, print_note, print_table
from brickwork.services import Answer, Answers, write_frame
from brickwork.services import predict as predict_service

SHOWN = 20
"""Answers for rows of a table that are shown where no file is asked for."""


def predict(
    model: Path,
    /,
    *sources: Path,
    out: Path | None = None,
    unsure_below: float | None = None,
    separator: str | None = None,
    encoding: str | None = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Ask a saved model: about the rows of a table, about pictures, about all pictures in a folder.

    Columns are found by name: their order does not matter, and others are left alone. Words that the model has not
    learnt and missing values have an answer too. A model of digits reads a drawn digit of any size, dark on light or
    light on dark.

    Examples:

        brickwork predict runs/flights-1/model.brickwork new.csv --out answers.csv

        brickwork predict runs/flights-1/model.brickwork new.csv --unsure-below 0.8

        brickwork predict runs/digits-1/model.brickwork scans/*.png --json

    Parameters
    ----------
    model
        A saved model (`model.brickwork`).
    sources
        A file of rows (CSV, TSV, Parquet, JSON Lines, Arrow); for a model of pictures files or folders.
    out
        Write all answers into this file, beside the columns of the rows: .csv, .tsv, .jsonl, .json, .parquet, .arrow.
    unsure_below
        Mark answers less probable than this, for a person to decide.
    separator
        What stands between the fields of delimited text; guessed where it is not said.
    encoding
        Of text; guessed where it is not said.
    """
    answers = predict_service(model, sources, below=unsure_below, separator=separator, encoding=encoding)
    if out is not None:
        write_frame(out, answers.frame())
    if json:
        print_json([_document(answer, answers) for answer in answers])
        return 0
    if quiet:
        if out is None:
            print("\n".join(_plain(answer, answers.question) for answer in answers))
        return 0
    for note in answers.notes:
        print_note("Note", note)
    if answers.table is None:
        for answer in answers:
            print(f"{answer.source}: {_sentence(answer, answers)}")
    elif out is None:
        _print_rows(answers)
    for path, reason in answers.skipped:
        print_note("Skipped", f"{path}: {reason}")
    if unsure_below is not None:
        share = f"{len(answers.unsure):,} of {len(answers):,}"
        print(f"{share} answers are less than {percent(unsure_below)} sure: for a person to decide.")
    if out is not None:
        print(f"{len(answers):,} answers are in {out}.")
    return 0


def _print_rows(answers: Answers) -> None:
    frame = answers.frame(given_too=False).head(SHOWN)
    columns = [name for name in frame.columns if not name.startswith("p(")] or frame.columns
    rows = [(str(place + 1), *map(_cell, frame.select(columns).row(place))) for place in range(frame.height)]
    print_table("", ("row", *columns), rows, ("row", *columns[1:]))
    if len(answers) > SHOWN:
        print(f"... and {len(answers) - SHOWN:,} more. Say --out answers.csv to have all in a file.")


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _document(answer: Answer, answers: Answers) -> dict[str, object]:
    document: dict[str, object] = {"source": answer.source, "answer": answer.answer}
    if answers.question == "number":
        return document | ({"low": answer.low, "high": answer.high} if answer.low else {})
    return document | {
        "probability": answer.probability,
        "probabilities": {str(label): p for label, p in answer.ranking},
    }


def _plain(answer: Answer, question: str) -> str:
    """Return an answer as one word for a program to read: labels with | between them, numbers with spaces."""
    if not isinstance(answer.answer, tuple):
        return str(answer.answer)
    return (" " if question == "number" else "|").join(map(str, answer.answer))


def _sentence(answer: Answer, answers: Answers) -> str:
    if answers.question == "number":
        given = answer.answer if isinstance(answer.answer, tuple) else (answer.answer,)
        ends = zip(answer.low, answer.high, strict=True) if answer.low else [()] * len(given)
        named = len(given) > 1
        parts = [
            (f"{name} " if named else "") + f"{number:.4g}" + (f" ({end[0]:.4g} to {end[1]:.4g})" if end else "")
            for name, number, end in zip(answers.names, given, ends, strict=True)
        ]
        return ", ".join(parts)
    if answers.question == "labels":
        there = [f"{label} {percent(p)}" for label, p in answer.ranking if p > 0.5]
        return ", ".join(there) or f"none of them (most likely {answer.ranking[0][0]} {percent(answer.ranking[0][1])})"
    others = [f"{label} {percent(p)}" for label, p in answer.ranking[1:3] if p >= 0.0005]
    then = f"; then {', '.join(others)}" if others else ""
    return f"{answer.answer}  ({percent(answer.probability or 0)} sure{then})"
