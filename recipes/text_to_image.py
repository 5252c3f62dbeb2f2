"""Images of captions, by GAN-CLS (Reed et al., 2016, arXiv:1605.05396) and diffusion.

Both are told by the same encoder of captions, which is trained first.
"""

import pathlib

import keras
import numpy as np
from keras import ops

from keras_genmod import (
    DiffusionModel,
    JointEmbedding,
    TextGAN,
    callbacks,
    data,
    evaluation,
    layers,
    metrics,
    networks,
)
from recipes._run import begin, command_line, fit, integers

ENCODER_LEARNING_RATE = DIFFUSION_LEARNING_RATE = 1e-3
GAN_LEARNING_RATE, BETA_1 = 2e-4, 0.5
EMA_MOMENTUM = 0.995  # of the averaged weights, which all figures are of
NUM_CANDIDATES = 100  # captions that an image is compared with
NUM_COLUMNS = 10


def trained(model, x, y, validation_data, batch_size, seed, after=(), **kwargs):
    """Trains a model on one of an image's captions an epoch."""
    batches = data.CaptionedDataset(x, y, batch_size, seed=seed)
    fit(
        model,
        batches,
        shuffle=False,  # the batches are shuffled already
        validation_data=validation_data,
        validation_batch_size=batch_size,
        callbacks=[
            # A run that resumes goes on with the captions of its epoch.
            keras.callbacks.LambdaCallback(
                on_epoch_begin=lambda epoch, logs: setattr(batches, "epoch", epoch)
            ),
            *after,
            callbacks.TensorBoard(kwargs["log_dir"]),
        ],
        **kwargs,
    )
    model.save(f"{kwargs['log_dir']}/model.keras")


def make_encoder(vocabulary, shape, embedding_dim, seed):
    """Returns a model that brings images and their captions together."""
    looker = networks.convolutional_encoder(shape, (32, 64, 128))
    reader = networks.caption_encoder(
        vocabulary.num_tokens, vocabulary.length, embedding_dim, embedding_dim
    )
    model = JointEmbedding(
        keras.Sequential([looker, keras.layers.Dense(embedding_dim)]),
        layers.CaptionEncoder(reader, vocabulary),
        seed=seed,
    )
    model.compile(keras.optimizers.Adam(ENCODER_LEARNING_RATE))
    return model


def make_models(shape, encoder, filters, factors, latent_dim, seed):
    """Returns both models of images by their folders, compiled."""
    dim = encoder.embedding_dim
    lowest = shape[0] // 2 ** (len(factors) - 1)  # level, which has attention
    gan = TextGAN(
        networks.text_gan_generator(latent_dim, dim, shape, 2 * filters, dim),
        networks.text_gan_discriminator(shape, dim, 2 * filters, dim),
        latent_dim,
        dim,
        caption_encoder=encoder,
        ema_momentum=EMA_MOMENTUM,
        seed=seed,
        name="TextGAN",
    )
    gan.compile(keras.optimizers.Adam(GAN_LEARNING_RATE, beta_1=BETA_1))
    diffusion = DiffusionModel(
        networks.unet(shape, filters, factors, 1, (lowest,), embedding_dim=dim),
        shape,
        loss_weight="min_snr",
        embedding_dim=dim,
        caption_encoder=encoder,
        seed=seed,
        name="diffusion",
    )
    diffusion.compile(
        keras.optimizers.Adam(
            DIFFUSION_LEARNING_RATE,
            clipnorm=1.0,
            use_ema=True,
            ema_momentum=EMA_MOMENTUM,
        )
    )
    return {"gan": gan, "diffusion": diffusion}


def plain(scenes):
    """Returns of each scene the caption that names all objects, in plain words."""
    return [captions[0] for captions in scenes.captions]


def judge_of(judge, encoder, log_dir):
    """Returns what to call who judges by R-precision."""
    own = pathlib.Path(encoder or f"{log_dir}/captions/model.keras").resolve()
    is_own = judge is None or pathlib.Path(judge).resolve() == own
    return "the models' own encoder" if is_own else judge


def precision(judge, images, scenes, name):
    """Returns R-precision: scenes of the same objects have one caption in common."""
    shapes, colours, sizes = np.moveaxis(scenes.objects, -1, 0)
    kinds = 1 + shapes * 12 + colours * 2 + sizes
    objects = np.sort(np.where(scenes.object_mask, kinds, 0), axis=1)
    return metrics.r_precision(
        ops.convert_to_numpy(judge.encode_images(images)),
        judge.encode_captions(plain(scenes)),
        objects,
        num_candidates=min(NUM_CANDIDATES, len(np.unique(objects, axis=0))),
        protocol=metrics.Protocol(features=name),
    )


def judged(images, scenes, judge, name, features):
    """Returns what judges say of images of captions, in words."""
    score = precision(judge, images, scenes, name)
    found = metrics.scene_accuracy(images, scenes.graphs(), data.SCENE_PALETTE)
    words = (
        f"R-precision {score.value:.1%} +- {score.standard_error:.1%} of "
        f"{score.protocol.num_candidates} captions (judge: {score.protocol.features}), "
        f"shapes {found.shapes:.1%}, colours {found.colours:.1%}, sizes "
        f"{found.sizes:.1%}"
    )
    if features is None:
        return words
    return f"{words}, {frechet(features, scenes.images, images)}"


def frechet(features, real, images):
    """Returns the Frechet distance in the features of a classifier, in words."""
    found = metrics.frechet_distance(*map(features.statistics, (real, images)))
    return f"Frechet distance in the classifier's features {found.value:.4g}"


def main(
    image_size: int = 32,
    max_objects: int = 2,
    num_scenes: int = 4000,
    epochs: int = 30,
    encoder_epochs: int = 20,
    batch_size: int = 64,
    filters: int = 16,
    multipliers: str = "1,2,2",
    latent_dim: int = 32,
    embedding_dim: int = 64,
    guidance: float = 2.0,
    num_steps: int = 20,
    num_judged: int = 200,
    encoder: str | None = None,
    judge: str | None = None,
    classifier: str | None = None,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/text_to_image",
):
    """Trains two models that draw what a caption says, and judges what they draw.

    Args:
        image_size: Pixels a side of the scenes, divisible by 8.
        max_objects: Objects of the fullest scenes, 1 to 6.
        num_scenes: Scenes to train with.
        epochs: Passes of both models over the data; more than last time goes on with
            that run.
        encoder_epochs: Passes of the encoder of captions, before that.
        batch_size: Scenes a step.
        filters: Feature maps of the U-Net next to the image; the GAN's networks have
            twice as many.
        multipliers: A number for each level of the U-Net, how many times as many it
            has.
        latent_dim: Size of the GAN's latents; 100 in the paper.
        embedding_dim: Size of captions' embeddings, where the encoder is trained here.
        guidance: Of the diffusion model's samples, how strongly captions pull; 1 leaves
            them as they are.
        num_steps: Steps of such a sample.
        num_judged: Scenes whose captions are drawn and judged.
        encoder: A model.keras of recipes.caption_encoder; left out, one is trained.
        judge: Another one, for R-precision; left out, the encoder judges that the
            models were told by, which may flatter them: the figures say which.
        classifier: A model.keras of recipes.scene_classifier, in whose features the
            Frechet distance is; left out, it is not taken.
        seed: Of the scenes, the weights, the batches and the draws.
        limit: Use at most so many scenes to train and so many to judge.
        log_dir: Folder of this run.
    """
    judges = ["guidance", "num_steps", "num_judged", "judge", "classifier"]
    begin(locals(), may_change=judges)
    scenes, held_out, familiar, others = (
        data.shape_scenes(
            number if limit is None else limit, image_size, of, max_objects, split=split
        )
        for number, of, split in (
            (num_scenes, seed, "train"),
            (num_judged, seed, "held_out"),
            (num_judged, seed + 1, "train"),
            (num_judged, seed + 2, "held_out"),
        )
    )
    shape = scenes.images.shape[1:]
    features = None
    if classifier is not None:
        loaded = keras.saving.load_model(classifier)
        features = evaluation.FeatureExtractor(loaded, "features")
    if encoder is None:
        folder = f"{log_dir}/captions"
        vocabulary = data.Vocabulary.from_captions(
            [*scenes.captions, *held_out.captions, *familiar.captions]
        )
        pairs = make_encoder(vocabulary, shape, embedding_dim, seed)
        trained(
            pairs,
            scenes.images,
            vocabulary.encode(scenes.captions),
            (held_out.images, vocabulary.encode(plain(held_out))),
            batch_size,
            seed,
            log_dir=folder,
            epochs=encoder_epochs,
        )
    else:
        pairs = keras.saving.load_model(encoder)
    told = pairs.encode_captions(scenes.captions)  # (num, 4, embedding_dim)
    validation = pairs.encode_captions(plain(held_out))
    factors = tuple(integers("multipliers", multipliers))
    models = make_models(
        shape, pairs.caption_encoder, filters, factors, latent_dim, seed
    )
    for name, model in models.items():
        average = [callbacks.ExponentialMovingAverage()] if name == "diffusion" else []
        trained(
            model,
            scenes.images,
            told,
            (held_out.images, validation),
            batch_size,
            seed,
            average,
            log_dir=f"{log_dir}/{name}",
            epochs=epochs,
        )

    chosen = pairs if judge is None else keras.saving.load_model(judge)
    name_of_judge = judge_of(judge, encoder, log_dir)
    columns = min(NUM_COLUMNS, len(held_out.images))
    rows, lines = [held_out.images[:columns]], []
    sets = {"held-out pairs": held_out, "pairs of training": familiar}
    of_samples = {
        "gan": {},
        "diffusion": {"guidance": guidance, "num_steps": num_steps},
    }
    for name, options in of_samples.items():
        # The file holds all that strings need: encoder and vocabulary.
        model = keras.saving.load_model(f"{log_dir}/{name}/model.keras")
        for of, asked in sets.items():
            captions = plain(asked)
            images = evaluation.draw_samples(
                model, len(captions), captions, batch_size, seed, **options
            )
            if asked is held_out:
                rows.append(images[:columns])
            found = judged(images, asked, chosen, name_of_judge, features)
            lines.append(f"{model.name}, {of}: {found}")
    for of, asked in sets.items():
        found = judged(asked.images, asked, chosen, name_of_judge, None)
        lines.append(f"real scenes, {of}: {found}")
    if features is not None:
        floor = frechet(features, held_out.images, others.images)
        lines.append(f"other real scenes of held-out pairs: {floor}")
    grid = np.concatenate(rows)
    caption = (
        f"scenes, epoch {epochs}; rows: 1 held-out scenes; 2 drawn by TextGAN of their "
        "captions; 3 by the diffusion model"
    )
    callbacks.save_png(
        f"{log_dir}/text_to_image.png", callbacks.image_grid(grid, columns), caption
    )
    words = "\n".join([*plain(held_out)[:columns], ""])
    pathlib.Path(log_dir, "captions.txt").write_text(words)
    print("; ".join(lines) + ".")
    print(
        f"Picture: {log_dir}/text_to_image.png, its captions: {log_dir}/captions.txt. "
        f"Models: {log_dir}/gan/model.keras and {log_dir}/diffusion/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
