"""Models as TensorFlow-only Keras examples write them, to be measured against.

After the examples "Variational autoencoder", "WGAN-GP overriding Model.train_step" and
"PixelCNN" of keras.io, with the architectures of the benchmark. `GradientTape` stands
in `train_step`. As in the package, each critic step gets a slice of the batch, where
the example gives it the whole.
"""

import keras
import tensorflow as tf
from keras import layers

from benchmarks import sizes
from benchmarks.architectures import make_optimizer
from keras_genmod import networks

_SHAPE = (sizes.IMAGE, sizes.IMAGE, 1)


def make_model(name, jit_compile):
    """Returns the compiled model of this name."""
    model = _MODELS[name]()
    if name == "wgan_gp":
        model.set_optimizers(make_optimizer(name), make_optimizer(name))
        model.compile(jit_compile=jit_compile)
    elif name == "pixel_cnn":
        model.compile(
            make_optimizer(name),
            loss=lambda x, y: _sum(tf.nn.sigmoid_cross_entropy_with_logits(x, y)),
            jit_compile=jit_compile,
        )
        return _OnItself(model)
    else:
        model.compile(make_optimizer(name), jit_compile=jit_compile)
    return model


def _sum(terms):
    return tf.reduce_sum(terms, axis=(1, 2, 3))


class _OnItself:
    """A model that is given `fit(x, x)`."""

    def __init__(self, model):
        self._model = model

    def __getattr__(self, name):
        return getattr(self._model, name)

    def train_function(self, data):
        """Trains on batches of images as their own targets."""
        ((x,),) = data
        return self._model.train_function([(x, x)])


class _Sampling(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(1337)

    def call(self, inputs):
        mean, log_var = inputs
        noise = keras.random.normal(tf.shape(mean), seed=self.seed_generator)
        return mean + tf.exp(0.5 * log_var) * noise


class _VAE(keras.Model):
    def __init__(self):
        super().__init__()
        image = keras.Input(_SHAPE)
        x = layers.Dense(sizes.VAE_HIDDEN, activation="relu")(layers.Flatten()(image))
        mean = layers.Dense(sizes.VAE_LATENTS)(x)
        log_var = layers.Dense(sizes.VAE_LATENTS)(x)
        z = _Sampling()([mean, log_var])
        self.encoder = keras.Model(image, [mean, log_var, z])
        latents = keras.Input((sizes.VAE_LATENTS,))
        x = layers.Dense(sizes.VAE_HIDDEN, activation="relu")(latents)
        x = layers.Reshape(_SHAPE)(layers.Dense(sizes.PIXELS)(x))
        self.decoder = keras.Model(latents, x)
        self.total_loss_tracker = keras.metrics.Mean(name="loss")
        self.reconstruction_loss_tracker = keras.metrics.Mean(name="reconstruction")
        self.kl_loss_tracker = keras.metrics.Mean(name="kl")

    @property
    def metrics(self):
        return [
            self.total_loss_tracker,
            self.reconstruction_loss_tracker,
            self.kl_loss_tracker,
        ]

    def train_step(self, data):
        (x,) = data
        with tf.GradientTape() as tape:
            mean, log_var, z = self.encoder(x)
            logits = self.decoder(z)
            reconstruction = tf.reduce_mean(
                _sum(tf.nn.sigmoid_cross_entropy_with_logits(x, logits))
            )
            kl = -0.5 * (1 + log_var - tf.square(mean) - tf.exp(log_var))
            kl = tf.reduce_mean(tf.reduce_sum(kl, axis=1))
            loss = reconstruction + kl
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(
            zip(gradients, self.trainable_weights, strict=True)
        )
        self.total_loss_tracker.update_state(loss)
        self.reconstruction_loss_tracker.update_state(reconstruction)
        self.kl_loss_tracker.update_state(kl)
        return {metric.name: metric.result() for metric in self.metrics}


class _WGANGP(keras.Model):
    def __init__(self):
        super().__init__()
        self.discriminator = networks.dcgan_discriminator(
            _SHAPE, sizes.GAN_FILTERS, normalization="layer"
        )
        self.generator = networks.dcgan_generator(
            sizes.GAN_LATENTS, _SHAPE, sizes.GAN_FILTERS
        )

    def set_optimizers(self, d_optimizer, g_optimizer):
        """Gives each network its optimizer."""
        self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer
        d_optimizer.build(self.discriminator.trainable_variables)
        g_optimizer.build(self.generator.trainable_variables)

    def gradient_penalty(self, real, fake):
        """Returns the penalty between real and generated images."""
        alpha = tf.random.uniform((tf.shape(real)[0], 1, 1, 1))
        interpolated = real + alpha * (fake - real)
        with tf.GradientTape() as tape:
            tape.watch(interpolated)
            scores = self.discriminator(interpolated, training=True)
        gradients = tape.gradient(scores, [interpolated])[0]
        norm = tf.sqrt(tf.reduce_sum(tf.square(gradients), axis=[1, 2, 3]) + 1e-12)
        return tf.reduce_mean((norm - 1.0) ** 2)

    def train_step(self, data):
        (images,) = data
        for i in range(sizes.CRITIC_STEPS):
            real = images[i :: sizes.CRITIC_STEPS]
            latents = tf.random.normal((tf.shape(real)[0], sizes.GAN_LATENTS))
            with tf.GradientTape() as tape:
                fake = self.generator(latents, training=True)
                fake_logits = self.discriminator(fake, training=True)
                real_logits = self.discriminator(real, training=True)
                cost = tf.reduce_mean(fake_logits) - tf.reduce_mean(real_logits)
                penalty = self.gradient_penalty(real, fake)
                d_loss = cost + penalty * sizes.PENALTY
            variables = self.discriminator.trainable_variables
            gradients = tape.gradient(d_loss, variables)
            self.d_optimizer.apply_gradients(zip(gradients, variables, strict=True))
        latents = tf.random.normal((tf.shape(images)[0], sizes.GAN_LATENTS))
        with tf.GradientTape() as tape:
            fake = self.generator(latents, training=True)
            g_loss = -tf.reduce_mean(self.discriminator(fake, training=True))
        variables = self.generator.trainable_variables
        gradients = tape.gradient(g_loss, variables)
        self.g_optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return {"d_loss": d_loss, "g_loss": g_loss, "loss": d_loss + g_loss}


class _PixelConvLayer(layers.Layer):
    """Masks by assigning the kernel, as the example does."""

    def __init__(self, mask_type, filters, size):
        super().__init__()
        self.mask_type = mask_type
        self.conv = layers.Conv2D(filters, size, padding="same")

    def build(self, input_shape):
        self.conv.build(input_shape)
        height, width, *rest = self.conv.kernel.shape
        mask = tf.range(height * width) < height * width // 2 + (self.mask_type == "B")
        mask = tf.reshape(tf.cast(mask, "float32"), (height, width, 1, 1))
        self.mask = tf.tile(mask, (1, 1, *rest)).numpy()

    def call(self, inputs):
        self.conv.kernel.assign(self.conv.kernel * self.mask)
        return self.conv(inputs)


def _pixel_cnn():
    filters = sizes.PIXEL_CNN_FILTERS
    image = keras.Input(_SHAPE)
    x = _PixelConvLayer("A", filters, 7)(image)
    for _ in range(sizes.PIXEL_CNN_BLOCKS):
        y = layers.Conv2D(filters // 2, 1)(layers.ReLU()(x))
        y = _PixelConvLayer("B", filters // 2, 3)(layers.ReLU()(y))
        x = layers.add([x, layers.Conv2D(filters, 1)(layers.ReLU()(y))])
    x = layers.Conv2D(filters, 1)(layers.ReLU()(x))
    return keras.Model(image, layers.Conv2D(1, 1)(layers.ReLU()(x)))


_MODELS = {"vae": _VAE, "wgan_gp": _WGANGP, "pixel_cnn": _pixel_cnn}
