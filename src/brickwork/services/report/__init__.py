"""Report: what was asked, what came out and how far to trust it, as one HTML file that opens offline.

`Report` is plain data; `write_report` makes the page of it.
"""

from brickwork.services.report.document import (
    Audit,
    ColumnCard,
    Compared,
    Curve,
    DataCard,
    Distribution,
    Gallery,
    LabelScores,
    Making,
    PictureMap,
    Report,
    ShownMistake,
    Step,
    Unsure,
)
from brickwork.services.report.heading import sentences
from brickwork.services.report.page import report_html, write_report

__all__ = [
    "Audit",
    "ColumnCard",
    "Compared",
    "Curve",
    "DataCard",
    "Distribution",
    "Gallery",
    "LabelScores",
    "Making",
    "PictureMap",
    "Report",
    "ShownMistake",
    "Step",
    "Unsure",
    "report_html",
    "sentences",
    "write_report",
]
