"""Programs that a language model calls: it writes words, a program outside the network is given them, and it reads the answer."""

from neurallambda.llm.calls.programs import CALLS as CALLS
from neurallambda.llm.calls.programs import Call as Call
from neurallambda.llm.calls.programs import call_named as call_named
from neurallambda.llm.calls.queue import ProgramQueue as ProgramQueue
