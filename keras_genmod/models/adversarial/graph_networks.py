"""Checks of the networks that draw scene graphs."""

from collections.abc import Sequence
from typing import Any

from keras_genmod.models import network_checks


def graph_sizes(network: Any, num_attributes: int) -> tuple[int, int, int, int]:
    """Returns the numbers of objects and relations, the sizes of vectors and masks.

    Raises:
        ValueError: If it is no network from graphs to vectors, boxes and masks.
    """
    inputs, outputs = (getattr(network, name, None) for name in ("input", "output"))
    given = [
        {key: tuple(tensor.shape[1:]) for key, tensor in nest.items()}
        if isinstance(nest, dict)
        else {}
        for nest in (inputs, outputs)
    ]
    num = given[0].get("objects", (0,))[0]
    num_relations = given[0].get("relations", (0,))[0]
    dim, size = (given[1].get(key, (0, 0))[-1] for key in ("vectors", "masks"))
    expected = [
        {
            "objects": (num, num_attributes),
            "object_mask": (num,),
            "relations": (num_relations, 3),
            "relation_mask": (num_relations,),
        },
        {"vectors": (num, dim), "boxes": (num, 4), "masks": (num, size, size)},
    ]
    if given != expected or not all((num, num_relations, dim, size)):
        raise ValueError(
            "`graph_network` must be a functional model from a dict of graphs, "
            f"`objects` (objects, {num_attributes}), `object_mask`, `relations` "
            "(relations, 3) and `relation_mask`, to a dict of `vectors`, `boxes` and "
            "`masks`, as `networks.scene_graph_network` makes it. "
            f"Received: from {given[0]} to {given[1]}"
        )
    return num, num_relations, dim, size


def check_networks(
    generator: Any,
    image_discriminator: Any,
    object_discriminator: Any,
    num_attributes: Sequence[int],
    sizes: tuple[int, int, int, int],
) -> None:
    """Raises a `ValueError` unless the networks of images fit those of graphs."""
    layout, image = network_checks.shapes("generator", generator)
    network_checks.known_shape("generator", (*layout, *image))
    vector_dim = sizes[2]
    if len(image) != 3 or layout[:2] != image[:2] or layout[-1] <= vector_dim:
        raise ValueError(
            "`generator` must map layouts (height, width, channels) to images of this "
            f"size, with more channels than the {vector_dim} of a vector: the others "
            f"are noise. Received a network from {layout} to {image}"
        )
    found, _ = network_checks.shapes("image_discriminator", image_discriminator)
    if found != image:
        raise ValueError(
            f"`image_discriminator` must take images of shape {image}, as the "
            f"generator makes them. Received a network of {found}"
        )
    crop, logits = network_checks.shapes("object_discriminator", object_discriminator)
    wanted = 1 + sum(num_attributes)
    if (
        len(crop) != 3
        or crop[0] != crop[1]
        or crop[2] != image[2]
        or (logits != (wanted,))
    ):
        raise ValueError(
            f"`object_discriminator` must map crops (size, size, {image[2]}) to "
            f"{wanted} logits: a score, and one for each value of each attribute. "
            f"Received a network from {crop} to {logits}"
        )
    network_checks.warn_unless_scores("image_discriminator", image_discriminator)
    network_checks.warn_unless_scores("object_discriminator", object_discriminator)
    network_checks.warn_unless_unit_range("generator", generator)
