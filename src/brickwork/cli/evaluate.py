"""`brickwork evaluate`: how well a saved model answers for data whose answers are known."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from brickwork.cli.learned import print_groups
from brickwork.cli.output import Json, print_json, print_note, print_scores
from brickwork.explain import Interval, Score
from brickwork.services import evaluate as evaluate_service

By = Annotated[list[str] | None, Parameter(negative="", help="A column by whose groups the answers are audited.")]


def evaluate(
    model: Path,
    source: Path,
    /,
    *,
    by: By = None,
    separator: str | None = None,
    encoding: str | None = None,
    json: Json = False,
) -> int:
    """Test a saved model on data whose answers are known: later rows, other places, other pictures.

    Examples:

        brickwork evaluate runs/flights-1/model.brickwork december.csv --by airline

    Parameters
    ----------
    model
        A saved model (`model.brickwork`).
    source
        A file of rows with the target among its columns; for a model of pictures a folder with a sub-folder for each
        class, or a table with a column of paths.
    separator
        What stands between the fields of delimited text; guessed where it is not said.
    encoding
        Of text; guessed where it is not said.
    """
    found = evaluate_service(model, source, by=by or (), separator=separator, encoding=encoding)
    if json:
        print_json(
            {
                "rows": len(found.answered),
                "scores": {s.name: s.interval.value for s in found.scores},
                "intervals": {s.name: [s.interval.low, s.interval.high] for s in found.scores},
                "before": dict(found.before),
                "groups": {
                    column: {g.group: {s.name: s.interval.value for s in g.scores} for g in groups}
                    for column, groups in found.groups.items()
                },
                "skipped": dict(found.skipped),
            }
        )
        return 0
    for note in found.notes:
        print_note("Note", note)
    for path, reason in found.skipped:
        print_note("Skipped", f"{path}: {reason}")
    print(f"Tested on {len(found.answered):,} rows")
    before = [
        Score(s.name, Interval(found.before[s.name], 0, 0), s.higher_is_better, s.share)
        for s in found.scores
        if s.name in found.before
    ]
    print_scores(found.scores, {"when it was learned": before})
    for column, groups in found.groups.items():
        print(f"By {column}")
        print_groups(groups)
    return 0
