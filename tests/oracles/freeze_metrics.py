r"""Writes frozen_metrics.json: numbers of three other packages.

Run once, from the root of the repository, in an environment of its own:

    python -m venv oracle
    oracle/bin/pip install torch==2.13.0 numpy==2.4.6 scipy==1.17.1 pillow tqdm requests
    oracle/bin/pip install --no-deps torch-fidelity==0.4.0 pytorch-fid==0.3.0 \
        torchmetrics==1.9.0 lightning-utilities==0.15.3 packaging==26.3
    oracle/bin/python tests/oracles/freeze_metrics.py

torchvision is stood in for: the packages import it to read images, and only their
functions of features are called here, torchmetrics' with an identity for a network.
The features are those of `metric_cases`.
"""

import importlib.metadata
import json
import pathlib
import sys
from unittest import mock

import metric_cases
import numpy as np

PATH = pathlib.Path(__file__).parent / "frozen_metrics.json"


def frozen():
    """Returns the numbers, by case and metric."""
    for name in ("", ".datasets", ".models", ".transforms", ".transforms.functional"):
        sys.modules[f"torchvision{name}"] = mock.MagicMock(__spec__=None)
    import torch
    from pytorch_fid.fid_score import calculate_frechet_distance
    from torch_fidelity.metric_fid import (
        fid_features_to_statistics,
        fid_statistics_to_metric,
    )
    from torch_fidelity.metric_isc import isc_features_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric

    numbers = {}
    for name, case in metric_cases.FEATURES.items():
        real, fake = (torch.from_numpy(x) for x in case.sets())
        moments = [(x.numpy().mean(0), np.cov(x, rowvar=False)) for x in (real, fake)]
        statistics = [fid_features_to_statistics(x) for x in (fake, real)]
        numbers[name] = {
            "pytorch_fid": float(calculate_frechet_distance(*moments[0], *moments[1])),
            "torchmetrics": of_torchmetrics(real, fake),
            **fid_statistics_to_metric(*statistics, verbose=False),
            **kid_features_to_metric(
                fake,
                real,
                kid_subsets=case.num_subsets,
                kid_subset_size=case.subset_size,
                rng_seed=case.seed,
                verbose=False,
            ),
        }
    for name, case in metric_cases.LOGITS.items():
        logits = torch.from_numpy(case.logits())
        numbers[name] = isc_features_to_metric(logits, case.num_splits, True, case.seed)
    return numbers


def of_torchmetrics(real, fake):
    """Returns the FID of torchmetrics, with the features as images of one row."""
    import torch
    from torchmetrics.image.fid import FrechetInceptionDistance

    network = torch.nn.Flatten()
    network.num_features = real.shape[1]
    distance = FrechetInceptionDistance(network, normalize=True)
    distance.set_dtype(torch.float64)
    distance.update(real, real=True)
    distance.update(fake, real=False)
    return float(distance.compute())


if __name__ == "__main__":
    packages = ("torch-fidelity", "pytorch-fid", "torchmetrics", "torch", "numpy")
    versions = {name: importlib.metadata.version(name) for name in packages}
    record = {"versions": versions, "numbers": frozen()}
    PATH.write_text(json.dumps(record, indent=2) + "\n")
