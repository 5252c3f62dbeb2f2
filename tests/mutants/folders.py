"""Faults in how folders of images are read."""

from tests.mutants import Mutant

_TESTS = "tests/data/test_image_folder.py"

MUTANTS = [
    Mutant(
        "image_files.py",
        "    if not path.is_symlink():\n        return\n",
        "    return\n",
        f"{_TESTS} -k links_out",
    ),
    Mutant(
        "image_files.py",
        "target = os.path.realpath(path)",
        "target = os.path.join(root, os.readlink(path))",
        f"{_TESTS} -k links_out",
    ),
    Mutant(
        "image_files.py",
        "    if width * height > LARGEST_IMAGE:",
        "    if False:",
        f"{_TESTS} -k no_image",
    ),
    Mutant(
        "image_files.py",
        'if np.asarray(turned.getchannel("A")).min() < 255:',
        "if False:",
        f"{_TESTS} -k no_image",
    ),
    Mutant(
        "image_files.py",
        "    turned = ImageOps.exif_transpose(image)\n",
        "    turned = image\n",
        f"{_TESTS} -k photographs",
    ),
    Mutant(
        "data/image_folder.py",
        "self.generator(1, index).random((len(batch), 3))",
        "self.generator(1).random((len(batch), 3))",
        f"{_TESTS} -k mirrors",
    ),
    Mutant(
        "data/image_folder.py",
        "    columns = min(width, max(1, round(height / ratio)))",
        "    columns = min(width, max(1, round(height * ratio)))",
        f"{_TESTS} -k centre",
    ),
    Mutant(
        "data/image_folder.py",
        "else (x, self.labels[chosen])",
        "else (x, self.labels[start : start + self.batch_size])",
        f"{_TESTS} -k classes",
    ),
    Mutant(  # every process reads the same images
        "data/image_folder.py",
        "return np.split(x, self._num_processes)[self._process_id]",
        "return np.split(x, self._num_processes)[0]",
        f"{_TESTS} -k processes",
    ),
    Mutant(  # each process draws the same crops
        "data/image_folder.py",
        "draws = self._own(self.generator(1, index).random((len(batch), 3)))",
        "draws = self.generator(1, index).random((len(chosen), 3))",
        f"{_TESTS} -k processes",
    ),
    Mutant(
        "models/processes.py",
        "data.part is None and num_processes() > 1",
        "False",
        "tests/engine/test_processes.py -k whole",
    ),
    Mutant(
        "data/folder_splits.py",
        "key=hashes.__getitem__",
        "key=names.__getitem__",
        f"{_TESTS} -k tenth",
    ),
]
