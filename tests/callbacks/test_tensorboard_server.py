"""What a running TensorBoard, without TensorFlow, serves of the logs."""

import json
import subprocess
import sys
import urllib.parse
import urllib.request

import numpy as np
import pytest

from keras_genmod.callbacks import EventWriter

SERVER = """
import sys

sys.modules["tensorflow"] = None  # each import of it fails
from tensorboard.main import run_main

run_main()
"""
HPARAMS = {
    "vae": {"beta": 0.5, "latent_dim": 8},
    "gan": {"loss": "hinge", "conditional": True},
}
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """Returns a folder with the logs of two models."""
    folder = tmp_path_factory.mktemp("runs")
    for name, hparams in HPARAMS.items():
        EventWriter(folder / name).add_hparams(hparams, {})
        EventWriter(folder / name).add_hparams(hparams, {"frechet_distance": 2.5})
    writer = EventWriter(folder / "vae")
    for step in range(3):
        writer.add_scalars("train", {"epoch_loss": 10.0 - step}, step)
    writer.add_scalars("validation", {"epoch_loss": float("nan")}, 2)
    writer.add_images("train", "samples", np.zeros((4, 8, 8)), 2)
    writer.add_histogram("train", "kernel", np.arange(60), 2)
    writer.add_text("train", "protocol", "k = **5**", 2)
    images = np.zeros((5, 8, 6))
    writer.add_embedding("latents", np.eye(5), list("abcde"), images, 2)
    return folder


@pytest.fixture(scope="module")
def ask(logs):
    """Returns a function that asks the server for a path and gives the body."""
    command = [sys.executable, "-c", SERVER, "--logdir", str(logs)]
    command += ["--host", "127.0.0.1", "--port", "0", "--load_fast", "false"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        said = []
        for line in server.stderr:
            said.append(line)
            if " at http://" in line:
                break
        else:
            pytest.fail("".join(said))
        address = line.split(" at ")[1].split()[0]

        def get(path, body=None, **query):
            url = f"{address}data/plugin/{path}?{urllib.parse.urlencode(query)}"
            data = None if body is None else json.dumps(body).encode()
            headers = {"Content-Type": "application/json"}
            request = urllib.request.Request(url, data, headers)
            with OPENER.open(request, timeout=30) as answer:
                return answer.read()

        yield get
    finally:
        server.kill()
        server.wait()
        server.stderr.close()


def test_scalars(ask):
    path, tag = "scalars/scalars", "epoch_loss"
    points = json.loads(ask(path, run="vae/train", tag=tag))
    assert [point[1:] for point in points] == [[0, 10.0], [1, 9.0], [2, 8.0]]
    ((_, step, value),) = json.loads(ask(path, run="vae/validation", tag=tag))
    assert (step, value) == (2, "NaN")


def test_images(ask):
    query = {"run": "vae/train", "tag": "samples", "sample": 0}
    (picture,) = json.loads(ask("images/images", **query))
    key = dict(urllib.parse.parse_qsl(picture["query"]))
    assert picture["step"] == 2
    assert ask("images/individualImage", **key).startswith(b"\x89PNG")


def test_histograms(ask):
    answer = ask("histograms/histograms", run="vae/train", tag="kernel")
    ((_, step, buckets),) = json.loads(answer)
    assert step == 2 and sum(count for _, _, count in buckets) == 60


def test_text_is_shown_as_markdown(ask):
    (event,) = json.loads(ask("text/text", run="vae/train", tag="protocol"))
    assert (event["step"], event["text"]) == (2, "<p>k = <strong>5</strong></p>")


def test_hparams_of_different_models_stand_in_one_table(ask):
    experiment = json.loads(ask("hparams/experiment", {"includeMetrics": True}))
    names = {info["name"] for info in experiment["hparamInfos"]}
    assert names == {name for hparams in HPARAMS.values() for name in hparams}
    query = {"allowedStatuses": ["STATUS_SUCCESS"], "startIndex": 0, "sliceSize": 9}
    groups = json.loads(ask("hparams/session_groups", query))["sessionGroups"]
    found = {group["name"].split("/")[0]: group for group in groups}
    assert {name: group["hparams"] for name, group in found.items()} == HPARAMS
    for group in groups:
        (metric,) = group["metricValues"]
        assert metric["name"]["tag"] == "frechet_distance" and metric["value"] == 2.5


def test_points_with_labels_and_sprites(ask):
    assert json.loads(ask("projector/runs")) == ["vae/train"]
    (info,) = json.loads(ask("projector/info", run="vae/train"))["embeddings"]
    query = {"run": "vae/train", "name": info["tensorName"]}
    vectors = np.frombuffer(ask("projector/tensor", **query), "float32")
    assert np.array_equal(vectors.reshape(info["tensorShape"]), np.eye(5))
    assert ask("projector/metadata", **query).decode().split() == list("abcde")
    assert ask("projector/sprite_image", **query).startswith(b"\x89PNG")
    assert info["sprite"]["singleImageDim"] == [6, 8]  # width, height
