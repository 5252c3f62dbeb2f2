"""Faults of presets."""

from tests.mutants import Mutant

_PRESETS = "tests/presets/test_presets.py"

MUTANTS = [
    Mutant(  # of all commits one folder
        "presets/loading.py",
        "*parts, os.path.basename(snapshot)",
        "*parts",
        "tests/presets/test_presets.py -k hub",
    ),
    Mutant(
        "presets/safetensors_files.py",
        "            if found != expected:  # before anything is read",
        "            if False:",
        "tests/presets/test_safetensors.py",
        backend="torch",
    ),
    Mutant(
        "presets/files.py",
        "        return file_of(folder, SAFETENSORS)",
        "        return os.path.join(folder, SAFETENSORS)",
        "tests/presets/test_safetensors.py",
        backend="torch",
    ),
    Mutant(
        "presets/files.py",
        "if os.path.islink(path):",
        "if False:",
        f"{_PRESETS} -k links",
        backend="torch",
    ),
    Mutant(
        "presets/files.py",
        "return [file_of(folder, n) for",
        "return [os.path.join(folder, n) for",
        f"{_PRESETS} -k several",
        backend="torch",
    ),
    Mutant(
        "presets/files.py",
        "return os.path.getsize(path)",
        "return sum(file.stat().st_size for file in os.scandir(folder))",
        f"{_PRESETS} -k not_loaded",
        backend="torch",
    ),
    Mutant(
        "exporting/export.py",
        "with place_to_write(path) as place:",
        "for place in [path]:",
        "tests/exporting/test_export.py -k first_of_several",
        backend="torch",
    ),
    Mutant(
        "presets/configs.py",
        "if name in _CODE:",
        "if False:",
        f"{_PRESETS} -k code",
        backend="torch",
    ),
    Mutant(
        "presets/configs.py",
        'and "seed" not in key:',
        'and "dim" not in key:',
        f"{_PRESETS} -k absurd_sizes",
        backend="torch",
    ),
    Mutant(
        "presets/writing.py",
        'for part in ("build_config", "compile_config"):',
        'for part in ("build_config",):',
        f"{_PRESETS} -k optimizer",
        backend="torch",
    ),
    Mutant(
        "presets/writing.py",
        "        own.assign(other)",
        "        other.assign(own)",
        f"{_PRESETS} -k its_seeds",
        backend="torch",
    ),
    Mutant(
        "presets/loading.py",
        "if not isinstance(layout, int) or not 1 <= layout <= files.LAYOUT:",
        "if False:",
        f"{_PRESETS} -k layouts",
        backend="torch",
    ),
    Mutant(  # what h5py raises of a damaged file
        "presets/loading.py",
        "except (KeyError, OSError, RuntimeError) as error:",
        "except (KeyError, OSError) as error:",
        f"{_PRESETS} -k damaged_weights",
        backend="torch",
    ),
    Mutant(
        "presets/configs.py",
        'elif key.startswith("num_")',
        'elif key.startswith("none_")',
        f"{_PRESETS} -k largest_length",
        backend="torch",
    ),
]
