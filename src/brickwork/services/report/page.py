"""The page: all parts of a report in one file that needs nothing else, no network and no scripts."""

import base64
import hashlib
import os
from functools import cache
from pathlib import Path

from brickwork.services.report.audit import audit_section
from brickwork.services.report.card import data_section
from brickwork.services.report.classes import confusion_section, labels_section
from brickwork.services.report.document import Report
from brickwork.services.report.heading import heading
from brickwork.services.report.making import making_section, next_section
from brickwork.services.report.markup import Html, element, joined, shortened
from brickwork.services.report.matters import matters_section
from brickwork.services.report.mistakes import mistakes_section
from brickwork.services.report.numbers import residuals_section
from brickwork.services.report.scores import scores_section
from brickwork.services.report.training import training_section
from brickwork.services.report.trust import trust_section
from brickwork.storage.files import write_atomic

PARTS = (
    ("scores", "Scores", scores_section),
    ("classes", "Mix-ups", confusion_section),
    ("labels", "Labels", labels_section),
    ("errors", "Errors", residuals_section),
    ("trust", "Probabilities", trust_section),
    ("matters", "What matters", matters_section),
    ("mistakes", "Mistakes", mistakes_section),
    ("audit", "Groups", audit_section),
    ("data", "The data", data_section),
    ("training", "Training", training_section),
    ("next", "Next steps", next_section),
    ("making", "How it was made", making_section),
)


def report_html(report: Report) -> str:
    """Return a report as one page of HTML.

    Everything that comes from the data is escaped, and a content security policy forbids scripts, connections and
    styles other than the page's own, so that a file of data cannot act on whoever opens its report.
    """
    made = [(name, title, draw(report)) for name, title, draw in PARTS]
    parts = [(name, title, part) for name, title, part in made if part]
    links = [element("li", element("a", title, href=f"#{name}")) for name, title, _ in parts]
    title = ", ".join(shortened(name, 60) for name in report.asked[:3]) or "A network"
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"{title}: Brickwork report"),
        element("style", Html(style)),
    )
    navigation = element("nav", element("ul", links), aria_label="Parts of this report") if len(links) > 1 else None
    body = element(
        "body",
        element("a", "To the report", href="#report", class_="skip"),
        heading(report),
        element("div", navigation, element("main", [part for _, _, part in parts], id="report"), class_="page"),
    )
    return joined(Html("<!doctype html>\n"), element("html", head, body, lang="en"), "\n")


def write_report(report: Report, path: str | os.PathLike[str]) -> Path:
    """Write a report as one HTML file, whole or not at all.

    Raises:
        StorageError: it could not be written; what was there is untouched.
    """
    write_atomic(path, report_html(report).encode("utf-8", "replace"))
    return Path(path)


@cache
def _style() -> str:
    return (Path(__file__).parent / "style.css").read_text(encoding="utf-8").strip()
