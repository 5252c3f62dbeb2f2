"""What `fit`, `evaluate` and `predict` take, and what they refuse before any step."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_genmod
from keras_genmod.models import incoming
from tests.contracts import (
    EAGER_IS_FASTER,
    NUM_SAMPLES,
    array_of,
    assert_same_state,
    state_of,
)
from tests.models import test_contracts as cases
from tests.models.test_inputs import Batches, as_dataset, as_generator, as_loader

STREAMS = {
    "PyDataset": Batches,
    "tf.data": as_dataset,
    "DataLoader": as_loader,
    "generator": as_generator,
}
X = cases.BINARY
ONE_HOT = np.eye(3, dtype="float32")[cases.LABELS]


@pytest.fixture(scope="module")
def vae():
    return cases.TestVAE.compiled(run_eagerly=EAGER_IS_FASTER)


@pytest.fixture(scope="module")
def conditional():
    return cases.TestConditionalVAE.compiled(run_eagerly=EAGER_IS_FASTER)


@pytest.fixture(scope="module")
def gan():
    return cases.TestGAN.compiled(run_eagerly=EAGER_IS_FASTER)


@pytest.fixture(scope="module")
def autoencoder():
    """A model whose loss of an example has no other terms."""
    return cases.TestAutoencoder.compiled(run_eagerly=EAGER_IS_FASTER)


# Streams.


@pytest.mark.parametrize("method", ["fit", "validation", "evaluate", "predict"])
@pytest.mark.parametrize("kind", STREAMS)
def test_the_first_batch_of_a_stream_is_checked(vae, kind, method):
    stream = STREAMS[kind]((2 * X - 1,))
    with pytest.raises(ValueError, match=r"`x` must lie in \[0, 1\]"):
        if method == "validation":
            vae.fit(X, validation_data=stream)
        else:
            getattr(vae, method)(stream)


@pytest.mark.parametrize("name", ["train", "test", "predict"])
def test_single_batches_are_checked(vae, name):
    with pytest.raises(ValueError, match=r"`x` must lie in \[0, 1\]"):
        getattr(vae, f"{name}_on_batch")(2 * X - 1)


@pytest.mark.parametrize("kind", STREAMS)
def test_labels_of_a_stream_are_checked(conditional, kind):
    stream = STREAMS[kind]((X, cases.LABELS + 1))
    with pytest.raises(ValueError, match="Labels must lie in 0 to 2"):
        conditional.fit(stream)


def test_a_loader_of_bare_images(vae):
    # Keras takes them apart on TensorFlow and JAX (keras#23080).
    import torch

    loader = torch.utils.data.DataLoader(X, batch_size=8)
    assert vae.predict(loader, verbose=0)["output"].shape == X.shape


def test_dicts_are_refused(vae):
    for x in ({"image": X}, as_dataset({"image": X})):
        with pytest.raises(ValueError, match=r"`x` must be one array.*'image'"):
            vae.fit(x)


# Shapes in a step.


@pytest.mark.parametrize("shape", [(8, 4, 1), (4, 8, 1), (4, 4, 2), (16,)])
@pytest.mark.parametrize("name", ["fold_condition", "call"])
def test_a_step_refuses_other_shapes(vae, name, shape):
    with pytest.raises(ValueError, match=r"`x` must have shape \(batch, 4, 4, 1\)"):
        getattr(vae, name)(ops.ones((2, *shape)))


@pytest.mark.parametrize("labels", [np.ones((2, 2)), np.ones((2, 3, 1))])
def test_a_step_refuses_other_shapes_of_labels(conditional, labels):
    with pytest.raises(ValueError, match="`y` must have shape"):
        conditional.fold_condition((X[:2], labels))


def test_embeddings_of_another_length():
    model = cases.TestGatedPixelCNNOfEmbeddings.make()
    with pytest.raises(ValueError, match="`y` must have shape"):
        model.fold_condition((X[:2], np.ones((2, 7))))


def test_two_images_are_no_pair(conditional):
    with pytest.raises(ValueError, match="conditional: give the condition"):
        conditional(ops.convert_to_tensor(X[:2]))
    with pytest.raises(ValueError, match="conditional: give the condition"):
        conditional.fold_condition(X[:2])


def test_a_step_of_several_tensors(vae):
    with pytest.raises(ValueError, match="takes one tensor of data"):
        vae.fold_condition(((X, X),))
    with pytest.raises(ValueError, match="takes one tensor of data"):
        vae({"image": ops.convert_to_tensor(X)})


# Arrays.


@pytest.mark.parametrize("x", [list(X), X.tolist(), tuple(X)])
def test_lists_are_refused(vae, x):
    for method in (vae.fit, vae.evaluate, vae.predict):
        with pytest.raises(ValueError, match="`x` must be one array.*numpy.stack"):
            method(x)


@pytest.mark.parametrize("x", [None, 3, "x", {1, 2}, object()])
def test_other_things_are_refused(vae, x):
    with pytest.raises(ValueError, match="`x` must be a NumPy array"):
        vae.fit(x)


def test_one_array_in_a_tuple(vae):
    assert incoming.standardize(vae, (X,))[0] is X


class Frame:
    """What a data frame is to NumPy."""

    def __init__(self, values):
        self.values = np.asarray(values)
        self.shape = self.values.shape

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)


def foreign(values):
    """A tensor of a framework that does not run."""
    if keras.backend.backend() == "torch":
        import jax

        return jax.numpy.asarray(values)
    import torch

    return torch.from_numpy(values.copy())


@pytest.mark.parametrize("kind", [Frame, foreign])
def test_what_holds_an_array_is_converted(conditional, kind):
    x, y, _, _ = incoming.standardize(conditional, kind(X), kind(cases.LABELS))
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, cases.LABELS)
    with pytest.raises(ValueError, match=r"`x` must lie in \[0, 1\]"):
        conditional.fit(kind(2 * X - 1), cases.LABELS)
    with pytest.raises(ValueError, match="`x` must be a NumPy array or a tensor"):
        conditional.log_prob(kind(X), cases.LABELS)


@pytest.mark.parametrize(
    "x",
    [
        X.astype("complex64"),
        X.astype("str"),
        X.astype("object"),
        X.astype("datetime64[s]"),
        Frame(X.astype("object")),
    ],
)
def test_data_are_real_numbers(vae, x):
    with pytest.raises(ValueError, match="`x` must hold real numbers"):
        vae.fit(x)


def test_masks_are_not_dropped(vae):
    with pytest.raises(ValueError, match="`x` must not be masked"):
        vae.fit(np.ma.masked_array(X, X > 0))


def test_no_examples(vae):
    for method in (vae.fit, vae.log_prob):
        with pytest.raises(ValueError, match="`x` must hold at least one example"):
            method(X[:0])


@pytest.mark.parametrize(
    "call",
    [
        lambda x: cases.TestVAE.make().log_prob(x),
        lambda x: cases.TestVAE.make().encode(x),
        lambda x: cases.TestAutoencoder.make().encode(x),
        lambda x: cases.TestPixelCNN.make().log_prob(x),
        lambda x: keras_genmod.RBM(16, 3).free_energy(x),
        lambda x: keras_genmod.RBM(16, 3).encode(x),
    ],
)
def test_methods_take_no_lists(call):
    with pytest.raises(ValueError, match="`x` must be a NumPy array.*type list"):
        call(X.tolist())


def test_decoding_takes_no_lists(vae):
    with pytest.raises(ValueError, match="`z` must be a NumPy array.*type list"):
        vae.decode([[0.0, 0.0, 0.0]])


# Labels.


def test_one_hot_labels_are_labels(conditional):
    x = ops.convert_to_tensor(X[:4])
    for labels in (cases.LABELS[:4], cases.LABELS[:4, None], ONE_HOT[:4]):
        rows = conditional.one_hot(ops.convert_to_tensor(labels))
        np.testing.assert_array_equal(ops.convert_to_numpy(rows), ONE_HOT[:4])
        inputs, _, _ = conditional.fold_condition((x, ops.convert_to_tensor(labels)))
        _, condition = conditional.data_and_condition(inputs)
        np.testing.assert_array_equal(ops.convert_to_numpy(condition), ONE_HOT[:4])
        taken = conditional.standardize_condition(labels, 4)
        np.testing.assert_array_equal(ops.convert_to_numpy(taken), cases.LABELS[:4])


@pytest.mark.parametrize("row", [[1, 1, 0], [0, 0, 0], [0.5, 0.5, 0], [2, 0, -1]])
def test_rows_that_are_not_one_hot(conditional, row):
    rows = np.array([row, [1, 0, 0]], "float32")
    taken = ops.convert_to_numpy(conditional.one_hot(ops.convert_to_tensor(rows)))
    assert np.isnan(taken[0]).all() and np.isfinite(taken[1]).all()
    with pytest.raises(ValueError, match="Labels must be one-hot"):
        conditional.fit(X[:2], rows)


def test_names_are_no_labels(conditional):
    with pytest.raises(ValueError, match="Labels must be whole numbers.*unique"):
        conditional.fit(X, np.array(["a", "b", "c"])[cases.LABELS])


# Weights.


def weights_of(example):
    return np.eye(len(X), dtype="float32")[example]


def test_losses_are_means_over_the_batch(vae):
    # As in Keras, weights scale losses; they do not change what is counted.
    losses = ops.convert_to_tensor(np.array([3.0, 5.0, 7.0], "float32"))
    weights = ops.convert_to_tensor(np.array([2.0, 0.0, 0.0], "float32"))
    assert float(vae.mean_loss(losses)) == pytest.approx(5)
    assert float(vae.mean_loss(losses, weights)) == pytest.approx(2)


def test_weights_by_position(autoencoder):
    options = {"batch_size": len(X), "verbose": 0}
    by_name = autoencoder.evaluate(X, sample_weight=weights_of(3), **options)
    by_position = autoencoder.evaluate(X, None, len(X), 0, weights_of(3))
    assert by_position == by_name != autoencoder.evaluate(X, **options)


def test_weights_of_a_pair(conditional):
    nothing = np.zeros(len(X))
    loss = conditional.evaluate((X, cases.LABELS), sample_weight=nothing, verbose=0)
    assert loss[0] == 0


@pytest.mark.parametrize("data", [(X, None), (X, cases.LABELS)])
def test_weights_of_validation_data(autoencoder, data):
    logs = autoencoder.fit(
        X[:8], batch_size=8, verbose=0, validation_data=(*data, np.zeros(len(X)))
    ).history
    assert logs["val_loss"] == [0]


def test_weights_of_another_shape(vae):
    with pytest.raises(ValueError, match=r"`sample_weight` must have shape "):
        vae.fit(X, sample_weight=np.ones((len(X), 4)))


def test_class_weight_needs_labels(vae):
    with pytest.raises(ValueError, match="`class_weight` needs class labels"):
        vae.fit(X, class_weight={0: 1.0})


@pytest.mark.parametrize("name", ["sample_weight", "class_weight"])
def test_games_refuse_weights_before_a_step(gan, name):
    with pytest.raises(ValueError, match="takes no `sample_weight` and no `class_w"):
        gan.fit(cases.GREY, cases.LABELS, **{name: np.ones(len(X))})


# What failed leaves the model as it was.


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict", "train_on_batch"])
def test_a_failing_step_leaves_the_weights(tmp_path, monkeypatch, method):
    model = cases.TestAutoencoder.compiled(run_eagerly=EAGER_IS_FASTER)
    before = [ops.convert_to_numpy(v) for v in model.variables]

    def fail(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(model, "call", fail)
        with pytest.raises(KeyboardInterrupt):
            getattr(model, method)(X)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(variable), value)
    model.save(tmp_path / "model.keras")
    model.fit(X, verbose=0)


@pytest.mark.two_backends
def test_a_step_of_a_game_that_fails_or_is_refused_leaves_it_whole(
    tmp_path, monkeypatch
):
    case = cases.TestConditionalGAN
    model, (x, y) = case.compiled(run_eagerly=EAGER_IS_FASTER), case.data
    before = state_of(model)

    def fail(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(model.discriminator, "call", fail)
        for step in (
            lambda: case.fit(model),
            lambda: model.evaluate(x, y),
            lambda: model.predict((x, y)),
            lambda: model.train_on_batch(x, y),
        ):
            with pytest.raises(KeyboardInterrupt):
                step()
    with pytest.raises(ValueError, match="takes no `sample_weight`"):
        model.fit(x, y, sample_weight=np.ones(len(x)))
    with pytest.raises(ValueError, match="needs class labels"):
        model.predict(x)
    # What was drawn before the failure counts.
    assert_same_state(state_of(model), before, but="seed_generator_state")
    model.save(tmp_path / "model.keras")
    samples = model.sample(NUM_SAMPLES, **case.sample_arguments)
    assert np.all(np.isfinite(array_of(samples)))
    assert np.isfinite(case.fit(model).history["loss"]).all()


def test_compile_needs_an_optimizer(vae):
    with pytest.raises(ValueError, match="`optimizer` must be"):
        vae.compile(None)
