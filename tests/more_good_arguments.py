"""Arguments that each public constructor takes, of the rooms without networks.

As `good_arguments.py`, of callbacks, data, distributions, evaluation, studies, latents,
losses, metrics and presets. What can be given only once comes from a function.
"""

import dataclasses
import pathlib
import uuid

import keras
import numpy as np

from keras_genmod import (
    RBM,
    callbacks,
    colors,
    data,
    distributions,
    evaluation,
    hype,
    latents,
    losses,
    metrics,
    presets,
)
from keras_genmod.data.image_listing import list_folder
from tests.models.small_networks import small_network

RNG = np.random.default_rng(0)
X = RNG.random((6, 2, 2, 1)).astype("float32")  # images
Z = RNG.normal(size=(6, 2))  # latents, features
LARGE = RNG.random((2, 11, 11, 3))
FACTORS = np.stack([np.arange(24) % 2, np.arange(24) // 2 % 3], axis=1)
CODES = {"codes": RNG.normal(size=(24, 2)), "factors": FACTORS}
FOLDER = pathlib.Path(presets.__file__).parent / "shipped" / "digits_vae"  # one image
TO_LATENT = small_network((2, 2, 1), (2,))
SCENES = data.shape_scenes(2, size=16, max_objects=2)
SCORES = evaluation.AnomalyScores(scores=np.arange(6.0), name="a", unit="nats")
LOGS = {"log_dir": "logs"}
TIMED = dataclasses.asdict(hype.StudyProtocol.of("time"))
FEW = hype.StudyProtocol.of("infinity", num_trials=2, qualification_trials=0)


class Judged:
    """A stand-in for a model, whose log p(x) is the first value of each example."""

    likelihood_kind = "exact"
    data_shape = (2,)
    latent_dim = 2

    def log_prob(self, x, condition=None):
        return np.asarray(x)[:, 0]

    def sample(self, num_samples, condition=None, seed=None):
        return np.zeros((num_samples, 2), "float32")

    def encode(self, x):
        return x

    def decode(self, z):
        return z


def study():
    return {
        "path": f"{uuid.uuid4()}.study",
        "real": X,
        "fakes": {"a": 1 - X},
        "protocol": FEW,
    }


def preset():
    return {"model": PRESET, "folder": str(uuid.uuid4())}


PRESET = RBM(2, 1, num_chains=1)

GOOD = {
    callbacks.Backup: {"backup_dir": "backup"},
    callbacks.DenoisingPath: LOGS,
    callbacks.EvaluateSamples: {"real": X},
    callbacks.EventWriter: LOGS,
    callbacks.ExponentialMovingAverage: {},
    callbacks.FreeEnergyGap: {"x_val": X, "x_train": X},
    callbacks.GanHealth: {},
    callbacks.GibbsSteps: {"schedule": {0: 1}},
    callbacks.GrowNetworks: {},
    callbacks.Interpolation: {**LOGS, "start": X, "stop": X},
    callbacks.LatentTraversal: LOGS,
    callbacks.NeighbourGrid: {**LOGS, "real": X, "k": 1},
    callbacks.PictureCallback: {**LOGS, "name": "a"},
    callbacks.Reconstructions: {**LOGS, "x": X},
    callbacks.SampleGrid: LOGS,
    callbacks.StopOnNonFinite: {},
    callbacks.TensorBoard: LOGS,
    callbacks.image_grid: {"images": X},
    callbacks.save_png: {"path": "a.png", "image": np.zeros((2, 2), "uint8")},
    colors.rgb_to_lab: {"images": np.ones((1, 3))},
    colors.lab_to_rgb: {"lab": np.ones((1, 3))},
    data.CaptionedDataset: {
        "images": X,
        "captions": np.zeros((6, 1, 2)),
        "batch_size": 2,
    },
    data.DynamicBinarization: {"x": X},
    data.ImageFolder: {"listing": list_folder(str(FOLDER), (2, 2), 1)},
    data.PairedDataset: {"sources": X, "targets": X, "batch_size": 2},
    data.TransportPairs: {"x": X, "batch_size": 2},
    data.UnpairedDataset: {"a": X, "b": X, "batch_size": 2},
    data.Vocabulary: {"tokens": ["a"], "length": 2},
    data.binarize: {"x": X, "method": "static", "seed": 0},
    data.day_and_night: {"num": 1, "size": 16},
    data.dequantize: {"x": X.round(), "num_levels": 2},
    data.grid: {"num_points": 2},
    data.grid_centres: {},
    data.image_folder: {"path": FOLDER, "image_size": 2},
    data.load_pairs: {"folder": FOLDER.parent, "split": FOLDER.name},
    data.resize: {"x": X, "size": 3},
    data.ring: {"num_points": 2},
    data.ring_centres: {},
    data.scene_graphs: {"graphs": [{"objects": ["small red circle"]}]},
    data.shape_scenes: {"num": 1, "size": 16},
    data.sprites: {"num_samples": 2, "size": 8, "num_angles": 2, "num_positions": 2},
    distributions.Bernoulli: {"logits": Z},
    distributions.Categorical: {"logits": Z},
    distributions.DiscretizedLogisticMixture: {
        "logits": Z,
        "means": Z[:, None],
        "log_scales": Z[:, None],
    },
    distributions.Normal: {"mean": Z, "log_var": 0.0},
    distributions.StandardNormal: {"event_shape": (2,)},
    evaluation.FeatureExtractor: {"model": TO_LATENT, "name": "a"},
    evaluation.LikelihoodTable: {},
    evaluation.OutlierTable: {"inside": "a"},
    evaluation.anomaly_score: {"model": Judged(), "x": Z},
    evaluation.complexity_corrected: {"scores": SCORES, "complexity": np.ones(6)},
    evaluation.draw_samples: {"model": Judged(), "num_samples": 3},
    evaluation.evaluate_likelihood: {
        "model": Judged(),
        "data": RNG.random((3, 2)),
        "dataset": "a",
        "split": "b",
    },
    evaluation.input_complexity: {"images": X[..., 0].round(), "num_levels": 2},
    evaluation.likelihood_ratio: {"scores": SCORES, "background": SCORES},
    hype.Observer: {},
    hype.Report: {"block": 0, "position": 0, "attempt": 0},
    hype.Staircase: {
        "rule": "weighted",
        "unit": "ms",
        "start_ms": 50,
        "min_ms": 0.1,
        "max_ms": 100,
    },
    hype.StudyProtocol: TIMED,
    hype.bootstrap: {"values": [0.5, 0.6], "num_resamples": 10},
    hype.create_study: study,
    hype.load_images: {"folder": FOLDER},
    hype.modal_exposure: {"shown_ms": [10.0], "frames_ms": [5.0]},
    hype.phase_scrambled: {"images": X, "seed": 0},
    hype.rank: {"scores": []},
    hype.score: {"protocol": FEW, "trials": [], "num_resamples": 10},
    latents.analogy: {"positive": [Z], "negative": [Z], "among": Z, "k": 1},
    latents.around: {"z": Z, "num_neighbours": 2},
    latents.decode: {"model": Judged(), "z": Z},
    latents.encode: {"model": Judged(), "x": Z},
    latents.interpolate: {"start": Z, "stop": Z, "num_steps": 2},
    latents.traverse: {"z": Z, "dimensions": [0], "values": [1.0]},
    losses.PerceptualLoss: {
        "network": keras.Sequential(
            [keras.Input((2, 2, 1)), keras.layers.Conv2D(2, 1, name="convolution")]
        ),
        "layers": ["convolution"],
    },
    metrics.FeatureStatistics: {},
    metrics.Protocol: {},
    metrics.beta_vae_score: {**CODES, "num_groups": 16, "group_size": 2},
    metrics.bits_per_dim: {"nats": 1.0, "num_dims": 2},
    metrics.box_iou: {
        "boxes": SCENES.boxes,
        "true_boxes": SCENES.boxes,
        "object_mask": SCENES.object_mask,
    },
    metrics.classifier_score: {"probabilities": np.eye(3), "num_splits": 1},
    metrics.dci: {**CODES, "num_trees": 1},
    metrics.factor_vae_score: {**CODES, "num_groups": 8, "group_size": 2},
    metrics.frechet_distance: {"real": Z, "fake": Z},
    metrics.inception_score: {"probabilities": np.eye(3), "num_splits": 1},
    metrics.kernel_distance: {
        "real": Z,
        "fake": Z,
        "num_subsets": 2,
        "subset_size": 3,
    },
    metrics.mode_coverage: {"samples": Z, "modes": Z, "radius": 1.0},
    metrics.mutual_information_gap: CODES,
    metrics.nearest_neighbours: {"fake": Z, "real": Z},
    metrics.outlier_auroc: {"scores_in": [0.1, 0.4], "scores_out": [0.3]},
    metrics.peak_signal_to_noise_ratio: {"real": LARGE, "made": LARGE / 2},
    metrics.precision_recall_density_coverage: {"real": Z, "fake": Z, "k": 2},
    metrics.r_precision: {"images": Z, "captions": Z, "num_candidates": 2},
    metrics.scene_accuracy: {
        "images": SCENES.images,
        "graphs": SCENES.graphs(),
        "palette": data.SCENE_PALETTE,
    },
    metrics.separated_predictability: CODES,
    metrics.structural_similarity: {"real": LARGE, "made": LARGE / 2},
    presets.from_preset: {"preset": "digits_rbm"},
    presets.metadata_of: {"preset": "digits_rbm"},
    presets.shipped: {},
    presets.write_preset: preset,
}
