"""The results as tables in Markdown, and where they stand in a page."""

import re
from collections.abc import Mapping
from typing import Any

from benchmarks.speed.contenders import CONTENDERS
from benchmarks.speed.judging import IDLE, disturbed
from benchmarks.speed.workloads import TITLES

BEGIN, END = "<!-- speed: begin -->", "<!-- speed: end -->"


def between_markers(page: str, text: str) -> str:
    """Return a page with a text between its markers in place of what was there; it gets markers if it has none."""
    block = f"{BEGIN}\n\n{text.strip()}\n\n{END}"
    if BEGIN in page and END in page:
        return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: block, page, count=1, flags=re.DOTALL)
    return f"{page.rstrip()}\n\n## Speed\n\n{block}\n"


def markdown(results: Mapping[str, Any]) -> str:
    """Return all tables."""
    if not results:
        return "Nothing was measured yet."
    parts = [_head(results), _overview(results)]
    parts += [_training(name, found) for name, found in results.get("training", {}).items()]
    if results.get("prediction"):
        parts.append(_predictions(results["prediction"]))
    parts += [_scaling(series, found) for series, found in results.get("scaling", {}).items()]
    if results.get("digits"):
        parts.append(_digits(results["digits"]))
    parts.append(_versions(results))
    return "\n\n".join(part for part in parts if part)


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table; all columns but the first are numbers, to the right."""
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def number(value: float) -> str:
    """Return a number with three digits that count, or whole."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def between(values: Mapping[str, float]) -> str:
    """Return a median with its least and most."""
    return f"{number(values['median'])} ({number(values['min'])} to {number(values['max'])})"


def _title(name: str) -> str:
    return CONTENDERS[name].title if name in CONTENDERS else name


def _head(results: Mapping[str, Any]) -> str:
    machine = results["machine"]
    peak = machine.get("peak_flops")
    told = f"; large matrix products reach {peak / 1e9:,.0f} GFLOP/s" if peak else ""
    place = machine.get("graphics") if results["device"] == "gpu" else machine["processor"]
    return (
        f"Measured on {results['date']} with {machine['cores']} cores ({place}), Python {machine['python']}, "
        f"{results['dtype']}{told}. Medians of {results['rounds']} rounds of about {results['seconds']:g} s in turn, "
        "with the least and the most."
    )


def _overview(results: Mapping[str, Any]) -> str:
    rows = []
    for name, found in results.get("training", {}).items():
        ours, best = found["rows"].get("brickwork", {}), found["best_peer"]
        if "milliseconds" in ours and best:
            peer = found["rows"][best]["milliseconds"]["median"]
            own = number(ours["milliseconds"]["median"])
            shared = any(disturbed(row) for row in found["rows"].values())
            times = "not comparable: the machine was shared" if shared else f"{ours['times_best_peer']:.2f}"
            cells = [own, f"{number(peer)}, {_title(best)}", times]
            rows.append([TITLES.get(name, name), *cells])
    if not rows:
        return ""
    head = ["training", "Brickwork, ms a step", "the best peer, ms a step", "times as fast"]
    return table(head, rows)


def _training(name: str, found: Mapping[str, Any]) -> str:
    workload = found["workload"]
    title = (
        f"**{TITLES.get(name, name)}**: batch {workload['batch']}, {found['parameters']:,} parameters, "
        f"{found['operations'] / 1e9:.3g} GFLOP a step, {found['steps_per_epoch']} steps an epoch"
    )
    head = ["contender", "ms a step", "examples/s", "of the peak", "to the best peer", "compiling, s", "memory, MB"]
    return title + "\n\n" + table(head, _rows(found["rows"]))


def _rows(rows: Mapping[str, Any]) -> list[list[str]]:
    done = sorted((n for n in rows if "milliseconds" in rows[n]), key=lambda n: rows[n]["milliseconds"]["median"])
    lines = []
    for name in done:
        row = rows[name]
        share = f"{100 * row['share_of_peak']:.0f}%" if "share_of_peak" in row else ""
        times = f"{row['times_best_peer']:.2f}" if "times_best_peer" in row else ""
        marks = [
            *(["the machine was shared"] if disturbed(row) else []),
            *(["busy between turns"] if row["idle_share"] > IDLE else []),
        ]
        lines.append(
            [
                _title(name) + (f" ({', '.join(marks)})" if marks else ""),
                between(row["milliseconds"]),
                number(row["examples_per_second"]),
                share,
                times,
                f"{row['compile_seconds']:.1f}",
                f"{row['peak_megabytes']:,.0f}",
            ]
        )
    for name, row in rows.items():
        if "milliseconds" not in row:
            reason = f"not the same work: {row['refused']}" if "refused" in row else row["failed"]
            lines.append([_title(name), _cell(reason), "", "", "", "", ""])
    return lines


def _predictions(found: Mapping[str, Any]) -> str:
    head = ["prediction, NumPy to NumPy", "1 row, ms", "to the best peer", "256 rows, rows/s", "to the best peer"]
    parts = []
    for name, batches in found.items():
        one, many = (batches[size]["rows"] for size in ("1", "256"))
        names = sorted(one, key=lambda n, rows=one: rows[n].get("milliseconds", {}).get("median", float("inf")))
        lines = []
        for who in names:
            if "failed" in one[who] or "failed" in many.get(who, {"failed": ""}):
                reason = one[who].get("failed") or many[who]["failed"]
                lines.append([_title(who), _cell(reason), "", "", ""])
                continue
            ratios = [
                f"{row['times_best_peer']:.2f}" if "times_best_peer" in row else "" for row in (one[who], many[who])
            ]
            cells = between(one[who]["milliseconds"]), ratios[0], number(many[who]["examples_per_second"]), ratios[1]
            mark = " (the machine was shared)" if disturbed(one[who]) or disturbed(many[who]) else ""
            lines.append([_title(who) + mark, *cells])
        parts.append(f"**{TITLES.get(name, name)}**\n\n{table(head, lines)}")
    return "\n\n".join(parts)


def _scaling(series: str, found: Mapping[str, Any]) -> str:
    names = list(dict.fromkeys(name for one in found.values() for name in one["rows"]))
    rows = []
    for who in names:
        cells = [one["rows"].get(who, {}).get("milliseconds") for one in found.values()]
        rows.append([_title(who), *(number(cell["median"]) if cell else "" for cell in cells)])
    return table([f"MLP 784-128-10, ms a step by {series}", *(name.split()[-1] for name in found)], rows)


def _digits(found: Mapping[str, Any]) -> str:
    head = ["digits to 98% of the test rows, the whole process", "seconds", "epochs", "to the best peer"]
    done = sorted((n for n in found if "seconds" in found[n]), key=lambda n: found[n]["seconds"]["median"])
    lines = [
        [
            _title(name),
            between(found[name]["seconds"]),
            str(found[name]["epochs"]),
            f"{found[name]['times_best_peer']:.2f}" if "times_best_peer" in found[name] else "",
        ]
        for name in done
    ]
    lines += [[_title(name), _cell(found[name]["failed"]), "", ""] for name in found if "failed" in found[name]]
    return table(head, lines)


def _versions(results: Mapping[str, Any]) -> str:
    versions: dict[str, str] = {}
    for some in results.get("versions", {}).values():
        versions |= some
    told = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    missing = "; ".join(f"{_title(name)}: {reason}" for name, reason in results.get("missing", {}).items())
    return f"Versions: {told}." + (f" Left out: {missing}." if missing else "")


def _cell(text: str) -> str:
    """Return a text that breaks no table."""
    return text.replace("|", "/").replace("\n", " ")[:160]
