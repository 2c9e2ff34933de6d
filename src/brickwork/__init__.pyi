"""The public names, for type checkers; at run time they are imported when first used."""

from brickwork import losses as losses
from brickwork import metrics as metrics
from brickwork import ops as ops
from brickwork import optim as optim
from brickwork.bricks import *  # noqa: F403
from brickwork.core.batch import Batch as Batch
from brickwork.core.batch import Padded as Padded
from brickwork.core.brick import Brick as Brick
from brickwork.core.brick import brick as brick
from brickwork.core.errors import BrickworkError as BrickworkError
from brickwork.core.scope import Scope as Scope
from brickwork.core.variables import Variables as Variables
from brickwork.data import Examples as Examples
from brickwork.data import datasets as datasets
from brickwork.services import catalogue as catalogue
from brickwork.train import Learner as Learner
from brickwork.train import Model as Model
from brickwork.train import Recipe as Recipe
from brickwork.train import Run as Run

__version__: str
