"""Faults in the command, in samples by batches and in bars."""

from tests.mutants import Mutant

_TESTS = "tests/command/test_command.py"
_DRAWN = "tests/evaluation/test_draw_samples.py"

MUTANTS = [
    Mutant(
        "../keras_genmod_command/recipe_files.py",
        'texts[0] = texts[0].replace(_IMPORT, _IMPORT.replace("recipes.", ""))',
        "texts[0] = texts[0]",
        f"{_TESTS} -k copied",
    ),
    Mutant(
        "../keras_genmod_command/recipe_files.py",
        "if path.exists() and not is_same:",
        "if False:",
        f"{_TESTS} -k copied",
    ),
    Mutant(
        "command/model_files.py",
        "return (np.arange(num_samples) % model.num_classes).astype",
        "return np.zeros(num_samples).astype",
        f"{_TESTS} -k in_turn",
    ),
    Mutant(
        "command/figures.py",
        "real = (binary if is_binary else x)[:num_samples]",
        "real = binary[:num_samples]",
        f"{_TESTS} -k ledger",
    ),
    Mutant(
        "command/comparison.py",
        'if common and a["sha256"] != b["sha256"]:',
        "if False:",
        f"{_TESTS} -k beside",
    ),
    Mutant(
        "../keras_genmod_command/app.py",
        "return contextlib.redirect_stdout(sys.stderr)",
        "return contextlib.redirect_stdout(sys.stdout)",
        f"{_TESTS} -k ledger",
    ),
    Mutant(
        "../keras_genmod_command/__init__.py",
        "standalone_mode=False",
        "standalone_mode=True",
        f"{_TESTS} -k one_line",
    ),
    Mutant(
        "../keras_genmod_command/app.py",
        "recipe_files.outline(cmd_name)",
        "recipe_files.load(cmd_name).main",
        f"{_TESTS} -k without_keras",
    ),
    Mutant(
        "../keras_genmod_command/app.py",
        "from keras_genmod_command import hype, recipe_files",
        "from keras_genmod_command import hype, recipe_files\nimport keras_genmod",
        f"{_TESTS} -k completes",
    ),
    Mutant(
        "evaluation/draw_samples.py",
        "np.random.SeedSequence([seed, start])",
        "np.random.SeedSequence([seed])",
        f"{_DRAWN} -k own_draws",
    ),
    Mutant(
        "evaluation/draw_samples.py",
        "rows = np.arange(start, start + size) % num_samples",
        "rows = np.arange(size)",
        f"{_DRAWN} -k condition",
    ),
    Mutant(
        "progress.py",
        "        yield item\n        done += 1\n",
        "        done += 1\n",
        f"{_DRAWN} -k counts",
    ),
    Mutant(
        "command/figures.py",
        'seed if binarization == "static" else None',
        "seed",
        "tests/command/test_command.py -k ledger_line",
    ),
]
