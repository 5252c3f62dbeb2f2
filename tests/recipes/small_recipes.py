"""What the tests of recipes start from: small arguments, a backend for each."""

import contextlib
import importlib
import io
import pathlib

import keras
import pytest

from keras_genmod.models.diffusion.time_grid import check_num_steps

FOLDER = pathlib.Path(__file__).parents[2] / "recipes"

# Arguments that make each recipe small; each also has a `limit` of examples.
SMALL = {
    "anomaly": {"hidden_dim": 25, "latent_dim": 2, "filters": 4, "num_blocks": 1},
    "autoencoder": {"hidden_dim": 16},
    "big_gan": {"filters": 1, "latent_dim": 4, "embedding_dim": 2},
    "boltzmann_machine": {"num_patterns": 5},
    "caption_encoder": {"image_size": 16, "hidden_dim": 8, "filters": 2},
    "causal_transformer": {"model_dim": 8, "num_blocks": 1, "class_conditional": True},
    "colorization": {"filters": 2, "image_size": 16, "pix2pix_epochs": 1},
    "conditional_diffusion": {
        "filters": 4,
        "multipliers": "1",
        "num_steps": 2,
        "num_scored": 80,
    },
    "conditional_gan": {"filters": 4, "latent_dim": 8},
    "conditional_vae": {"hidden_dim": 16, "latent_dim": 4},
    "consistency": {"hidden_dim": 8, "num_scales": 4, "teacher_steps": 2},
    "cycle_gan": {"filters": 4, "num_blocks": 1},
    "dbm": {"hidden_dims": "6,5", "pretrain_epochs": 1, "num_chains": 8},
    "dbn": {"hidden_dims": "6,5", "pretrain_epochs": 1},
    "ddpm": {"filters": 4, "multipliers": "1", "bound_steps": 2},
    "denoising_autoencoder": {"hidden_dim": 16},
    "disentanglement": {
        "methods": "vae,factor_vae",
        "size": 8,
        "hidden_dim": 8,
        "latent_dim": 2,
    },
    "energy_model": {"hidden_dim": 8, "filters": 2, "num_langevin_steps": 3},
    "feature_classifier": {"filters": 4, "feature_dim": 8},
    "flow_matching": {"hidden_dim": 8, "pairs": "transport"},
    "gan": {"filters": 4, "latent_dim": 8},
    "gated_pixel_cnn": {"filters": 4, "num_blocks": 1, "class_conditional": True},
    "glow": {"filters": 4, "num_steps": 1},
    "hype_study": {
        "num_trials": 4,
        "qualification_trials": 6,
        "hidden_dim": 8,
        "filters": 2,
    },
    "inpainting": {
        "filters": 4,
        "multipliers": "1",
        "num_steps": 2,
        "num_resamplings": 1,
    },
    "iwae": {"hidden_dim": 16, "latent_dim": 4},
    "ladder_vae": {"hidden_dims": "16,8", "latent_dims": "4,2"},
    "latent_diffusion": {
        "filters": 4,
        "prior_filters": 4,
        "multipliers": "1",
        "num_steps": 2,
    },
    "lora": {
        "filters": 4,
        "multipliers": "1",
        "tuning_epochs": 1,
        "rank": 2,
        "num_steps": 2,
        "num_scored": 80,
    },
    "maf": {"num_layers": 2, "hidden_dim": 32},
    "pix2pix": {"filters": 2, "holes": True},
    "mode_collapse": {"methods": "gan,pac_gan_2"},
    "pac_gan": {"packings": "1,2"},
    "pixel_cnn": {"filters": 4, "num_blocks": 1, "binarization": "static"},
    "pixel_cnn_pp": {"filters": 4, "num_levels": 4},
    "pixel_rnn": {"kind": "diagonal", "filters": 4, "num_layers": 1},
    "planar_energies": {"num_layers": 2},
    "planar_flow": {"num_layers": 2},
    "progressive_gan": {"filters_base": 8, "latent_dim": 4, "images_per_phase": 32},
    "rbm": {"hidden_dim": 6},
    "real_nvp": {"width": 4},
    "scene_classifier": {"image_size": 16, "filters": 2, "feature_dim": 8},
    "scene_graph_gan": {"filters": 2, "vector_dim": 4, "image_size": 16},
    "score_model": {"hidden_dim": 8, "num_steps": 2},
    "sdedit": {"filters": 4, "multipliers": "1", "num_steps": 2},
    "sngan": {"filters": 2, "latent_dim": 4, "truncation": 1.0},
    "style_gan": {"filters": 2, "latent_dim": 4},
    "style_transfer": {"filters": 2, "image_size": 64, "num_steps": 2},
    "super_resolution": {"filters": 2, "num_blocks": 1, "gan_epochs": 1},
    "text_to_image": {
        "limit": 32,
        "image_size": 16,
        "encoder_epochs": 2,
        "filters": 2,
        "multipliers": "1",
        "latent_dim": 4,
        "embedding_dim": 8,
        "num_steps": 2,
    },
    "vae": {"hidden_dim": 16, "latent_dim": 4},
    "vae_planar_posterior": {"hidden_dim": 16, "latent_dim": 4, "num_flows": 2},
    "vq_gan": {
        "filters": 4,
        "code_dim": 4,
        "model_dim": 8,
        "discriminator_start": 1,
    },
    "vq_vae": {"filters": 4, "code_dim": 4, "model_dim": 8},
    "vq_vae_2": {"filters": 4, "code_dim": 4, "model_dim": 8},
    "wgan_gp": {"filters": 4, "latent_dim": 8},
}
RESUMED = ("gan", "dbn", "wgan_gp")  # the others with the slow tests
# A prior is of one autoencoder: where that goes on, the prior begins anew.
BEGIN_A_STAGE_ANEW = (
    "latent_diffusion",
    "super_resolution",
    "vq_gan",
    "vq_vae",
    "vq_vae_2",
)
SLOW = pytest.mark.slow
FIGURES = {
    "anomaly": "the lowest AUROC is",
    "autoencoder": "mean squared error",
    "big_gan": "within a class, by truncation",
    "boltzmann_machine": "recovered whole from their upper halves",
    "caption_encoder": "R-precision of",
    "causal_transformer": "96 images of 17 levels: log p(x | y) =",
    "colorization": "mean distance in (a, b) of Lab",
    "conditional_diffusion": "Frechet distance to these (features: pixels): 0:",
    "conditional_gan": "has the class asked for in",
    "conditional_vae": "importance-weighted, K=",
    "consistency": "precision and recall: training points",
    "cycle_gan": "distance after a cycle",
    "dbm": "nats (lower_bound)",
    "dbn": "Logistic regression on its features: accuracy",
    "ddpm": "bits a dimension",
    "denoising_autoencoder": "normal noise of 0.3: mean",
    "disentanglement": "Mutual information gap",
    "energy_model": "nats (estimate: normalised on a grid of 64x64 cells)",
    "feature_classifier": "Frechet distance",
    "flow_matching": "2 Euler steps end",
    "gan": "(features: pixels): Frechet distance",
    "iwae": "nats (the objective), >=",
    "gated_pixel_cnn": "dynamic binarization (tested on one draw, seed 0): log p(x | y",
    "glow": "bits a dimension",
    "hype_study": "real images of digits and as many samples of vae, gan, diffusion",
    "inpainting": "mean squared error of the lower halves",
    "ladder_vae": "KL of the levels, from the lowest:",
    "latent_diffusion": "DDIM of 2 steps (features: pixels): Frechet distance",
    "lora": "held-out ones of these (features: pixels): as it was",
    "maf": "bits a dimension",
    "mode_collapse": "samples within 3 standard deviations, KL in nats",
    "pac_gan": "samples within 3 standard deviations, KL in nats",
    "pix2pix": "kernel distance (features: pixels)",
    "pixel_cnn": "static binarization (tested on one draw, seed 0): log p(x) = ",
    "pixel_cnn_pp": "nats (exact), ",
    "pixel_rnn": "diagonal layers, dynamic binarization (tested on one draw, seed 0)",
    "planar_energies": "KL(q, p) of flows",
    "planar_flow": "nats (exact)",
    "progressive_gan": "kernel distance (features: pixels)",
    "rbm": "nats (exact)",
    "real_nvp": "bits a dimension",
    "score_model": "nats (exact, by the equation)",
    "scene_classifier": "each kind of object told right",
    "scene_graph_gan": "scenes with held-out pairs: boxes meet",
    "sdedit": "strength 0.7",
    "sngan": "has the class asked for in",
    "style_gan": "Styles found for",
    "style_transfer": "features of a small classifier of photographs, not VGG19",
    "super_resolution": "PSNR on luma: bicubic interpolation",
    "text_to_image": "real scenes, pairs of training: R-precision",
    "vae": "(features: pixels): Frechet distance",
    "vae_planar_posterior": "2 planar flows, dynamic binarization (tested on one draw",
    "vq_gan": "of 64 codes, at a perplexity of",
    "vq_vae": "of 16 codes, at a perplexity of",
    "vq_vae_2": "of 16 coarse and of as many fine codes (perplexity):",
    "wgan_gp": "(features: pixels): Frechet distance",
}

# What the recipes of the whole set of callbacks log beside the losses.
PICTURES = {
    "ddpm": {"samples", "denoising"},
    "gan": {"samples", "interpolation"},
    "pixel_cnn": {"samples"},
    "vae": {"samples", "reconstructions", "traversal", "interpolation"},
    "wgan_gp": {"samples", "interpolation"},
}
SCALARS = ["frechet_distance", "kernel_distance", "precision", "recall"]
LIKELIHOODS = {
    "conditional_vae": "lower_bound",
    "dbm": "lower_bound",
    "dbn": "lower_bound",
    "glow": "lower_bound",
    "iwae": "lower_bound",
    "ladder_vae": "lower_bound",
    "maf": "lower_bound",
    "pixel_cnn": "exact",
    "rbm": "exact",
    "real_nvp": "lower_bound",
    "vae": "lower_bound",
    "vae_planar_posterior": "lower_bound",
}
FLOWS = ("glow", "maf", "real_nvp")  # under uniform noise
OF_A_GAME = ["generator_gradient_norm", "sample_diversity"]

RUN = ["model.keras", "log.csv", "train", "validation", "backup"]  # what a run leaves
FILES = {
    "anomaly": ["anomaly.md", "anomaly.json"]
    + [f"{model}/{file}" for model in ("vae", "rbm_background") for file in RUN],
    "hype_study": ["infinity_4_epoch_0001.study"]
    + [f"{model}/{file}" for model in ("vae", "gan", "diffusion") for file in RUN],
    "disentanglement": ["disentanglement.md"]
    + [f"{method}/{file}" for method in ("vae", "factor_vae") for file in RUN],
    "lora": ["merged.keras"]
    + [
        f"{way}/{file}"
        for way in ("all_weights", "adapters")
        for file in RUN
        if file != "model.keras"
    ],
    "mode_collapse": [
        f"{method}/{file}" for method in ("gan", "pac_gan_2") for file in RUN
    ],
    "pac_gan": [f"packs_of_{n}/{file}" for n in (1, 2) for file in RUN],
    "text_to_image": ["captions.txt"]
    + [f"{stage}/{file}" for stage in ("captions", "gan", "diffusion") for file in RUN],
    "planar_energies": [
        f"{energy}/{file}"
        for energy in ("ring", "sine", "split_sine", "forked_sine")
        for file in RUN
    ],
}


# Each recipe compiles a whole model, and what it does depends on no backend: in the
# default suite one backend runs it. All run on all among the slow tests.
ELSEWHERE = {
    "jax": "gan planar_flow rbm",
    "tensorflow": "boltzmann_machine conditional_gan feature_classifier vae",
}
BACKENDS = {
    **ELSEWHERE,
    "torch": " ".join(set(SMALL) - set(" ".join(ELSEWHERE.values()).split())),
}
HERE = BACKENDS[keras.backend.backend()].split()


def recipes(names=SMALL):
    """Returns parameters of which those of other backends are slow."""
    return [
        name if name in HERE else pytest.param(name, marks=pytest.mark.slow)
        for name in names
    ]


def run(name, log_dir, epochs, **kwargs):
    """Returns the lines that a recipe has printed."""
    recipe = importlib.import_module(f"recipes.{name}")
    # More images than an 8x8 one has pixels: less do not give a covariance.
    arguments = {"limit": 96, "batch_size": 32, **SMALL[name], **kwargs}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.MonkeyPatch.context() as patch:
        if name in PICTURES:  # one at each epoch
            patch.setattr(recipe, "EVERY", 1)
        patch.setattr(check_num_steps, "__defaults__", (5, 1.0))  # of 50 steps
        recipe.main(epochs=epochs, log_dir=str(log_dir), **arguments)
    return printed.getvalue().strip().splitlines()
