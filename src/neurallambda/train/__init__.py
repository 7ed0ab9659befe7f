"""Training: recipes, the loop that follows them, and how its results are measured and reported."""

from neurallambda.train.loop import NotFiniteError as NotFiniteError
from neurallambda.train.loop import Trained as Trained
from neurallambda.train.loop import load_run as load_run
from neurallambda.train.loop import train as train
from neurallambda.train.models import MODELS as MODELS
from neurallambda.train.recipe import Recipe as Recipe
from neurallambda.train.recipe import Stage as Stage
