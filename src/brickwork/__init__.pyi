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
from brickwork.services import evaluate as evaluate
from brickwork.services import explain_pictures as explain_pictures
from brickwork.services import explain_rows as explain_rows
from brickwork.services import learn as learn
from brickwork.services import open_saved as open_saved
from brickwork.services import predict as predict
from brickwork.services import resume as resume
from brickwork.train import Learner as Learner
from brickwork.train import Model as Model
from brickwork.train import Population as Population
from brickwork.train import Recipe as Recipe
from brickwork.train import Run as Run
from brickwork.train import fit_population as fit_population

__version__: str
