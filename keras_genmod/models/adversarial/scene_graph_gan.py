"""SceneGraphGAN: images of scene graphs."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import Objective, call_network
from keras_genmod.layers import BoxCrop
from keras_genmod.layers.selection import selected
from keras_genmod.models.adjustable import Adjustable
from keras_genmod.models.adversarial import graph_networks
from keras_genmod.models.adversarial.gan import accuracy_trackers, track_accuracy
from keras_genmod.models.adversarial.layout_model import LayoutModel, weights_of
from keras_genmod.models.adversarial.losses import GAN_LOSSES
from keras_genmod.models.valid_data import nan_unless_images


@keras.saving.register_keras_serializable("keras_genmod")
class SceneGraphGAN(LayoutModel):
    """A generator of images from graphs of objects and their relations.

    A graph network gives each object a vector v_i, a box and a mask in it. Painted into
    their boxes they make a layout sum_i v_i mask_i, which the generator turns into an
    image, with noise as further channels. One discriminator judges whole images, one
    judges crops of the objects, and says what attributes they have. In training the
    layout has the true boxes and masks.

    The generator and the graph network minimise

        pixel_weight E|x - fake| + box_weight E|box_i - true box_i|
        + mask_weight E BCE(mask_i, true mask_i)
        - image_weight E log D_image(fake) - object_weight E log D_object(fake_i)
        - attribute_weight E sum_a log p(attribute a of i | fake_i),

    means over pixels, coordinates and real objects; x_i and fake_i are crops at true
    boxes. D_image minimises -E log D(x) - E log(1 - D(fake)), D_object the same of
    crops and -E sum_a log p(a | crop) of both. The three objectives are "generator",
    "image_discriminator" and "object_discriminator"; all see the same fakes.

    Conditions are dicts of arrays, padded to O objects and R relations, as
    `data.shape_scenes` gives them (`scenes.conditions()`):

    - `objects` int `(batch, O, attributes)`, `object_mask` bool `(batch, O)`;
    - `relations` int `(batch, R, 3)`, subject, predicate and object, and
      `relation_mask` bool `(batch, R)`;
    - in training `boxes` float `(batch, O, 4)`, left, top, right, bottom in [0, 1], and
      `masks` `(batch, O, height, width)` in [0, 1], the pixels that show an object.

    Args:
        graph_network: Built Keras model from a dict of graphs to a dict of `vectors`
            `(batch, O, dim)`, `boxes` `(batch, O, 4)` and `masks` (logits)
            `(batch, O, size, size)`, such as `networks.scene_graph_network`. With
            s = sigmoid(boxes) a box is s_2 wide and s_3 high; its left is
            s_0 (1 - s_2), its top s_1 (1 - s_3).
        generator: Built Keras model from layouts `(height, width, dim + noise)` to
            images in [0, 1], such as `networks.cascaded_refinement`; what it takes
            beyond `dim` channels is noise.
        image_discriminator: Built Keras model from images to scores (logits) of any
            shape, such as `networks.patchgan_discriminator`.
        object_discriminator: Built Keras model from crops `(size, size, channels)` to
            `1 + sum(num_attributes)` logits, such as `networks.object_discriminator`.
        num_attributes: Tuple of ints, how many values each attribute has.
        num_predicates: Int.
        pixel_weight: Number of at least 0; this and the next ones may be set between
            epochs, also by callbacks.
        box_weight: Number of at least 0.
        mask_weight: Number of at least 0.
        image_weight: Number of at least 0.
        object_weight: Number of at least 0.
        attribute_weight: Number of at least 0.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If a network is not built, shapes do not fit, or a value is out of
            range; in `fit` and `evaluate` if images or graphs are not what they must
            be: unknown numbers, empty graphs, boxes outside of the image.

    References:
        Johnson, Gupta and Fei-Fei, Image generation from scene graphs, 2018,
        arXiv:1804.01622, which trains with `Adam(1e-4)`, and so does `compile()`.

    Note:
        - Images are in [0, 1]; the authors divide them by standard deviations of about
          0.226, so that their weight of pixels, 1, is 4.4 here.
        - Boxes cannot end before they begin, nor leave the image, and their loss is the
          paper's L1 (the authors' code takes squares). `attribute_weight` is not
          multiplied by `object_weight`.

    Example:
    ```python
    scenes = keras_genmod.data.shape_scenes(2000, size=32, split="train")
    model = SceneGraphGAN(
        networks.scene_graph_network((3, 6, 2), 6, max_objects=6, max_relations=15),
        networks.cascaded_refinement((32, 32, 128 + 32), (256, 128, 64, 32)),
        networks.patchgan_discriminator((32, 32, 3), num_layers=2),
        networks.object_discriminator((16, 16, 3), (3, 6, 2)),
        num_attributes=(3, 6, 2),
        num_predicates=6,
    )
    model.compile()
    model.fit(scenes.images, scenes.conditions(), epochs=50)
    graphs = keras_genmod.data.scene_graphs(
        [{"objects": ["small red circle", "large blue square"],
          "relations": [(0, "left of", 1)]}]
    )
    images = model.sample(graphs)
    ```
    """

    pixel_weight = Adjustable(checks.non_negative)
    box_weight = Adjustable(checks.non_negative)
    mask_weight = Adjustable(checks.non_negative)
    image_weight = Adjustable(checks.non_negative)
    object_weight = Adjustable(checks.non_negative)
    attribute_weight = Adjustable(checks.non_negative)

    def __init__(
        self,
        graph_network: keras.Model,
        generator: keras.Model,
        image_discriminator: keras.Model,
        object_discriminator: keras.Model,
        num_attributes: Sequence[int],
        num_predicates: int,
        pixel_weight: float = 4.4,
        box_weight: float = 10.0,
        mask_weight: float = 0.1,
        image_weight: float = 0.01,
        object_weight: float = 0.01,
        attribute_weight: float = 0.1,
        **kwargs: Any,
    ) -> None:
        num_attributes = checks.sizes("num_attributes", num_attributes)
        num_predicates = checks.positive_int("num_predicates", num_predicates)
        sizes = graph_networks.graph_sizes(graph_network, len(num_attributes))
        graph_networks.check_networks(
            generator, image_discriminator, object_discriminator, num_attributes, sizes
        )
        super().__init__(
            graph_network, generator, num_attributes, num_predicates, sizes, **kwargs
        )
        self.image_discriminator = image_discriminator
        self.object_discriminator = object_discriminator
        self.pixel_weight, self.box_weight = pixel_weight, box_weight
        self.mask_weight, self.image_weight = mask_weight, image_weight
        self.object_weight = object_weight
        self.attribute_weight = attribute_weight
        self._crop = BoxCrop(object_discriminator.input_shape[1])
        self._crop.built = True
        self.accuracy = accuracy_trackers("image_discriminator")
        self.part_trackers = {
            name: keras.metrics.Mean(name=name) for name in ("pixels", "boxes", "masks")
        }
        self.finish_construction()

    # Training.

    def define_objectives(self) -> list[Objective]:
        makers = [self.graph_network, self.generator]
        image, objects = self.image_discriminator, self.object_discriminator
        return [
            Objective("generator", self._generator_loss, makers),
            Objective("image_discriminator", self._image_loss, [image]),
            Objective("object_discriminator", self._object_loss, [objects]),
        ]

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        return keras.optimizers.Adam(1e-4)

    def _generator_loss(self, inputs, passed_on, training):
        x, graph = self.data_and_condition(inputs)
        vectors, boxes, logits = self._read(graph, training)
        true_masks, share = self._cut_masks(graph), _shares(graph)
        layout, _ = self._layout(graph, vectors, true_masks, graph["boxes"])
        fake = self._drawn(layout, self.seed_generator, training)
        entropy = ops.softplus(logits) - true_masks * logits  # BCE of logits
        distance = ops.abs(boxes - graph["boxes"])
        parts = {
            "pixels": ops.mean(ops.abs(x - fake)),
            "boxes": ops.sum(share * ops.mean(distance, axis=-1)),
            "masks": ops.sum(share * ops.mean(entropy, axis=(-2, -1))),
        }
        for name, part in parts.items():
            self.part_trackers[name].update_state(ops.stop_gradient(part))
        _, adversarial = GAN_LOSSES["non_saturating"]
        of_image = call_network(self.image_discriminator, fake, training)
        of_object, logits = self._judged(fake, graph, training)
        loss = (
            ops.convert_to_tensor(self.pixel_weight) * parts["pixels"]
            + ops.convert_to_tensor(self.box_weight) * parts["boxes"]
            + ops.convert_to_tensor(self.mask_weight) * parts["masks"]
            + ops.convert_to_tensor(self.image_weight) * adversarial(of_image)
            + ops.convert_to_tensor(self.object_weight)
            * adversarial(of_object, ops.reshape(share, (-1,)))
            + ops.convert_to_tensor(self.attribute_weight)
            * self._attribute_loss(logits, graph)
        )
        return nan_unless_images(loss, x), fake

    def _image_loss(self, inputs, fake, training):
        x, _ = self.data_and_condition(inputs)
        of_real = call_network(self.image_discriminator, x, training)
        of_fake = call_network(self.image_discriminator, fake, training)
        track_accuracy(self.accuracy, of_real, of_fake)
        loss, _ = GAN_LOSSES["non_saturating"]
        return nan_unless_images(loss(of_real, of_fake), x), fake

    def _object_loss(self, inputs, fake, training):
        x, graph = self.data_and_condition(inputs)
        share = ops.reshape(_shares(graph), (-1,))
        of_real, real_logits = self._judged(x, graph, training)
        of_fake, fake_logits = self._judged(fake, graph, training)
        _, loss = GAN_LOSSES["non_saturating"]  # of real scores, and of minus fake ones
        return nan_unless_images(
            loss(of_real, share)
            + loss(-of_fake, share)
            + self._attribute_loss(real_logits, graph)
            + self._attribute_loss(fake_logits, graph),
            x,
        ), None

    def _judged(self, images, graph, training):
        """Returns scores of crops at true boxes, and logits of their attributes."""
        crops = self._crop([images, graph["boxes"]])
        crops = ops.reshape(crops, (-1, *self.object_discriminator.input_shape[1:]))
        found = call_network(self.object_discriminator, crops, training)
        return found[:, 0], found[:, 1:]

    def _attribute_loss(self, logits, graph):
        """Returns -E sum_a log p(attribute a of an object | its crop)."""
        loss, start = 0.0, 0
        share = ops.reshape(_shares(graph), (-1,))
        for i, size in enumerate(self.num_attributes):
            log_p = ops.log_softmax(logits[:, start : start + size], axis=-1)
            chosen = selected(ops.reshape(graph["objects"][..., i], (-1,)), size)
            loss = loss - ops.sum(share * ops.sum(chosen * log_p, axis=-1))
            start += size
        return loss

    def get_config(self) -> dict[str, Any]:
        judges = ("image_discriminator", "object_discriminator")
        weights = ("pixel", "box", "mask", "image", "object", "attribute")
        return {
            **super().get_config(),
            **{
                name: keras.saving.serialize_keras_object(getattr(self, name))
                for name in judges
            },
            **{f"{w}_weight": float(getattr(self, f"{w}_weight")) for w in weights},
        }


def _shares(graph):
    """Returns the weight of each object in a mean over real ones, `(batch, O)`."""
    real = weights_of(graph)
    return real / ops.maximum(ops.sum(real), 1.0)
