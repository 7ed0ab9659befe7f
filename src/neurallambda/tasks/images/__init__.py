"""Images of symbols with their labels: MNIST from its files, and symbols that are drawn here."""

from neurallambda.tasks.images.drawn import draw as draw
from neurallambda.tasks.images.idx import load_digits as load_digits
from neurallambda.tasks.images.idx import read_idx as read_idx
from neurallambda.tasks.images.labelled import LabelledImages as LabelledImages
