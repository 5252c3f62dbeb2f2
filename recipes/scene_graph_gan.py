"""Images of scene graphs (Johnson, Gupta and Fei-Fei, 2018, arXiv:1804.01622)."""

import keras
import numpy as np
from keras import ops

from keras_genmod import (
    SceneGraphGAN,
    callbacks,
    data,
    evaluation,
    metrics,
    networks,
)
from recipes._run import begin, command_line, fit

LEARNING_RATE = 5e-4  # 1e-4 in the paper, for a million steps
NUM_ATTRIBUTES = (3, 6, 2)  # shapes, colours, sizes
NUM_PREDICATES = 6
NUM_SCENES = 4000
NUM_JUDGED = 500  # held-out scenes
NUM_COLUMNS = 10


def make(image_size, max_objects, filters, vector_dim, seed):
    """Returns the model for scenes of so many objects."""
    max_relations = max(1, max_objects * (max_objects - 1) // 2)
    shape = (image_size, image_size, 3)
    modules = tuple(filters * min(2**i, 4) for i in (3, 2, 1, 0))
    return SceneGraphGAN(
        networks.scene_graph_network(
            NUM_ATTRIBUTES,
            NUM_PREDICATES,
            max_objects,
            max_relations,
            vector_dim,
            hidden_dim=2 * vector_dim,
            num_layers=3,
            mask_size=8,
        ),
        networks.cascaded_refinement((*shape[:2], vector_dim + 8), modules),
        networks.patchgan_discriminator(shape, filters, 2, normalization=None),
        networks.object_discriminator(
            (16, 16, 3), NUM_ATTRIBUTES, (filters, 2 * filters, 4 * filters), 128
        ),
        NUM_ATTRIBUTES,
        NUM_PREDICATES,
        seed=seed,
    )


def drawn(model, graphs, batch_size, seed):
    """Returns images of graphs and the boxes that the model gave their objects."""
    images, boxes = [], []
    for i in range(0, len(graphs["objects"]), batch_size):
        part = {name: values[i : i + batch_size] for name, values in graphs.items()}
        images.append(ops.convert_to_numpy(model.sample(part, seed=seed + i)))
        boxes.append(ops.convert_to_numpy(model.layout(part)["boxes"]))
    return np.concatenate(images), np.concatenate(boxes)


def painted(masks, objects):
    """Returns masks `(n, O, height, width)` in the colours of their objects."""
    colours = data.SCENE_PALETTE[objects[..., 1]][:, :, None, None]  # (n, O, 1, 1, 3)
    image = np.broadcast_to(data.SCENE_PALETTE[-1], (len(masks), *masks.shape[2:], 3))
    for i in range(masks.shape[1]):  # later objects lie on top
        image = image + masks[:, i, ..., None] * (colours[:, i] - image)
    return image


def frechet(real, images, classifier):
    """Returns the Frechet distance in the features of a classifier of scenes."""
    judge = keras.saving.load_model(classifier)
    features = evaluation.FeatureExtractor(judge, "features")
    return metrics.frechet_distance(*map(features.statistics, (real, images))).value


def main(
    image_size: int = 32,
    max_objects: int = 4,
    epochs: int = 15,
    batch_size: int = 32,
    filters: int = 32,
    vector_dim: int = 64,
    classifier: str | None = None,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/scene_graph_gan",
):
    """Trains a generator of images of scene graphs, and judges what it draws.

    Args:
        image_size: Pixels a side of the scenes, divisible by 8.
        max_objects: Objects of the fullest scenes, 1 to 6.
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Scenes a step.
        filters: Feature maps next to the image; 64 in the paper.
        vector_dim: Size of the vectors of objects; 128 in the paper.
        classifier: A model.keras of recipes.scene_classifier, in whose features the
            Frechet distance is; left out, it is not taken.
        seed: Of the scenes, the weights, the batches and the samples.
        limit: Use at most so many scenes to train and so many to judge.
        log_dir: Folder of this run.
    """
    begin(locals(), may_change=["classifier"])
    num = NUM_SCENES if limit is None else limit
    scenes = data.shape_scenes(num, image_size, seed, max_objects, split="train")
    held_out = data.shape_scenes(
        NUM_JUDGED if limit is None else limit,
        image_size,
        seed,
        max_objects,
        split="held_out",
    )
    model = make(image_size, max_objects, filters, vector_dim, seed)
    model.compile(keras.optimizers.Adam(LEARNING_RATE))
    board = callbacks.TensorBoard(log_dir)
    fit(
        model,
        scenes.images,
        scenes.conditions(),
        log_dir=log_dir,
        epochs=epochs,
        batch_size=batch_size,
        validation_data=(held_out.images, held_out.conditions()),
        callbacks=[board],
    )

    graphs = held_out.graphs()
    images, boxes = drawn(model, graphs, batch_size, seed)
    columns = min(NUM_COLUMNS, len(images))
    first = {name: values[:columns] for name, values in graphs.items()}
    masks = ops.convert_to_numpy(model.layout(first)["masks"])
    others = drawn(model, first, columns, seed + 1)[0]
    rows = [
        painted(held_out.masks[:columns], first["objects"]),
        painted(masks, first["objects"]),
        images[:columns],
        others,
    ]
    grid = np.concatenate(rows)
    board.add_images("scenes", grid, step=epochs, num_columns=columns)
    caption = (
        f"scenes, epoch {epochs}; rows: 1 held-out scenes of the graphs; 2 the model's "
        "layouts; 3 its images; 4 the same with other noise"
    )
    callbacks.save_png(
        f"{log_dir}/scene_graph_gan.png", callbacks.image_grid(grid, columns), caption
    )
    model.save(f"{log_dir}/model.keras")

    def judged(shown):
        return metrics.scene_accuracy(shown, graphs, data.SCENE_PALETTE)

    pixels = (x.reshape(len(x), -1) for x in (held_out.images, images))
    distance = metrics.kernel_distance(*pixels, num_subsets=None)
    iou = metrics.box_iou(boxes, held_out.boxes, held_out.object_mask)
    for name, shown in (("images", images), ("real scenes", held_out.images)):
        found = judged(shown)
        print(
            f"{name}: shapes {found.shapes:.1%}, colours {found.colours:.1%}, sizes "
            f"{found.sizes:.1%}, relations {found.relations:.1%}"
        )
    if classifier is not None:
        others = data.shape_scenes(
            len(images), image_size, seed + 1, max_objects, split="held_out"
        )
        far, floor = (
            frechet(held_out.images, x, classifier) for x in (images, others.images)
        )
        print(
            f"Frechet distance in the features of {classifier}: {far:.4g}, of as many "
            f"other real scenes {floor:.4g}."
        )
    print(
        f"{len(images)} scenes with held-out pairs: boxes meet the real ones by "
        f"{iou.value:.3f} (intersection over union), kernel distance (features: "
        f"pixels) {distance.value:.4g} +- {distance.standard_error:.2g}."
    )
    print(
        f"Picture: {log_dir}/scene_graph_gan.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
