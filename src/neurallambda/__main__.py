"""`python -m neurallambda`."""

from neurallambda.cli.app import main

main()
