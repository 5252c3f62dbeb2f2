"""Images and captions in one space, where they are close that belong together."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import compiled
from keras_genmod.layers.caption_encoder import CaptionEncoder, on_sphere
from keras_genmod.models import condition_checks, network_checks
from keras_genmod.models.adjustable import Adjustable
from keras_genmod.models.generative_model import GenerativeModel
from keras_genmod.models.valid_data import in_range, nan_unless

_LARGEST = 3e38  # of vectors: no infinity


@keras.saving.register_keras_serializable("keras_genmod")
class JointEmbedding(GenerativeModel):
    """Embeddings v of images and t of captions, by the symmetric ranking loss.

    With s_ij = v_i.t_j / (|v_i| |t_j|), the score of image i and caption j, and the
    others of a batch that have another caption, it is

        mean_j [margin - s_ii + s_ij]_+ + mean_j [margin - s_ii + s_ji]_+,

    the mean over i: each image scores higher with its own caption than with others,
    each caption with its own image. Equal captions are true of both images, so that
    neither is another one's mistake.

    `fit(images, tokens)`, with tokens `(num, length)` of `vocabulary.encode`;
    `data.CaptionedDataset` draws one of several captions of each image. What has learnt
    is `caption_encoder`, which other models are given.

    Args:
        image_encoder: Built Keras model from images in [0, 1], or vectors, to
            embeddings `(batch, embedding_dim)`.
        caption_encoder: `layers.CaptionEncoder` to embeddings of the same size.
        margin: Number above 0 and at most 2, between cosines; may be set between
            epochs.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If a network does not fit, or a value is out of range; in `fit`, if
            images do not lie in [0, 1] or rows are no captions of the vocabulary.

    References:
        - Kiros, Salakhutdinov and Zemel, Unifying visual-semantic embeddings, 2014,
          arXiv:1411.2539 (this loss of cosines, with a margin of 0.2).
        - Reed et al., Learning deep representations of fine-grained visual
          descriptions, 2016, arXiv:1605.05395 (both directions, of products, as the
          captions of GAN-CLS are learnt).

    Note:
        Both papers add up the mistakes; means do not grow with the batch.

    Example:
    ```python
    vocabulary = data.Vocabulary.from_captions(captions)
    network = networks.caption_encoder(vocabulary.num_tokens, vocabulary.length)
    encoder = networks.convolutional_encoder((32, 32, 3))
    model = JointEmbedding(
        keras.Sequential([encoder, keras.layers.Dense(128)]),
        layers.CaptionEncoder(network, vocabulary),
    )
    model.compile("adam")
    model.fit(images, vocabulary.encode(captions), epochs=20)
    embeddings = model.encode_captions(["a small red circle"])  # (1, 128)
    ```
    """

    no_samples = (
        "cannot draw samples: it maps images and captions to vectors. Give its "
        "`caption_encoder` to a `TextGAN` or a `DiffusionModel`, which make images of "
        "captions."
    )

    # The loss compares the examples of a batch.
    takes_sample_weight = False

    margin = Adjustable(lambda name, value: _margin(name, value))

    def __init__(
        self,
        image_encoder: keras.Model,
        caption_encoder: CaptionEncoder,
        margin: float = 0.2,
        **kwargs: Any,
    ) -> None:
        _margin("margin", margin)
        if not isinstance(caption_encoder, CaptionEncoder):
            raise ValueError(
                "`caption_encoder` must be a `layers.CaptionEncoder`. "
                f"Received: caption_encoder={caption_encoder!r}"
            )
        data_shape, found = network_checks.shapes("image_encoder", image_encoder)
        network_checks.known_shape("image_encoder", data_shape)
        expected = (caption_encoder.embedding_dim,)
        if found != expected:
            raise ValueError(
                f"`image_encoder` must end in the size of captions' embeddings, "
                f"{expected}. Received a network to {found}"
            )
        super().__init__(data_shape=data_shape, **kwargs)
        self.image_encoder = image_encoder
        self.caption_encoder = caption_encoder
        self.margin = margin
        self.accuracy_tracker = keras.metrics.Mean(name="accuracy")
        self.finish_construction()

    @property
    def vocabulary(self) -> Any:
        """The `data.Vocabulary` of the captions."""
        return self.caption_encoder.vocabulary

    @property
    def is_conditional(self) -> bool:
        return True

    @property
    def condition_shape(self) -> Any:
        return (self.vocabulary.length,)

    def call(self, inputs, training=False):
        """Returns the embeddings of images and captions, `(batch, embedding_dim)`."""
        x, tokens = self.data_and_condition(inputs)
        return {
            "images": self._embedded(x, training),
            "captions": self.caption_encoder(tokens, training=training),
        }

    def _embedded(self, x, training=False):
        outputs = self.image_encoder(x, training=training)
        return on_sphere(ops.cast(outputs, "float32"))

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        images, tokens = self.data_and_condition(x)
        scores = y_pred["images"] @ ops.transpose(y_pred["captions"])
        scores = scores / self.caption_encoder.embedding_dim  # a row an image
        pairs = tokens[:, None] != tokens[None]  # (batch, batch, length)
        others = ops.cast(ops.any(pairs, axis=-1), "float32")
        losses = _ranking_loss(scores, others, ops.convert_to_tensor(self.margin))
        best = ops.max(scores - 4.0 * (1.0 - others), axis=1)  # of other captions
        is_first = ops.cast(ops.diagonal(scores) > best, "float32")
        self.accuracy_tracker.update_state(ops.stop_gradient(is_first))
        # TensorFlow's ReLU swallows NaN, which stands for what is no data.
        low, high = (0.0, 1.0) if len(self.data_shape) == 3 else (-_LARGEST, _LARGEST)
        return self.mean_loss(nan_unless(in_range(images, low, high), losses))

    # Input.

    def data_and_condition(self, inputs: Any) -> Any:
        data, tokens = super().data_and_condition(inputs)
        tokens = ops.cast(tokens, "int32")
        known = (tokens >= 0) & (tokens < self.vocabulary.num_tokens)
        known = ops.all(known, axis=1) & (tokens[:, 0] > 0)
        # No table is read beyond its end: that ends the process on a GPU.
        tokens = ops.where(known[:, None], tokens, 1)
        known = ops.reshape(known, (-1, *(1,) * len(self.data_shape)))
        return ops.where(known, data, float("nan")), tokens

    def _check_static(self, x, condition=None):
        super()._check_static(x, condition)
        checks.static_shape("y", condition, self.condition_shape)

    def check_examples(self, x: Any) -> None:
        super().check_examples(x)
        if len(self.data_shape) == 3:
            checks.unit_range("x", x)

    def check_condition(self, condition: Any, num_examples: int) -> Any:
        """Returns tokens, int32 `(num_examples, length)`, or raises a `ValueError`."""
        return condition_checks.tokens(
            condition,
            num_examples,
            self.vocabulary.length,
            self.vocabulary.num_tokens,
            type(self).__name__,
        )

    # What has been learnt.

    def encode_captions(self, captions: Any, batch_size: int = 256) -> Any:
        """Returns the embeddings of strings, as `CaptionEncoder.encode`."""
        return self.caption_encoder.encode(captions, batch_size)

    def encode_images(self, x: Any) -> Any:
        """Returns the embeddings of images, float32 `(batch, embedding_dim)`.

        The mean of the products with a caption's embedding is the cosine between them.

        Args:
            x: Array of shape `(batch, *data_shape)`.
        """
        self.check_examples(x)
        return self._encode_images(x)

    @compiled()
    def _encode_images(self, x):
        return self._embedded(ops.cast(x, "float32"))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["num_classes"]
        serialize = keras.saving.serialize_keras_object
        return {
            **config,
            "image_encoder": serialize(self.image_encoder),
            "caption_encoder": serialize(self.caption_encoder),
            "margin": float(self.margin),
        }


def _ranking_loss(scores, others, margin):
    """Returns the loss of each pair, `(batch,)`, 0 where there is no other one.

    Args:
        scores: Float32 `(batch, batch)`, a row an image, a column a caption.
        others: 1 where two examples have different captions, else 0.
        margin: Scalar.
    """
    own = ops.diagonal(scores)
    of_captions = ops.relu(margin - own[:, None] + scores) * others  # per image
    of_images = ops.relu(margin - own[None] + scores) * others  # per caption
    number = ops.maximum(ops.sum(others, axis=1), 1.0)
    return (ops.sum(of_captions, axis=1) + ops.sum(of_images, axis=0)) / number


def _margin(name, value):
    if checks.positive(name, value) > 2:
        raise ValueError(
            f"`{name}` must be at most 2, the largest difference of cosines. "
            f"Received: {name}={value!r}"
        )
    return value
