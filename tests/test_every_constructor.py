"""Every public constructor refuses what it cannot take, naming the argument."""

import contextlib
import importlib
import inspect
import tempfile
import zlib

import numpy as np
import pytest

from keras_genmod import (
    bijectors,
    callbacks,
    colors,
    data,
    distributions,
    evaluation,
    exporting,
    hype,
    latents,
    layers,
    losses,
    metrics,
    models,
    networks,
    presets,
)

pytestmark = pytest.mark.any_backend

LEFT_OUT = {
    # What is made of parts that others make.
    models.AdversarialModel,
    models.NoiseSchedule,
    bijectors.Bijector,
    distributions.Distribution,
    # Records that functions of the package fill in.
    data.ShapeScenes,
    distributions.LogPartition,
    evaluation.AnomalyScores,
    evaluation.Likelihood,
    evaluation.LikelihoodProtocol,
    hype.HumanRealism,
    hype.Separation,
    hype.Trial,
    latents.Analogy,
    # Of a large file, a data set, a file of weights or of a study, which tests of their
    # own have.
    networks.vgg19,
    data.load,
    data.stacked_mnist,
    evaluation.inception_v3,
    losses.lpips,
    hype.Study,
    hype.simulate,
    # Servers.
    hype.StudyServer,
    hype.serve,
    # Of two scores at least, each of a study.
    hype.separation,
    # A good call takes seconds: tests/exporting/test_export.py.
    exporting.export,
}
# Where good arguments are, which are made when a test asks for them.
WITH_NETWORKS, OTHERS = "tests.good_arguments", "tests.more_good_arguments"
GOOD = {
    WITH_NETWORKS: (models, bijectors, layers, networks),
    OTHERS: (
        callbacks,
        data,
        distributions,
        evaluation,
        exporting,
        hype,
        latents,
        losses,
        metrics,
        presets,
    ),
}


def is_tried(thing):
    # Nobody calls errors and the results of metrics.
    is_result = isinstance(thing, type) and issubclass(
        thing, (Exception, metrics.Result)
    )
    return callable(thing) and not is_result and thing not in LEFT_OUT


PUBLIC = {
    thing: file
    for file, rooms in GOOD.items()
    for room in rooms
    for thing in (getattr(room, name) for name in sorted(room.__all__))
    if not isinstance(thing, np.ndarray) and is_tried(thing)
}
PUBLIC |= dict.fromkeys((colors.rgb_to_lab, colors.lab_to_rgb), OTHERS)

# No argument can be any of these.
NEVER = [
    object(),
    {1: 2},
    float("nan"),
    -(2**40),
    "no such name",
    np.array([[1.5, 2.0]]),
]
# Some arguments can be some of these; the others say so.
ODD = [None, -1, 0, 2**40, 2.0, True, [], [None], (0, -1), np.array([1, 2])]

# But these can, each of its kinds.
ANY_TEXT = """backup_dir caption channel condition dataset description features folder
    inside log_dir metric name networks path real_sha256 resize split title
    truncation_kind weights_hash
    """
ANY_NUMBERS = """GanHealth-collapse_below GanHealth-exploding_above
    GanHealth-saturated_above GanHealth-vanishing_below Normal-log_var Normal-mean
    PerceptualLoss-offset PerceptualLoss-scale UnpairedDataset-a UnpairedDataset-b among
    condition data fake held_out logits modes nats real samples x x_train x_val z"""
ANY_DICT = "GibbsSteps-schedule condition figures metadata"
FREE = (
    (ANY_TEXT.split(), str),
    (ANY_NUMBERS.split(), (int, float, np.ndarray)),
    (ANY_DICT.split(), dict),
)
OF_OTHER_TYPES = [object(), np.datetime64(1, "s"), 1j, {1.5}, ...]


def drawn(test, name, num):
    """Returns values of some kinds, and whether no argument can be them.

    They are at random, and the same ones whenever a test runs.
    """
    rng = np.random.default_rng(zlib.crc32(test.encode()))
    number, digits = int(rng.integers(1, 100)), int(rng.integers(10, 40))
    kinds = [
        (-number, False),
        (-(10**digits), True),
        (10 ** max(12, digits), False),
        (number + 0.5, False),
        ([np.nan, np.inf, -np.inf][number % 3], True),
        (OF_OTHER_TYPES[number % len(OF_OTHER_TYPES)], True),
        ({"a": [number]}, True),  # unhashable
        ("".join(rng.choice(list("xyz "), 8)), True),
        ([(number, -1), [[None], 2.5]], False),
        (rng.normal(size=rng.integers(1, 4, number % 5)), False),
        (np.array([True, "a", None], object)[: number % 4], False),
        (2**32 + number, False),
    ]
    chosen = rng.choice(len(kinds), num, replace=False)
    no_seeds = [(value, True) for value in (-number, 2**32, 10**12)]
    return [kinds[i] for i in chosen] + (no_seeds if name == "seed" else [])


def is_free(case, value):
    """Whether an argument can be anything of the kind of a value."""
    names = {case, case.split("-")[1]}
    return any(names & set(each) and isinstance(value, kind) for each, kind in FREE)


def cases():
    for make in PUBLIC:
        for parameter in inspect.signature(make).parameters.values():
            name = f"{make.__name__}-{parameter.name}"
            if parameter.kind is not parameter.VAR_KEYWORD:
                yield pytest.param(make, parameter.name, id=name)


def good_arguments(make):
    found = importlib.import_module(PUBLIC[make]).GOOD[make]
    return found() if callable(found) else found


def complaint(make, name, value, is_never):
    """Returns what is wrong with how a bad argument is answered, or `None`."""
    try:
        make(**{**good_arguments(make), name: value})
    except (ValueError, TypeError, OSError) as error:  # the last of a path
        named = f"`{name}" in str(error) or f"{name}=" in str(error)
        return None if named else f"{value!r}: {type(error).__name__}: {error}"
    except Exception as error:
        return f"{value!r}: {type(error).__name__}: {error}"
    is_wrong = is_never and not is_free(f"{make.__name__}-{name}", value)
    return f"{value!r} is taken" if is_wrong else None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make,name", list(cases()))
def test_bad_arguments_are_named(make, name, request):
    values = [(value, True) for value in NEVER] + [(value, False) for value in ODD]
    # Networks take longer to make than all else.
    num = 3 if PUBLIC[make] == WITH_NETWORKS else 6
    values += drawn(request.node.name, name, num)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        complaints = [complaint(make, name, *value) for value in values]
    assert [text for text in complaints if text is not None] == []


@pytest.mark.parametrize("make", PUBLIC, ids=lambda make: make.__name__)
def test_the_other_arguments_are_good(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make(**good_arguments(make))
