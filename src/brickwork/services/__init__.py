"""Floor 7: the use cases, once. Every door (command line, Python, web) calls these."""

from brickwork.services.catalogue import Catalogue, Entry, catalogue
from brickwork.services.describe import describe_model, network_table
from brickwork.services.learn import Learned, learn
from brickwork.services.predict import Answer, predict

__all__ = [
    "Answer",
    "Catalogue",
    "Entry",
    "Learned",
    "catalogue",
    "describe_model",
    "learn",
    "network_table",
    "predict",
]
