"""The engine of the running Keras backend, under one set of names."""

import importlib

from keras_genmod import backend_choice
from keras_genmod.engine import keras_steps

_engine = importlib.import_module(f"keras_genmod.engine.{backend_choice.NAME}_engine")
_is_torch = backend_choice.NAME == "torch"
_steps = _engine if _is_torch else keras_steps
_branches = _steps
if backend_choice.NAME == "jax":
    _branches = importlib.import_module("keras_genmod.engine.jax_branches")
_processes = importlib.import_module(
    f"keras_genmod.engine.{backend_choice.NAME}_processes"
)

train_step = _engine.train_step
test_step = _engine.test_step
train_on_one_loss = _steps.train_on_one_loss
weights_are_finite = _engine.weights_are_finite
input_gradient = _engine.input_gradient
convolution = _engine.convolution
affine = _engine.affine
relu = _engine.relu
argmax = _engine.argmax
binary_log_prob = _engine.binary_log_prob
rows_in_range = _steps.rows_in_range
halved = _steps.halved
# `None` where Keras' own operations are fused anyway.
group_normalized = _engine.group_normalized if _is_torch else None
transposed_convolution = _engine.transposed_convolution if _is_torch else None
num_processes = _processes.num_processes
num_apart = _processes.num_apart
process_id = _processes.process_id
gathered = _processes.gathered
averaged = _processes.averaged
refuse_other_processes = _processes.refuse_other_processes
join = _processes.join
summed_metrics = _processes.summed_metrics
whole_values = _processes.whole_values
loss_to_differentiate = _engine.loss_to_differentiate
compile_call = _engine.compile_call
apply_scaled = _steps.apply_scaled
jit_compile_of_keras = _steps.jit_compile_of_keras
shorten_updates = _engine.shorten_updates
cond = _branches.cond
traced = _branches.traced
branching = _branches.branching
is_current = _steps.is_current
free_size = _steps.free_size
register_variables = _steps.register_variables
SeedGenerator = _engine.SeedGenerator
uniform = _engine.uniform
normal = _engine.normal
read = _engine.read
write = _engine.write
scan = _engine.scan
fori_loop = _engine.fori_loop
while_loop = _engine.while_loop
random_state = _engine.random_state
load_random_state = _engine.load_random_state
