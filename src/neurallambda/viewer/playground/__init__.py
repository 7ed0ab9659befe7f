"""The playground: programs edited, run and watched in a browser, served to this machine alone.

Programs run in worker processes (`worker`), lent by `pool`, so that one can be stopped by ending its process. `app` is what the
browser talks to; `guard` refuses whoever else asks.
"""
