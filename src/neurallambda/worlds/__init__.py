"""Worlds: exact answers for programs with uncertain data."""

from neurallambda.worlds.engine import Worlds as Worlds
from neurallambda.worlds.found import Found as Found
from neurallambda.worlds.found import Likeliest as Likeliest
from neurallambda.worlds.given import Rows as Rows
from neurallambda.worlds.program import WorldsProgram as WorldsProgram
from neurallambda.worlds.recording import Recording as Recording
from neurallambda.worlds.recording_file import load_recording as load_recording
from neurallambda.worlds.shortcuts import Shortcuts as Shortcuts
