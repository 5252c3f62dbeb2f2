"""Faults of adapters of low rank."""

from tests.mutants import Mutant

_TESTS = "tests/models/test_low_rank.py"

MUTANTS = [
    Mutant(
        "models/low_rank.py",
        "                weight.trainable = False",
        "                pass",
        f"{_TESTS} -k alone",
        backend="torch",
    ),
    Mutant(
        "models/low_rank.py",
        "            layer.lora_alpha = lora_alpha  # which Keras' `Dense` forgets",
        "            pass",
        f"{_TESTS} -k exactly",
        backend="torch",
    ),
    Mutant(
        "models/low_rank.py",
        "            layer.load_own_variables = types.MethodType(_load, layer)",
        "            pass",
        f"{_TESTS} -k apart",
        backend="torch",
    ),
    Mutant(
        "models/low_rank.py",
        '    store["0"] = _frozen(layer)',
        '    store["0"] = layer.kernel',
        f"{_TESTS} -k apart",
        backend="torch",
    ),
    Mutant(
        "models/low_rank.py",
        "            values[id(_frozen(layer))] = _merged(layer)",
        "            values[id(_frozen(layer))] = _frozen(layer)",
        f"{_TESTS} -k merged",
        backend="torch",
    ),
    Mutant(
        "models/low_rank.py",
        "        self.compiled, self.optimizer = False, None",
        "        pass",
        f"{_TESTS} -k compiled_again",
        backend="torch",
    ),
    Mutant(
        "models/low_rank.py",
        "or any(layer is each for each in wrapped)",
        "or False",
        f"{_TESTS} -k named",
        backend="torch",
    ),
    Mutant(
        "models/low_rank.py",
        '        b.assign(ops.zeros(b.shape, "float32"))',
        "        pass",
        f"{_TESTS} -k anew",
        backend="torch",
    ),
    Mutant(
        "models/autoregressive/causal_transformer.py",
        "kernel = ops.cast(layer.kernel, self._dtype)",
        "kernel = ops.cast(layer.weights[0], self._dtype)",
        f"{_TESTS} -k merged",
        backend="torch",
    ),
    Mutant(
        "models/low_rank.py",
        "        if _fingerprint(layers) != found.base:",
        "        if False:",
        f"{_TESTS} -k another_model",
        backend="torch",
    ),
    Mutant(
        "models/low_rank.py",
        "            variable.assign(matrix)",
        "            pass",
        f"{_TESTS} -k one_it_was",
        backend="torch",
    ),
    Mutant(
        "models/adapter_files.py",
        " or any(x.is_compressed for x in file.headers.values())",
        "",
        f"{_TESTS} -k holds_no",
        backend="torch",
    ),
    Mutant(  # rounded to half precision
        "models/low_rank.py",
        "            values[id(_frozen(layer))] = _merged(layer)",
        "            values[id(_frozen(layer))] = getattr(layer, _name(layer))",
        f"{_TESTS} -k float32_under",
        backend="torch",
    ),
]
