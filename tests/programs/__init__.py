"""The one table of programs and what becomes of them, for every level: parser, reference, machine, command line.

All of it holds with integers in `INTEGERS`; the examples that end in `overflow` hold only there. `PROGRAMS` are short:
they run on tensors too. `LONG_PROGRAMS` take hundreds or thousands of steps, `ENDLESS_PROGRAMS` as many as they get.
"""

from tests.programs.data import BOOLEANS, INTEGER_PRIMITIVES, LISTS, LITERALS
from tests.programs.errors import ERRORS
from tests.programs.example import INTEGERS as INTEGERS
from tests.programs.example import Example as Example
from tests.programs.functions import DEFINITIONS, FIRST_CLASS_PRIMITIVES, FUNCTIONS, SCOPE
from tests.programs.holes import HOLE_PROGRAMS as HOLE_PROGRAMS
from tests.programs.long import ENDLESS_PROGRAMS as ENDLESS_PROGRAMS
from tests.programs.long import LONG_PROGRAMS as LONG_PROGRAMS
from tests.programs.prelude import PRELUDE

PROGRAMS: tuple[Example, ...] = (
    *LITERALS,
    *LISTS,
    *INTEGER_PRIMITIVES,
    *BOOLEANS,
    *FUNCTIONS,
    *SCOPE,
    *DEFINITIONS,
    *FIRST_CLASS_PRIMITIVES,
    *PRELUDE,
    *ERRORS,
)
