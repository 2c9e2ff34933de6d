"""Floor 1: what is kept on disk. Bundles that can be read without trusting who wrote them, files that are whole."""

from brickwork.storage.bundle import Bundle, Limits, load_bundle, read_header, save_bundle
from brickwork.storage.files import append_line, private_folder, write_atomic, write_json

__all__ = [
    "Bundle",
    "Limits",
    "append_line",
    "load_bundle",
    "private_folder",
    "read_header",
    "save_bundle",
    "write_atomic",
    "write_json",
]
