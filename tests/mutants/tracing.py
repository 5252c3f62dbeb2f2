"""Deliberate faults in what is recorded and repeated on torch."""

from tests.mutants import Mutant

ENGINE, TESTS = "engine/", "tests/engine/test_tracing.py"

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
        "dynamic = torch.Tag.dynamic_output_shape in function.tags",
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
        ENGINE + "torch_engine.py",
        "torch.where(finite, torch.where(grows, 2.0, 1.0), 0.5)",
        "torch.where(grows, 2.0, 1.0)",
        TESTS,
    ),
]
