"""Captions and images in one space (Kiros, Salakhutdinov and Zemel, 2014).

arXiv:1411.2539. What has learnt to read captions is what models of images from words
are told by.
"""

import pathlib

import keras
import numpy as np
from keras import ops

from keras_genmod import JointEmbedding, callbacks, data, layers, metrics, networks
from recipes._run import begin, command_line, fit

NUM_SCENES = 6000
NUM_JUDGED = 500
NUM_CANDIDATES = 100  # captions that an image chooses among
NUM_COLUMNS, NUM_NEAREST = 10, 5
PLAIN, OTHER_WORDS = 0, 1  # which of a scene's captions name all its objects


def objects_of(scenes):
    """Returns a row of numbers a scene, equal where the same objects are there."""
    shapes, colours, sizes = np.moveaxis(scenes.objects, -1, 0)
    kinds = 1 + shapes * 12 + colours * 2 + sizes
    return np.sort(np.where(scenes.object_mask, kinds, 0), axis=1)


def captions_of(scenes, which):
    """Returns one caption of each scene."""
    return [captions[which] for captions in scenes.captions]


def encoded(model, images, batch_size):
    """Returns the embeddings of any number of images."""
    batches = range(0, len(images), batch_size)
    return np.concatenate(
        [
            ops.convert_to_numpy(model.encode_images(images[i : i + batch_size]))
            for i in batches
        ]
    )


def precision(model, scenes, which, batch_size):
    """Returns R-precision: other words for the same objects are no other caption."""
    objects = objects_of(scenes)
    return metrics.r_precision(
        encoded(model, scenes.images, batch_size),
        model.encode_captions(captions_of(scenes, which)),
        objects,
        num_candidates=min(NUM_CANDIDATES, len(np.unique(objects, axis=0))),
    )


def main(
    image_size: int = 32,
    max_objects: int = 3,
    epochs: int = 15,
    batch_size: int = 64,
    unit: str = "words",
    kind: str = "gru",
    embedding_dim: int = 64,
    hidden_dim: int = 64,
    filters: int = 32,
    margin: float = 0.2,
    learning_rate: float = 1e-3,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/caption_encoder",
):
    """Trains two encoders that bring images and their captions together.

    Args:
        image_size: Pixels a side of the scenes, divisible by 8.
        max_objects: Objects of the fullest scenes, 1 to 6.
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Scenes a step: each caption is told apart from those of the others.
        unit: What is read, "words" or "characters".
        kind: The network of captions, "gru" or "transformer".
        embedding_dim: Size of the space.
        hidden_dim: Size of the vectors inside the network of captions.
        filters: Feature maps next to the image; twice as many a layer further in.
        margin: By how much the cosine of what belongs together shall be larger.
        learning_rate: Of Adam.
        seed: Of the scenes, the weights and the batches.
        limit: Use at most so many scenes to train and so many to judge.
        log_dir: Folder of this run.
    """
    begin(locals())
    scenes, held_out, familiar = (
        data.shape_scenes(
            number if limit is None else limit, image_size, of, max_objects, split=split
        )
        for number, of, split in (
            (NUM_SCENES, seed, "train"),
            (NUM_JUDGED, seed, "held_out"),
            (NUM_JUDGED, seed + 1, "train"),
        )
    )
    all_captions = [*scenes.captions, *held_out.captions, *familiar.captions]
    vocabulary = data.Vocabulary.from_captions(all_captions, unit)
    shape = scenes.images.shape[1:]
    reader = networks.caption_encoder(
        vocabulary.num_tokens, vocabulary.length, embedding_dim, hidden_dim, kind
    )
    looker = networks.convolutional_encoder(shape, (filters, 2 * filters, 4 * filters))
    model = JointEmbedding(
        keras.Sequential([looker, keras.layers.Dense(embedding_dim)]),
        layers.CaptionEncoder(reader, vocabulary),
        margin,
        seed=seed,
    )
    model.compile(keras.optimizers.Adam(learning_rate))

    batches = data.CaptionedDataset(
        scenes.images, vocabulary.encode(scenes.captions), batch_size, seed=seed
    )
    board = callbacks.TensorBoard(log_dir)
    said = vocabulary.encode(captions_of(held_out, OTHER_WORDS))
    fit(
        model,
        batches,
        shuffle=False,  # the batches are shuffled already
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(held_out.images, said),
        validation_batch_size=batch_size,
        callbacks=[
            # A run that resumes goes on with the captions of its epoch.
            keras.callbacks.LambdaCallback(
                on_epoch_begin=lambda epoch, logs: setattr(batches, "epoch", epoch)
            ),
            board,
        ],
    )

    columns = min(NUM_COLUMNS, len(held_out.images))
    asked = captions_of(held_out, OTHER_WORDS)[:columns]
    of_images = encoded(model, held_out.images, batch_size)
    scores = model.encode_captions(asked) @ of_images.T  # a row a caption
    nearest = np.argsort(-scores, axis=1, kind="stable")[:, :NUM_NEAREST]
    found = held_out.images[nearest.T]  # (NUM_NEAREST, columns, ...)
    grid = np.concatenate([held_out.images[:columns], *found])
    board.add_images("retrieved", grid, step=epochs, num_columns=columns)
    caption = (
        f"scenes, epoch {epochs}; rows: 1 held-out scenes; 2-{NUM_NEAREST + 1} the "
        "scenes found for their captions, the nearest first"
    )
    callbacks.save_png(
        f"{log_dir}/caption_encoder.png", callbacks.image_grid(grid, columns), caption
    )
    pathlib.Path(log_dir, "captions.txt").write_text("\n".join(asked) + "\n")
    model.save(f"{log_dir}/model.keras")

    words = []
    for name, judged in (("held-out pairs", held_out), ("pairs of training", familiar)):
        plain, other = (
            precision(model, judged, which, batch_size)
            for which in (PLAIN, OTHER_WORDS)
        )
        words.append(f"{name} {plain.value:.1%}, in other words {other.value:.1%}")
    print(
        f"R-precision of {len(of_images)} images, each with its caption among "
        f"{plain.protocol.num_candidates}: {'; '.join(words)}."
    )
    print(
        f"Picture: {log_dir}/caption_encoder.png, its captions: {log_dir}/captions.txt."
        f" Model: {log_dir}/model.keras. Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
