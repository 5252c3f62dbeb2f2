"""Deliberate faults in what is recorded and repeated on torch."""

from tests.mutants import Mutant

ENGINE, TESTS = "engine/", "tests/engine/test_tracing.py"
GRAPHS = "tests/engine/test_graphs.py"

MUTANTS = [
    Mutant(
        ENGINE + "torch_program.py",
        "if not are_equal(tensor, first.externals[number]):",
        "if False:",
        TESTS,
    ),
    Mutant(
        ENGINE + "torch_tracing.py",
        "first.setdefault(id(value), len(first))",
        "0",
        TESTS,
    ),
    Mutant(
        ENGINE + "torch_loops.py",
        "tuple(tensor.clone() for tensor in carry)",
        "carry",
        TESTS,
    ),
    Mutant(
        ENGINE + "torch_recording.py",
        "dynamic = has_dynamic_shape(function)",
        "dynamic = False",
        TESTS,
    ),
    Mutant(
        ENGINE + "torch_tracing.py",
        "return self._weights == self._state()",
        "return True",
        TESTS,
    ),
    Mutant(
        ENGINE + "torch_updates.py",
        "torch.where(finite, torch.where(grows, 2.0, 1.0), 0.5)",
        "torch.where(grows, 2.0, 1.0)",
        TESTS,
    ),
    Mutant(
        ENGINE + "torch_graphs.py",
        "[output.clone() for output in self._graph.outputs]",
        "list(self._graph.outputs)",
        GRAPHS,
    ),
    Mutant(
        ENGINE + "torch_graphs.py",
        "t.clone() if slot in writes else t for",
        "t for",
        GRAPHS,
    ),
    Mutant(
        ENGINE + "torch_graphs.py",
        "or _place(result) not in places",
        "or True",
        GRAPHS,
    ),
    Mutant(
        ENGINE + "torch_graphs.py",
        "t if _place(t) in places else t.clone()",
        "t.clone()",
        GRAPHS,
    ),
    Mutant(
        ENGINE + "torch_proof.py",
        "    after.restore()\n",
        "    before.restore()\n",
        GRAPHS,
    ),
    Mutant(
        ENGINE + "torch_loops.py",
        "changing=seen",
        "changing=()",
        GRAPHS,
    ),
    Mutant(
        ENGINE + "torch_loops.py",
        "root(slot) in written and places.count(place) > 1",
        "False",
        TESTS,
    ),
    Mutant(
        ENGINE + "torch_updates.py",
        "torch._foreach_add_(weights, moments, alpha=optimizer.momentum)",
        "torch._foreach_add_(weights, moments)",
        "tests/engine/test_torch_updates.py",
    ),
    Mutant(
        ENGINE + "torch_passes.py",
        "or any(root(slot) in written for slot in (*call.slots(), *results))",
        "",
        TESTS,
    ),
    Mutant(
        ENGINE + "torch_passes.py",
        "call.draws\n            or not results",
        "not results",
        TESTS,
    ),
    Mutant(
        ENGINE + "torch_updates.py",
        "ops.sqrt(1 - ops.power(beta_2, step))",
        "1.0",
        "tests/engine/test_torch_updates.py",
    ),
    Mutant(
        ENGINE + "torch_passes.py",
        "if place and first.setdefault(place, number) != number:",
        "if False:",
        TESTS,
    ),
    Mutant(
        ENGINE + "torch_calls.py",
        "tensor.dtype, tensor.is_conj(), tensor.is_neg()",
        "tensor.is_conj(), tensor.is_neg()",
        TESTS,
    ),
    Mutant(
        ENGINE + "torch_passes.py",
        "key = value, tensor.dtype, tensor.device, tuple(tensor.shape)",
        "key = tensor.dtype, tensor.device, tuple(tensor.shape)",
        TESTS,
    ),
    Mutant(
        "models/valid_data.py",
        "return ops.sum(off, axis=1) == 0",
        "return ops.sum(ops.clip(x, low, high) - x, axis=1) == 0",
        "tests/models/test_valid_data.py",
    ),
    Mutant(
        ENGINE + "torch_passes.py",
        "if copy in sources and strides[source.number] == strides[copy.number]:",
        "if copy in sources:",
        TESTS,
    ),
    Mutant(
        ENGINE + "torch_passes.py",
        "fixed |= {root(leaf)",
        "_ = {root(leaf)",
        TESTS,
    ),
    Mutant(
        ENGINE + "torch_fusion.py",
        "and not call.draws",
        "",
        "tests/engine/test_fusion.py",
    ),
    Mutant(
        ENGINE + "torch_fusion.py",
        "for s in call.written() if s in taken]",
        "for s in call.written() if s not in taken]",
        "tests/engine/test_fusion.py",
    ),
    Mutant(
        ENGINE + "torch_proof.py",
        "    before.restore()\n    try:",
        "    try:",
        "tests/engine/test_fusion.py",
    ),
    Mutant(
        "engine/torch_processes.py",
        "flat = flat / num_processes()",
        "flat = flat / 1",
        "tests/engine/test_processes.py",
    ),
    Mutant(  # all processes draw the same noise
        "engine/torch_processes.py",
        "int(value[0]) + process_id() * SPREAD",
        "int(value[0])",
        "tests/engine/test_processes.py",
    ),
    Mutant(  # losses are those of one process' part
        "engine/torch_processes.py",
        "totals = [mean * num_processes() for mean in means]",
        "totals = [v.value for v in variables]",
        "tests/engine/test_processes.py",
    ),
    Mutant(  # a codebook follows one process' part
        "engine/torch_processes.py",
        "value.copy_(old + change)",
        "pass",
        "tests/engine/test_processes.py",
    ),
    Mutant(  # every process writes
        "engine/processes.py",
        "return process_id() == 0",
        "return True",
        "tests/engine/test_processes.py",
    ),
    Mutant(  # process 0 draws what all should share
        "evaluation/draw_samples.py",
        "drawn(starts[process_id() % len(starts)])",
        "drawn(starts[0])",
        "tests/engine/test_processes.py",
    ),
]
