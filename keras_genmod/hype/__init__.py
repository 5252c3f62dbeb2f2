"""People as judges: studies of how real images look, served on this machine alone."""

from keras_genmod.hype.create_study import create_study
from keras_genmod.hype.human_realism import (
    HumanRealism,
    Separation,
    rank,
    separation,
)
from keras_genmod.hype.images import load_images
from keras_genmod.hype.masks import phase_scrambled
from keras_genmod.hype.observers import Observer, simulate
from keras_genmod.hype.protocol import StudyProtocol
from keras_genmod.hype.report import OutOfTurn, Report, UnknownEvaluator
from keras_genmod.hype.scores import Trial, bootstrap, modal_exposure, score
from keras_genmod.hype.server import StudyServer, serve
from keras_genmod.hype.staircase import Staircase
from keras_genmod.hype.study import Study

__all__ = [
    "HumanRealism",
    "Observer",
    "OutOfTurn",
    "Report",
    "Separation",
    "Staircase",
    "Study",
    "StudyProtocol",
    "StudyServer",
    "Trial",
    "UnknownEvaluator",
    "bootstrap",
    "create_study",
    "load_images",
    "modal_exposure",
    "phase_scrambled",
    "rank",
    "score",
    "separation",
    "serve",
    "simulate",
]
