"""Draws two rows of samples of each run, as the README shows them.

python -m recipes.pictures.draw_rows runs/pixel_cnn runs/glow ...

Of the models in `PARTS` it takes a part of the picture that their recipe has drawn.
"""

import pathlib
import sys

import keras
from PIL import Image

from keras_genmod import callbacks

FOLDER = pathlib.Path(__file__).parent
NUM_SAMPLES, NUM_COLUMNS, SCALE, SEED = 12, 6, 4, 0

# Name of a folder or picture: name of the part, its (left, upper, right, lower).
PARTS = {
    "autoencoder": ("digits_autoencoder", (0, 0, 302, 102)),
    "boltzmann_machine": ("digits_boltzmann_machine", (0, 50, 302, 152)),
    "colorization": ("scenes_colorization", (0, 0, 332, 134)),
    "consistency": ("points_consistency", (258, 0, 1034, 260)),
    "denoising_autoencoder": ("digits_denoising_autoencoder", (0, 0, 302, 102)),
    "disentanglement": ("sprites_factor_vae", (0, 900, 352, 1052)),
    "flow_matching": ("points_flow_matching", (258, 0, 1034, 260)),
    "mnist_energy_model": ("mnist_energy_model_rows", (0, 0, 350, 118)),
    "mnist_wgan_gp": ("mnist_wgan_gp_rows", (0, 0, 350, 118)),
    "pix2pix": ("digits_pix2pix", (0, 0, 302, 102)),
    "score_model": ("points_score_model", (258, 0, 1034, 260)),
    "super_resolution": ("digits_super_resolution", (0, 0, 302, 152)),
    "text_to_image": ("scenes_text_to_image", (0, 0, 332, 200)),
    "vq_gan": ("digits_vq_gan", (0, 0, 302, 102)),
    "vq_vae": ("digits_vq_vae", (0, 0, 302, 102)),
    "vq_vae_2": ("digits_vq_vae_2", (0, 0, 302, 102)),
}


def main(paths):
    """Writes `<name>.png` beside this file for each folder of a run or picture."""
    for path in map(pathlib.Path, paths):
        if path.stem in PARTS:
            name, box = PARTS[path.stem]
            source = path if path.suffix else path / f"{path.name}.png"
            with Image.open(source) as picture:
                picture.crop(box).save(FOLDER / f"{name}.png", optimize=True)
            continue
        model = keras.saving.load_model(path / "model.keras")
        samples = keras.ops.convert_to_numpy(model.sample(NUM_SAMPLES, seed=SEED))
        if samples.ndim == 2:  # of machines, whose images are vectors
            samples = samples.reshape(NUM_SAMPLES, *[int(samples.shape[1] ** 0.5)] * 2)
        grid = callbacks.image_grid(samples, NUM_COLUMNS, scale=SCALE)
        callbacks.save_png(FOLDER / f"digits_{path.name}.png", grid)


if __name__ == "__main__":
    main(sys.argv[1:])
