"""Floor 7: the use cases, once. Every door (command line, Python, web) calls these."""

from brickwork.services.answers import Answer, Answers, write_frame
from brickwork.services.catalogue import Catalogue, Entry, catalogue
from brickwork.services.describe import describe_model, network_table
from brickwork.services.evaluate import Evaluation, evaluate
from brickwork.services.explain import Explanation, explain_pictures, explain_rows
from brickwork.services.learn import Learned, learn, resume
from brickwork.services.predict import predict
from brickwork.services.saved import Saved, open_saved, takes_pictures

__all__ = [
    "Answer",
    "Answers",
    "Catalogue",
    "Entry",
    "Evaluation",
    "Explanation",
    "Learned",
    "Saved",
    "catalogue",
    "describe_model",
    "evaluate",
    "explain_pictures",
    "explain_rows",
    "learn",
    "network_table",
    "open_saved",
    "predict",
    "resume",
    "takes_pictures",
    "write_frame",
]
