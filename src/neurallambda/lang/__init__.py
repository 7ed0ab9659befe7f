"""The language: text, terms, the core graph that every engine runs, and the exact evaluators. No tensors here."""

from neurallambda.lang.chances import Chances as Chances
from neurallambda.lang.enumeration import Possibility as Possibility
from neurallambda.lang.enumeration import possibilities as possibilities
from neurallambda.lang.evaluate import evaluate as evaluate
from neurallambda.lang.lower import lower as lower
from neurallambda.lang.outcome import Outcome as Outcome
from neurallambda.lang.syntax.parser import parse as parse
from neurallambda.lang.syntax.parser import parse_term as parse_term
from neurallambda.lang.syntax.printer import to_text as to_text
