"""Training: recipes, the loop that follows them, and how its results are measured and reported."""

from neurallambda.train.changes import changed as changed
from neurallambda.train.evaluation import Evaluation as Evaluation
from neurallambda.train.evaluation import evaluate as evaluate
from neurallambda.train.evaluation import lengths_between as lengths_between
from neurallambda.train.exporting import Verified as Verified
from neurallambda.train.exporting import export as export
from neurallambda.train.exporting import verify as verify
from neurallambda.train.following import NotFiniteError as NotFiniteError
from neurallambda.train.inspection import Head as Head
from neurallambda.train.inspection import Inspection as Inspection
from neurallambda.train.inspection import inspect as inspect
from neurallambda.train.learner import GradientLearner as GradientLearner
from neurallambda.train.learner import learn as learn
from neurallambda.train.loop import Trained as Trained
from neurallambda.train.loop import load_run as load_run
from neurallambda.train.loop import train as train
from neurallambda.train.models import MODELS as MODELS
from neurallambda.train.recipe import Recipe as Recipe
from neurallambda.train.recipe import Repair as Repair
from neurallambda.train.recipe import Stage as Stage
from neurallambda.train.recipes import RECIPES as RECIPES
from neurallambda.train.recipes import recipe_for as recipe_for
