"""Scores of answers with their intervals, and differences between two that answered the same rows."""

from brickwork.core.errors import DataError
from brickwork.explain.answers import checked, named, some
from brickwork.explain.findings import Answered, Interval, Score
from brickwork.explain.resampling import Rows, Statistic, bootstrap
from brickwork.explain.statistics import statistics


def scores(answered: Answered, seed: int = 0) -> tuple[Score, ...]:
    """Return how good answers are, what a person asks for first before the others, each with its 95% interval.

    Of classes: accuracy, balanced accuracy (the mean over the classes that occur of how many of theirs were found), log
    loss, the ROC AUC of two classes, the top-5 accuracy of ten or more. Of labels: macro F1 (the mean over those that
    occur), exact match (all labels of a row right), average precision. Of numbers: R2, RMSE, MAE; of several numbers
    each of them, and the mean R2, while a mean of errors in different units would say nothing.

    Shares of rows have Wilson's interval, balanced accuracy the one made of its classes' intervals; the others that of
    the bootstrap (1000 samples of the rows; of very many rows or labels fewer, but at least 400), which cannot
    tell how unlike other rows may be and is too narrow where rows are few or an order is perfect. Where rows come in
    clusters, all are made of samples of whole clusters. What cannot be known is nan: the ROC AUC of one class, the R2
    of equal truths, anything of no rows.

    Args:
        answered: answers and truths.
        seed: of the bootstrap.

    Raises:
        DataError: shapes that do not belong together, answers that are not finite.
    """
    answered = checked(answered)
    measured = statistics(answered)
    grouped = answered.clusters is not None
    open_ended = [name for name, one in measured.items() if grouped or one.closed is None]

    def statistics_of(rows: Rows) -> list[Statistic]:
        some_measured = statistics(some(answered, rows))
        return [some_measured[name].statistic for name in open_ended]

    cost = sum(measured[name].cost for name in open_ended)
    drawn = bootstrap(statistics_of, len(answered), seed, cost, answered.clusters)
    intervals = dict(zip(open_ended, drawn, strict=True))
    return tuple(
        Score(
            name,
            one.closed() if one.closed and not grouped else _within(intervals[name], one.share),
            one.higher_is_better,
            one.share,
        )
        for name, one in measured.items()
    )


def _within(interval: Interval, share: bool) -> Interval:
    """Return an interval that ends where shares end."""
    if not share:
        return interval
    return Interval(interval.value, max(interval.low, 0.0), min(interval.high, 1.0))


def difference(ours: Answered, theirs: Answered, name: str, seed: int = 0) -> Interval:
    """Return how much higher a score of ours is than theirs on the same rows, with its 95% interval.

    Both are scored on the same samples of rows (a paired bootstrap), so that rows which are hard for both do not blur
    the difference. An interval that leaves out 0 says that rows drawn at random rarely turn the order around; it says
    nothing about training again. Of errors, a negative difference means that ours is better.

    Args:
        ours: answers and truths.
        theirs: others for the same rows.
        name: of the score, as `scores` names it.
        seed: of the bootstrap.

    Raises:
        DataError: the answers are not for the same rows, or not finite.
        SettingError: there is no such score.
    """
    ours, theirs = checked(ours), checked(theirs, ours.question)
    if ours.labels != theirs.labels:
        raise DataError(f"To compare answers they must be of the same labels, not {ours.labels} and {theirs.labels}.")
    if ours.truth.shape != theirs.truth.shape or (ours.truth != theirs.truth).any():
        raise DataError("To compare answers they must be for the same rows: the truths differ.")
    known = statistics(ours)
    name = named(name, known)

    def statistics_of(rows: Rows) -> list[Statistic]:
        one, other = (statistics(some(side, rows))[name].statistic for side in (ours, theirs))
        return [lambda weights: one(weights) - other(weights)]

    return bootstrap(statistics_of, len(ours), seed, 2 * known[name].cost, ours.clusters)[0]
