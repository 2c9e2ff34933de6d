"""How training went: what was measured after each epoch, on the training rows and on those only watched."""

import numpy as np

from brickwork.services.report.axes import Axes, band, bounds, figure, line, plain
from brickwork.services.report.document import Curve, Report
from brickwork.services.report.markup import Html, element
from brickwork.services.report.tables import section
from brickwork.services.report.wording import METRICS, SHARES, metric_meaning, metric_of, number, paragraph


def training_section(report: Report) -> Html:
    """Return the curves."""
    drawn = [_curve(curve) for curve in report.curves if len(curve.epochs) and (len(curve.train) or len(curve.valid))]
    if not drawn:
        return Html("")
    intro = paragraph(
        "An epoch is one pass over the training rows. The solid line is of rows that were only watched: where it turns "
        "for the worse while the dashed one gets better, the network has begun to learn rows by heart."
    )
    return section("training", "How training went", intro, element("div", drawn, class_="pair"))


def _curve(curve: Curve) -> Html:
    epochs = [float(epoch) for epoch in curve.epochs]
    sets = [curve.train, curve.valid, *(curve.train_range or ()), *(curve.valid_range or ())]
    values = np.asarray([float(value) for values in sets for value in values], np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return Html("")
    low, high = bounds(_without_spikes(values))
    known = metric_of(curve.name)
    if known in SHARES:
        high = min(high, 1.0)
    axes = Axes((epochs[0], epochs[-1] if epochs[-1] > epochs[0] else epochs[0] + 1), (low, high), whole=(True, False))
    marks: list[Html] = []
    legend: list[tuple[str, str]] = []
    for name, line_, span, kind in (
        ("training rows", curve.train, curve.train_range, "train"),
        ("rows only watched", curve.valid, curve.valid_range, "valid"),
    ):
        if not len(line_):
            continue
        if span is not None:
            marks.append(band(axes, epochs, span[0], span[1], f"{kind} spread"))
        marks.append(line(axes, epochs, line_, kind))
        legend.append((name, kind))
    best = _best(axes, curve)
    if best:
        marks += best
        legend.append(("weights kept", "kept" if isinstance(curve.best, tuple) else "best"))
    title = METRICS[known][0] if known else plain(curve.name)
    last = [float(value) for value in list(curve.valid) or list(curve.train) if np.isfinite(value)]
    said = f"{title} by epoch, from {number(last[0])} to {number(last[-1])}" if last else title
    caption = metric_meaning(curve.name)
    many = " Lines are means over the ensemble's members, areas run from the lowest to the highest."
    caption = f"{caption[:1].upper()}{caption[1:]}." if caption else ""
    caption += many if curve.valid_range or curve.train_range else ""
    shares = (False, known in SHARES)
    return figure(axes.draw(*marks, label=said, x_name="epoch", shares=shares), caption.strip() or None, legend, title)


def _best(axes: Axes, curve: Curve) -> list[Html]:
    """Return a line at the epoch whose weights were kept, or for the members of an ensemble a tick each."""
    if curve.best is None:
        return []
    many = curve.best if isinstance(curve.best, tuple) else (curve.best,)
    low, high = axes.y
    height = high if len(many) == 1 else low + 0.12 * (high - low)
    marks: list[Html] = []
    for epoch in sorted(set(many)):
        (x, foot), (_, top) = axes.at(float(epoch), low), axes.at(float(epoch), height)
        title = element("title", f"epoch {epoch}")
        marks.append(element("g", title, element("line", x1=x, x2=x, y1=top, y2=foot, class_="best")))
    values = list(curve.valid) or list(curve.train)
    places = {int(epoch): place for place, epoch in enumerate(curve.epochs)}
    if len(many) == 1 and many[0] in places and places[many[0]] < len(values):
        x, y = axes.at(float(many[0]), float(values[places[many[0]]]))
        if np.isfinite(y):
            marks.append(element("circle", cx=x, cy=y, r=4.5, class_="best"))
    return marks


def _without_spikes(values: np.ndarray) -> list[float]:
    """Return the values without the few, as of the first steps, that would press all others flat."""
    low, most = np.quantile(values, [0.05, 0.95])
    span = most - low if len(values) >= 50 else 0.0
    kept = values[(values <= most + 1.5 * span) & (values >= low - 1.5 * span)] if span > 0 else values
    return [float(value) for value in (kept.min(), kept.max())]
