"""Networks that learn to see symbols only from what a program makes of them."""

from neurallambda.train.images.loop import Learned as Learned
from neurallambda.train.images.loop import measure as measure
from neurallambda.train.images.loop import train_on_images as train_on_images
from neurallambda.train.images.problems import Addition as Addition
from neurallambda.train.images.problems import Expressions as Expressions
from neurallambda.train.images.problems import Problem as Problem
from neurallambda.train.images.problems import Sorting as Sorting
from neurallambda.train.images.problems import problem_named as problem_named
from neurallambda.train.images.recipe import ImageRecipe as ImageRecipe
from neurallambda.train.images.recipe import changed_recipe as changed_recipe
from neurallambda.train.images.recipe import recipe_for_images as recipe_for_images
