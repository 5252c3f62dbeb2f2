"""What a folder of images holds: files, classes, one shape."""

import dataclasses
import os
import pathlib

import numpy as np

from keras_genmod.image_files import check_header, check_inside, list_images

_ENDINGS = (".jpg", ".jpeg", ".png")
_OTHERS = (".avif", ".bmp", ".gif", ".heic", ".tif", ".tiff", ".webp")
SPLITS = ("test", "train", "val", "valid", "validation")  # no names of classes


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ImageListing:
    """Image files, their labels and the shape that they are brought to.

    Args:
        files: Tuple of paths, in the order of names.
        labels: int32 array of shape `(len(files),)`, or `None`.
        class_names: Tuple of strings, empty without labels.
        image_shape: Tuple `(height, width, channels)`.
    """

    files: tuple[pathlib.Path, ...]
    labels: np.ndarray | None
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]

    def part(self, chosen: np.ndarray) -> "ImageListing":
        """Returns the files at these positions."""
        return dataclasses.replace(
            self,
            files=tuple(self.files[i] for i in chosen),
            labels=None if self.labels is None else self.labels[chosen],
        )


def list_folder(
    path: str, size: tuple[int, int] | None, channels: int | None
) -> ImageListing:
    """Lists a folder's images, or those of the folders in it, one for each class.

    Args:
        path: String, the folder.
        size: Pair `(height, width)`, or `None` for that of the files.
        channels: 1, 3, or `None` for what the files are.

    Raises:
        OSError: If there is no such folder, or no image in it.
        ValueError: If a file or a folder is not as `image_folder` says.
    """
    files, folders = _images(path, path), _folders(path, path)
    below = {name: _images(os.path.join(path, name), path) for name in folders}
    labels = None
    names: tuple[str, ...] = ()
    if any(below.values()):
        _check_classes(path, files, below)
        names = tuple(below)
        counts = [len(images) for images in below.values()]
        labels = np.repeat(np.arange(len(names), dtype="int32"), counts)
        files = [file for images in below.values() for file in images]
    if not files:
        raise FileNotFoundError(
            f"`path` must be a folder with images ({', '.join(_ENDINGS)}), or with a "
            f"folder of them for each class. Received: path={path!r}"
        )
    return ImageListing(
        files=tuple(files),
        labels=labels,
        class_names=names,
        image_shape=_shape(files, size, channels),
    )


def _images(folder: str, root: str) -> list[pathlib.Path]:
    found = list_images("path", folder, _ENDINGS + _OTHERS, root)
    for file in found:
        if file.suffix.lower() in _OTHERS:
            raise ValueError(
                "`path` must hold PNG and JPEG files: write images of other kinds as "
                f"one of them, or move them away. Received: {file}"
            )
    return found


def _folders(folder: str, root: str) -> list[str]:
    """Returns the names of the folders in a folder, in order."""
    if not os.path.isdir(folder):
        return []
    with os.scandir(folder) as entries:
        found = [e for e in entries if not e.name.startswith(".") and e.is_dir()]
    for entry in found:
        check_inside("path", pathlib.Path(entry.path), root)
    return sorted(entry.name for entry in found)


def _check_classes(
    path: str, beside: list[pathlib.Path], classes: dict[str, list[pathlib.Path]]
) -> None:
    if beside:
        raise ValueError(
            "`path` must hold either images or folders of images, one for each class. "
            f"Received: {beside[0]} beside the folders {list(classes)}"
        )
    if set(classes) <= set(SPLITS):
        raise ValueError(
            "`path` must be one split: its folders are classes. Received: "
            f"path={path!r} with {list(classes)}; give one of them"
        )
    for name, images in classes.items():
        folder = os.path.join(path, name)
        deeper = _folders(folder, path)
        if deeper or not images:
            what = f"{os.path.join(folder, deeper[0])} in it" if deeper else "no image"
            raise ValueError(
                "`path` must hold a folder of images for each class, and no folders in "
                f"these. Received: {folder} with {what}"
            )


def _shape(
    files: list[pathlib.Path], size: tuple[int, int] | None, channels: int | None
) -> tuple[int, int, int]:
    """Returns the shape of all images; raises where headers do not agree."""
    first = check_header("path", files[0])
    for file in files[1:]:
        height, width, found = check_header("path", file)
        if size is None and (height, width) != first[:2]:
            raise ValueError(
                "`path` must hold images of one size where none is asked for: give an "
                f"`image_size` (folder:PATH@SIZE in a recipe). Received: {file} of "
                f"{width} x {height} pixels, {files[0]} of {first[1]} x {first[0]}"
            )
        if channels is None and found != first[2]:
            kinds = {1: "grey", 3: "coloured"}
            raise ValueError(
                "`path` must hold images of one kind where none is asked for: give "
                f"`channels` (1 or 3). Received: {file}, which is {kinds[found]}, and "
                f"{files[0]}, which is {kinds[first[2]]}"
            )
    return (*(size or first[:2]), channels or first[2])
