"""`python -m neurallambda.structures NAME` draws what the structure of that name holds in a short run."""

from neurallambda.structures.pictures import main

main()
