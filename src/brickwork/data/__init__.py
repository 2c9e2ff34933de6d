"""Floor 1: data as NumPy arrays, checked; splits, row order, small data sets, pictures. No networks here."""

from brickwork.data import datasets
from brickwork.data.cards import DatasetCard
from brickwork.data.datasets import Dataset
from brickwork.data.encoders import Encoder
from brickwork.data.examples import Examples, encode_labels
from brickwork.data.ink import InkPicture, ink_picture
from brickwork.data.picture_encoder import PictureEncoder, fit_picture_encoder, read_pictures
from brickwork.data.picture_files import Pictures
from brickwork.data.picture_folder import pictures_in, read_picture_folder
from brickwork.data.picture_table import picture_column, pictures_of_table
from brickwork.data.pictures import read_picture
from brickwork.data.samplers import epoch_rows
from brickwork.data.splits import random_split, stratified_split

__all__ = [
    "Dataset",
    "DatasetCard",
    "Encoder",
    "Examples",
    "InkPicture",
    "PictureEncoder",
    "Pictures",
    "datasets",
    "encode_labels",
    "epoch_rows",
    "fit_picture_encoder",
    "ink_picture",
    "picture_column",
    "pictures_in",
    "pictures_of_table",
    "random_split",
    "read_picture",
    "read_picture_folder",
    "read_pictures",
    "stratified_split",
]
