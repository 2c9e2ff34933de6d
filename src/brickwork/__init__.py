"""Brickwork: bring data, ask a question, get a network, and see inside it."""

import importlib
from importlib.metadata import version
from typing import Any

__version__ = version("brickwork")

_HOMES = {
    "brickwork": "losses metrics ops optim",
    "brickwork.bricks": ""
    "Activation AdaptivePool Add AdditiveAttention AlphaDropout Annotated Attention AttentionMemory "
    "Average AveragePool BatchNorm BatchRenorm Bidirectional CapsuleLength Capsules CategoryEmbedding ColorJitter "
    "Concat ContextMemory Conv ConvTranspose Crop CutMix Cutout DecoderMemory Dense DepthwiseConv Dropout "
    "Embedding EmbeddingDropout Ensemble FeedForward Flatten FrequencyMask GaussianDropout GaussianNoise GlobalPool "
    "GLU Graph GroupNorm GRU InstanceNorm LastStep LayerNorm LearnedPositions LSTM LSTMMemory Maximum Maxout "
    "MaxPool Mixup Multiply NumberEmbedding Pad Parallel Permute PReLU PrimaryCapsules RandAugment "
    "RandomAffine RandomBlur RandomCrop RandomElastic RandomEqualize RandomErasing RandomFlip RandomGain "
    "RandomGray RandomInvert RandomPosterize RandomQuarterTurn RandomResizedCrop RandomSolarize RandomWindow "
    "RecurrentMemory Remembering Repeat Rescale Reshape Residual Resize Reverse RMSNorm SeparableConv "
    "Sequential SimpleRNN SinusoidalPositions SpatialDropout SpectralNorm SqueezeExcitation Stack "
    "StochasticDepth TimeMask TimeShift TransformerDecoderBlock TransformerEncoderBlock Upsample WeightNorm",
    "brickwork.core.batch": "Batch Padded",
    "brickwork.core.brick": "Brick brick",
    "brickwork.core.errors": "BrickworkError",
    "brickwork.core.scope": "Scope",
    "brickwork.core.variables": "Variables",
    "brickwork.data": "Examples datasets",
    "brickwork.services": "catalogue evaluate explain_pictures explain_rows learn open_saved predict resume",
    "brickwork.train": "Learner Model Population Recipe Run fit_population",
}
"""Where each public name lives. They are imported when first used: `brickwork --help` needs none of them."""

_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOME_OF[name]
    value = (
        importlib.import_module(f"{home}.{name}") if home == __name__ else getattr(importlib.import_module(home), name)
    )
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *_HOME_OF]


__all__ = [*_HOME_OF]  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll]
