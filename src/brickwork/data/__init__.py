"""Floor 1: data as NumPy arrays, checked; splits, row order, small data sets, pictures. No networks here."""

from brickwork.data import datasets
from brickwork.data.cards import DatasetCard
from brickwork.data.datasets import Dataset
from brickwork.data.encoders import Encoder
from brickwork.data.examples import Examples, encode_labels
from brickwork.data.ink import InkPicture, ink_picture
from brickwork.data.pictures import read_picture
from brickwork.data.samplers import epoch_rows
from brickwork.data.splits import random_split, stratified_split

__all__ = [
    "Dataset",
    "DatasetCard",
    "Encoder",
    "Examples",
    "InkPicture",
    "datasets",
    "encode_labels",
    "epoch_rows",
    "ink_picture",
    "random_split",
    "read_picture",
    "stratified_split",
]
