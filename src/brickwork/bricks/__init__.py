"""Floor 2: bricks, the parts that networks are built of."""

from brickwork.bricks.additive_attention import AdditiveAttention
from brickwork.bricks.attention import Attention, AttentionMemory, ContextMemory
from brickwork.bricks.augment import (
    Annotated,
    ColorJitter,
    CutMix,
    Cutout,
    FrequencyMask,
    Mixup,
    RandAugment,
    RandomAffine,
    RandomBlur,
    RandomCrop,
    RandomElastic,
    RandomEqualize,
    RandomErasing,
    RandomFlip,
    RandomGain,
    RandomGray,
    RandomInvert,
    RandomPosterize,
    RandomQuarterTurn,
    RandomResizedCrop,
    RandomSolarize,
    RandomWindow,
    TimeMask,
    TimeShift,
)
from brickwork.bricks.batch_normalization import BatchNorm, BatchRenorm
from brickwork.bricks.bidirectional import Bidirectional
from brickwork.bricks.borders import Crop, Pad
from brickwork.bricks.capsules import CapsuleLength, Capsules, PrimaryCapsules
from brickwork.bricks.containers import Remembering, Residual, Sequential, Stack
from brickwork.bricks.convolution import Conv, ConvTranspose, DepthwiseConv, SeparableConv
from brickwork.bricks.dense import GLU, Activation, Dense, Maxout, PReLU
from brickwork.bricks.dropout import Dropout, EmbeddingDropout, SpatialDropout, StochasticDepth, keep_mask
from brickwork.bricks.embedding import Embedding
from brickwork.bricks.ensemble import Ensemble
from brickwork.bricks.feed_forward import FeedForward
from brickwork.bricks.graph import Graph, Parallel
from brickwork.bricks.gru import GRU
from brickwork.bricks.initializers import INITIALIZERS, initializer
from brickwork.bricks.lstm import LSTM, LSTMMemory
from brickwork.bricks.merging import Add, Average, Concat, Maximum, Multiply
from brickwork.bricks.noise import AlphaDropout, GaussianDropout, GaussianNoise
from brickwork.bricks.normalization import GroupNorm, InstanceNorm, LayerNorm, RMSNorm
from brickwork.bricks.pooling import AdaptivePool, AveragePool, GlobalPool, MaxPool
from brickwork.bricks.positions import LearnedPositions, SinusoidalPositions
from brickwork.bricks.recurrent import RecurrentMemory
from brickwork.bricks.reparameterized import SpectralNorm, WeightNorm
from brickwork.bricks.resampling import Resize, Upsample
from brickwork.bricks.reshaping import Flatten, Permute, Reshape
from brickwork.bricks.scaling import Rescale
from brickwork.bricks.simple_rnn import SimpleRNN
from brickwork.bricks.squeeze_excitation import SqueezeExcitation
from brickwork.bricks.steps import LastStep, Repeat, Reverse
from brickwork.bricks.tabular import CategoryEmbedding, NumberEmbedding
from brickwork.bricks.transformer import DecoderMemory, TransformerDecoderBlock, TransformerEncoderBlock

__all__ = [
    "GLU",
    "GRU",
    "INITIALIZERS",
    "LSTM",
    "Activation",
    "AdaptivePool",
    "Add",
    "AdditiveAttention",
    "AlphaDropout",
    "Annotated",
    "Attention",
    "AttentionMemory",
    "Average",
    "AveragePool",
    "BatchNorm",
    "BatchRenorm",
    "Bidirectional",
    "CapsuleLength",
    "Capsules",
    "CategoryEmbedding",
    "ColorJitter",
    "Concat",
    "ContextMemory",
    "Conv",
    "ConvTranspose",
    "Crop",
    "CutMix",
    "Cutout",
    "DecoderMemory",
    "Dense",
    "DepthwiseConv",
    "Dropout",
    "Embedding",
    "EmbeddingDropout",
    "Ensemble",
    "FeedForward",
    "Flatten",
    "FrequencyMask",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalPool",
    "Graph",
    "GroupNorm",
    "InstanceNorm",
    "LSTMMemory",
    "LastStep",
    "LayerNorm",
    "LearnedPositions",
    "MaxPool",
    "Maximum",
    "Maxout",
    "Mixup",
    "Multiply",
    "NumberEmbedding",
    "PReLU",
    "Pad",
    "Parallel",
    "Permute",
    "PrimaryCapsules",
    "RMSNorm",
    "RandAugment",
    "RandomAffine",
    "RandomBlur",
    "RandomCrop",
    "RandomElastic",
    "RandomEqualize",
    "RandomErasing",
    "RandomFlip",
    "RandomGain",
    "RandomGray",
    "RandomInvert",
    "RandomPosterize",
    "RandomQuarterTurn",
    "RandomResizedCrop",
    "RandomSolarize",
    "RandomWindow",
    "RecurrentMemory",
    "Remembering",
    "Repeat",
    "Rescale",
    "Reshape",
    "Residual",
    "Resize",
    "Reverse",
    "SeparableConv",
    "Sequential",
    "SimpleRNN",
    "SinusoidalPositions",
    "SpatialDropout",
    "SpectralNorm",
    "SqueezeExcitation",
    "Stack",
    "StochasticDepth",
    "TimeMask",
    "TimeShift",
    "TransformerDecoderBlock",
    "TransformerEncoderBlock",
    "Upsample",
    "WeightNorm",
    "initializer",
    "keep_mask",
]
