"""Training with several objectives, input gradients, compiled calls."""

from keras_genmod.engine.averages import average_pairs, copies_of, put_averages
from keras_genmod.engine.backend import (
    SeedGenerator,
    affine,
    argmax,
    averaged,
    binary_log_prob,
    cond,
    convolution,
    fori_loop,
    gathered,
    group_normalized,
    halved,
    normal,
    num_apart,
    num_processes,
    process_id,
    read,
    refuse_other_processes,
    relu,
    rows_in_range,
    scan,
    uniform,
    while_loop,
    write,
)
from keras_genmod.engine.clipping import clip
from keras_genmod.engine.compiled import (
    CompiledCall,
    compiled,
    part_of_a_program,
    watched_calls,
)
from keras_genmod.engine.input_gradient import (
    input_gradient,
    value_and_input_gradient,
)
from keras_genmod.engine.loss_scale import LossScaleOptimizer
from keras_genmod.engine.moments import reset_moments
from keras_genmod.engine.objective import Objective, call_network
from keras_genmod.engine.optimizer_group import OptimizerGroup
from keras_genmod.engine.other_weights import call_with
from keras_genmod.engine.own_of_process import own_of_each_process
from keras_genmod.engine.processes import (
    all_agree,
    is_writer,
    of_first_process,
    place_to_write,
    whole_state,
)
from keras_genmod.engine.seeds import Seeds, derived_state, seed_state
from keras_genmod.engine.undoing import undone_unless

__all__ = [
    "CompiledCall",
    "LossScaleOptimizer",
    "Objective",
    "OptimizerGroup",
    "SeedGenerator",
    "Seeds",
    "affine",
    "all_agree",
    "argmax",
    "average_pairs",
    "averaged",
    "binary_log_prob",
    "call_network",
    "call_with",
    "clip",
    "compiled",
    "cond",
    "convolution",
    "copies_of",
    "derived_state",
    "fori_loop",
    "gathered",
    "group_normalized",
    "halved",
    "input_gradient",
    "is_writer",
    "normal",
    "num_apart",
    "num_processes",
    "of_first_process",
    "own_of_each_process",
    "part_of_a_program",
    "place_to_write",
    "process_id",
    "put_averages",
    "read",
    "refuse_other_processes",
    "relu",
    "reset_moments",
    "rows_in_range",
    "scan",
    "seed_state",
    "undone_unless",
    "uniform",
    "value_and_input_gradient",
    "watched_calls",
    "whole_state",
    "while_loop",
    "write",
]
