"""Runs that people can watch in a browser.

`page` makes one page of a trace that opens from disk; `show` shows a trace in a notebook; `playground` is where programs are edited, run and watched.
"""

from neurallambda.viewer.notebook import show as show
from neurallambda.viewer.page import page as page

__all__ = ["page", "show"]
