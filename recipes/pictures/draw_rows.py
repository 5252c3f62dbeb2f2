"""Draws a row of samples of each run, as the README shows them.

python -m recipes.pictures.draw_rows runs/pixel_cnn runs/glow ...
"""

import pathlib
import sys

import keras

from keras_genmod import callbacks

FOLDER = pathlib.Path(__file__).parent
NUM_SAMPLES, SCALE, SEED = 12, 4, 0


def main(folders):
    """Writes `digits_<name of the folder>.png` beside this file for each folder."""
    for folder in map(pathlib.Path, folders):
        model = keras.saving.load_model(folder / "model.keras")
        samples = keras.ops.convert_to_numpy(model.sample(NUM_SAMPLES, seed=SEED))
        if samples.ndim == 2:  # of machines, whose images are vectors
            samples = samples.reshape(NUM_SAMPLES, *[int(samples.shape[1] ** 0.5)] * 2)
        grid = callbacks.image_grid(samples, NUM_SAMPLES, scale=SCALE)
        callbacks.save_png(FOLDER / f"digits_{folder.name}.png", grid)


if __name__ == "__main__":
    main(sys.argv[1:])
