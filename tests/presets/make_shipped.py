r"""Makes the presets that come with the package, of models that recipes trained.

    python -m recipes.vae --epochs 60 --hidden-dim 128 --latent-dim 16 \
        --log-dir runs/vae
    python -m recipes.rbm --epochs 100 --hidden-dim 64 --annealing-steps 2000 \
        --log-dir runs/rbm
    python -m tests.presets.make_shipped runs keras_genmod/presets/shipped
"""

import pathlib
import sys

import keras

from keras_genmod import data, evaluation

CASES = {
    "vae": (
        "A variational autoencoder of scikit-learn's 8x8 digits.",
        "recipes.vae --epochs 60 --hidden-dim 128 --latent-dim 16",
        {"binarization": "dynamic"},
        {"num_samples": 500},
        {},
    ),
    "rbm": (
        "A restricted Boltzmann machine of scikit-learn's 8x8 digits, as vectors.",
        "recipes.rbm --epochs 100 --hidden-dim 64 --annealing-steps 2000",
        {"binarization": "static(0)"},
        {"method": "ais", "num_temperatures": 2000},
        {"num_steps": 2000},
    ),
}


def main(runs, shipped):
    for name, (text, command, training, judging, sampling) in CASES.items():
        model = keras.saving.load_model(runs / name / "model.keras")
        x = data.binarize(data.load("digits", "test")[0], "static", seed=0)
        x = x.reshape(len(x), *model.data_shape)
        found = evaluation.evaluate_likelihood(
            model,
            x,
            dataset="digits",
            split="test",
            binarization="static(0)",
            seed=0,
            **judging,
        )
        samples = keras.ops.convert_to_numpy(model.sample(32, seed=0, **sampling))
        model.save_to_preset(
            shipped / f"digits_{name}",
            description=text,
            metadata={
                "dataset": "digits",
                "split": "train",
                "recipe": command,
                **training,
            },
            figures={"log_prob": found},
            samples=samples.reshape(-1, 8, 8, 1),
        )


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:]))
