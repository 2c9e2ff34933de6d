"""Floor 2: bricks, the parts that networks are built of."""

from brickwork.bricks.attention import Attention, AttentionMemory
from brickwork.bricks.augment import RandomAffine
from brickwork.bricks.containers import Remembering, Residual, Sequential, Stack
from brickwork.bricks.convolution import Conv
from brickwork.bricks.dense import Activation, Dense
from brickwork.bricks.dropout import Dropout, keep_mask
from brickwork.bricks.embedding import Embedding
from brickwork.bricks.graph import Graph, Parallel
from brickwork.bricks.initializers import INITIALIZERS, initializer
from brickwork.bricks.merging import Add, Average, Concat, Maximum, Multiply
from brickwork.bricks.normalization import BatchNorm, LayerNorm
from brickwork.bricks.pooling import AveragePool, Flatten, GlobalPool, MaxPool
from brickwork.bricks.recurrent import LSTM, LSTMMemory
from brickwork.bricks.scaling import Rescale

__all__ = [
    "INITIALIZERS",
    "LSTM",
    "Activation",
    "Add",
    "Attention",
    "AttentionMemory",
    "Average",
    "AveragePool",
    "BatchNorm",
    "Concat",
    "Conv",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalPool",
    "Graph",
    "LSTMMemory",
    "LayerNorm",
    "MaxPool",
    "Maximum",
    "Multiply",
    "Parallel",
    "RandomAffine",
    "Remembering",
    "Rescale",
    "Residual",
    "Sequential",
    "Stack",
    "initializer",
    "keep_mask",
]
