"""The climate every test runs in."""

import os

from hypothesis import settings

# Each test process computes on one thread: the processes are what runs in parallel. Read by torch when it is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

# Machines are noisy: no test may fail because it was slow. Where it is CI that asks (`CI` is set, as everywhere), a commit
# is judged by the same examples each time; at a desk each run explores others.
settings.register_profile("neurallambda", deadline=None, print_blob=True, derandomize=bool(os.environ.get("CI")))
settings.load_profile("neurallambda")
