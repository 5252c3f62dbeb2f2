"""Images of scene graphs (Johnson, Gupta and Fei-Fei, 2018, arXiv:1804.01622)."""

import keras

from keras_genmod import SceneGraphGAN, data, networks
from recipes._run import begin, command_line, fit

LEARNING_RATE = 5e-4  # 1e-4 in the paper, for a million steps
NUM_ATTRIBUTES = (3, 6, 2)  # shapes, colours, sizes
NUM_PREDICATES = 6
NUM_SCENES = 4000


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


def main(
    image_size: int = 32,
    max_objects: int = 4,
    epochs: int = 15,
    batch_size: int = 32,
    filters: int = 32,
    vector_dim: int = 64,
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
        seed: Of the scenes, the weights, the batches and the samples.
        limit: Use at most so many scenes to train and so many to judge.
        log_dir: Folder of this run.
    """
    begin(locals())
    num = NUM_SCENES if limit is None else limit
    scenes = data.shape_scenes(num, image_size, seed, max_objects, split="train")
    model = make(image_size, max_objects, filters, vector_dim, seed)
    model.compile(keras.optimizers.Adam(LEARNING_RATE))
    fit(
        model,
        scenes.images,
        scenes.conditions(),
        log_dir=log_dir,
        epochs=epochs,
        batch_size=batch_size,
    )


if __name__ == "__main__":
    command_line(main)()
