"""Python objects as vectors, and back: codebooks, how alike two vectors are, and cleaning up a noisy one."""

from neurallambda.symbols.bits import BitCodebook as BitCodebook
from neurallambda.symbols.codebook import Codebook as Codebook
from neurallambda.symbols.file import load as load
from neurallambda.symbols.file import save as save
from neurallambda.symbols.kinds import Kind as Kind
from neurallambda.symbols.similarity import cosine as cosine
from neurallambda.symbols.similarity import cosine_with_all as cosine_with_all
from neurallambda.symbols.similarity import dot as dot
from neurallambda.symbols.similarity import dot_with_all as dot_with_all
