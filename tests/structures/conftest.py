"""What runs the Triton kernels in a process of its own is looked through for examples only where Triton is installed."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("triton") else ["interpreted_triton.py"]
