"""Runs that people can watch in a browser.

`page` makes one page of a trace that opens from disk; `playground` is where programs are edited, run and watched.
"""

from neurallambda.viewer.page import page as page

__all__ = ["page"]
