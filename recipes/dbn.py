"""Deep belief network (Hinton, Osindero and Teh, 2006)."""

import keras
import numpy as np
from keras import ops
from sklearn.linear_model import LogisticRegression

from keras_genmod import DBN, callbacks, data, evaluation
from recipes._run import begin, command_line, fit, integers, pretrain

PRETRAINING_RATE = 0.05  # at the start, as the next; both fall to 0
LEARNING_RATE = 0.01
EVERY = 20  # epochs from one picture to the next
NUM_COLUMNS = 10


def main(
    dataset: str = "digits",
    epochs: int = 40,
    pretrain_epochs: int = 60,
    batch_size: int = 32,
    hidden_dims: str = "100,20",
    num_temperatures: int = 10_000,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/dbn",
):
    """Trains a deep belief network on images, binarized once.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        epochs: Passes over the data after pretraining; more than last time goes on with
            that run.
        pretrain_epochs: Passes over the data for each two layers. A run that goes on
            finds the weights in its folder.
        batch_size: Examples a step; 100 for MNIST.
        hidden_dims: Units of the hidden layers with commas between, from the lowest;
            "500,2000" for MNIST.
        num_temperatures: Of annealed importance sampling, where the top is too large
            for an exact log Z.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals(), may_change=["num_temperatures"])
    (x_train, y_train), (x_test, y_test) = (
        data.load(dataset, split) for split in ("train", "test")
    )
    image_shape = x_train.shape[1:]
    grey, x_test = (x[:limit].reshape(len(x[:limit]), -1) for x in (x_train, x_test))
    x_train, x_test = (data.binarize(x, "static", seed) for x in (grey, x_test))

    dims = integers("hidden_dims", hidden_dims)
    model = DBN([x_train.shape[1], *dims], seed=seed)
    num_steps = -(-len(x_train) // batch_size)
    falling = keras.optimizers.schedules.PolynomialDecay
    rate = falling(PRETRAINING_RATE, pretrain_epochs * num_steps, 0.0)
    pretrain(
        model,
        grey,
        log_dir,
        epochs=pretrain_epochs,
        batch_size=batch_size,
        optimizer=keras.optimizers.SGD(rate, momentum=0.5),
        persistent=True,
        draws=True,
    )
    rate = falling(LEARNING_RATE, epochs * num_steps, 0.0)
    model.compile(keras.optimizers.SGD(rate))

    n, when = NUM_COLUMNS, {"every": EVERY, "image_shape": image_shape}
    drawn = [
        callbacks.SampleGrid(log_dir, 2 * n, seed=seed, num_columns=n, **when),
        callbacks.Reconstructions(log_dir, x_test[:n], **when),
    ]
    fit(
        model,
        x_train,
        batch_size=batch_size,
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(x_test,),
        callbacks=[
            *drawn,
            callbacks.TensorBoard(log_dir),
        ],
    )

    rows = [ops.convert_to_numpy(picture.draw(model)) for picture in drawn]
    pictures = np.concatenate(rows).reshape(-1, *image_shape)
    picture = callbacks.image_grid(pictures, NUM_COLUMNS)
    caption = (
        f"{dataset}, epoch {epochs}; rows: 1-2 samples; 3 held-out images; 4 "
        "their reconstructions"
    )
    callbacks.save_png(f"{log_dir}/dbn.png", picture, caption)
    model.save(f"{log_dir}/model.keras")

    options = {}
    if model.likelihood_kind is None:  # log Z is out of reach
        options = {"method": "ais", "num_temperatures": num_temperatures}
    bound = evaluation.evaluate_likelihood(
        model,
        x_test,
        dataset=dataset,
        split="test",
        binarization=f"static({seed})",
        seed=seed,
        **options,
    )
    print(bound)
    accuracy = ""
    if y_train is not None and y_test is not None:
        features = [ops.convert_to_numpy(model.encode(x)) for x in (x_train, x_test)]
        classifier = LogisticRegression(max_iter=10_000)
        classifier.fit(features[0], y_train[:limit])
        score = classifier.score(features[1], y_test[:limit])
        accuracy = f" Logistic regression on its features: accuracy {score:.4f}."
    logs = model.evaluate(x_test, batch_size=batch_size, verbose=0, return_dict=True)
    sign = ">=" if bound.kind == "lower_bound" else ">~"
    print(
        f"Held-out {dataset}, {len(x_test)} images, static binarization: mean squared "
        f"error of reconstructions {logs['reconstruction']:.4f} a pixel, log p(x) "
        f"{sign} {bound.mean:.2f} nats ({bound.kind}).{accuracy}"
    )
    print(
        f"Picture: {log_dir}/dbn.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
