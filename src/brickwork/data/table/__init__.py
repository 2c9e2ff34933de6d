"""Tables: read from files, judged column by column, encoded as arrays."""

from brickwork.data.table.columns import CategoryColumn, Column, DateColumn, NumberColumn, TextColumn
from brickwork.data.table.encoder import TableEncoder
from brickwork.data.table.reading import Table, is_table, read_table
from brickwork.data.table.schema import Judged, judge

__all__ = [
    "CategoryColumn",
    "Column",
    "DateColumn",
    "Judged",
    "NumberColumn",
    "Table",
    "TableEncoder",
    "TextColumn",
    "is_table",
    "judge",
    "read_table",
]
