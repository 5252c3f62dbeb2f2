"""Style transfer (Gatys, Ecker and Bethge, 2015, arXiv:1508.06576)."""

import pathlib

import keras
import numpy as np
from PIL import Image

from keras_genmod import StyleTransfer, callbacks, data, networks
from recipes._run import begin, command_line, fit

LEARNING_RATE = 2e-3
NUM_WINDOWS = 2000  # of photographs, for training; a quarter as many are held out
WINDOW = 32  # pixels a side
REGIONS = (3, 4)  # rows and columns of a photograph, a class each
# Weights of the style, beside a content of 1, and where pixels begin.
RUNS = ((1.0, "content"), (10.0, "content"), (100.0, "content"), (10.0, "noise"))
NUM_COLUMNS = 3
PHOTOGRAPHS = ("china.jpg", "flower.jpg")  # that come with scikit-learn


def photograph(name):
    """Returns an image `(1, height, width, 3)` in [0, 1], of a file or scikit-learn."""
    if name in PHOTOGRAPHS and not pathlib.Path(name).exists():
        from sklearn.datasets import load_sample_image

        pixels = load_sample_image(name)
    else:
        pixels = np.asarray(Image.open(name).convert("RGB"))
    return pixels[None].astype("float32") / 255


def shrunk(image, size):
    """Returns an image whose longer side has so many pixels."""
    sides = np.array(image.shape[1:3])
    return data.resize(image, tuple(map(int, np.round(sides * size / sides.max()))))


def windows(count, seed):
    """Returns windows of photographs, and which region of which one each is of."""
    rng = np.random.RandomState(seed)
    images = [photograph(name)[0] for name in PHOTOGRAPHS]
    regions = np.prod(REGIONS)
    labels = rng.randint(0, regions * len(images), count)
    found = np.empty((count, WINDOW, WINDOW, 3), "float32")
    for i, label in enumerate(labels):
        image = images[label // regions]
        place = np.unravel_index(label % regions, REGIONS)
        size = np.array(image.shape[:2]) // REGIONS
        top, left = place * size + rng.randint(0, size - WINDOW + 1)
        found[i] = image[top : top + WINDOW, left : left + WINDOW]
        if rng.randint(2):
            found[i] = found[i, :, ::-1]
    return found, labels.astype("int32")


def labelled(dataset, seed):
    """Returns training and held-out images with labels."""
    if dataset == "photographs":
        return windows(NUM_WINDOWS, seed), windows(NUM_WINDOWS // 4, seed + 1)
    train, test = (data.load(dataset, split) for split in ("train", "test"))
    if train[1] is None or train[0].shape[-1] != 3:
        raise ValueError(
            '`dataset` must have labels and three channels, or be "photographs". '
            f"Received: dataset={dataset!r}"
        )
    return train, test


def small_classifier(image_shape, num_classes, filters):
    """Returns four convolutions, `relu_1` to `relu_4`, and class probabilities."""
    layers = [keras.layers.Input(image_shape)]
    for i, factor in enumerate((1, 1, 2, 2), 1):
        layers += [
            keras.layers.Conv2D(factor * filters, 3, padding="same", use_bias=False),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(name=f"relu_{i}"),
        ]
        if i % 2 == 0:
            layers.append(keras.layers.MaxPooling2D())
    layers += [
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(num_classes, activation="softmax"),
    ]
    return keras.Sequential(layers)


def main(
    content: str = "china.jpg",
    style: str = "flower.jpg",
    vgg19: str | None = None,
    classifier: str | None = None,
    content_layer: str = "relu_3",
    style_layers: str = "relu_1,relu_2,relu_3,relu_4",
    dataset: str = "photographs",
    image_size: int = 128,
    num_steps: int = 150,
    variation_weight: float = 5.0,
    epochs: int = 6,
    batch_size: int = 64,
    filters: int = 16,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/style_transfer",
):
    """Gives a photograph the style of another image, by features of a classifier.

    Args:
        content: File of an image, or "china.jpg" or "flower.jpg" of scikit-learn.
        style: The same, for the style.
        vgg19: File of Keras' weights of VGG19 without its dense layers, the paper's
            network. Without it the features are those of a classifier of our own.
        classifier: Saved classifier of colour images, as `recipes.feature_classifier`
            makes one. Without both, a small one is trained here first.
        content_layer: Name of the classifier's layer that content is compared in.
        style_layers: Names of its layers for the style, with commas between.
        dataset: What a small classifier learns: "photographs", from which part of
            scikit-learn's two photographs a window is; or a labelled set of colour
            images, such as CIFAR-10 as a .npz file.
        image_size: Pixels of the longer side of both images.
        num_steps: Steps of Adam for each picture.
        variation_weight: Of squared differences of neighbouring pixels.
        epochs: Passes over the data of a small classifier; more than last time goes on
            with that run.
        batch_size: Examples a step.
        filters: Feature maps of the first half of a small classifier.
        seed: Of its weights, its windows and its batches.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    pictures = ["content", "style", "image_size", "num_steps", "variation_weight"]
    begin(locals(), may_change=pictures + ["content_layer", "style_layers"])
    layers = (content_layer, style_layers.split(","))
    if vgg19 is not None:
        transfer = StyleTransfer(networks.vgg19(vgg19))
        source = words = "VGG19"
    elif classifier is not None:
        transfer = StyleTransfer(keras.saving.load_model(classifier), *layers)
        source = words = classifier
    else:
        source = f"{pathlib.Path(dataset).name}, epoch {epochs}"
        words = f"a small classifier of {dataset}, not VGG19"
        (x, y), (x_test, y_test) = labelled(dataset, seed)
        num_classes = int(y.max()) + 1
        model = small_classifier(x.shape[1:], num_classes, filters)
        model.compile(
            keras.optimizers.Adam(LEARNING_RATE),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        fit(
            model,
            x[:limit],
            y[:limit],
            batch_size=batch_size,
            log_dir=log_dir,
            epochs=epochs,
            validation_data=(x_test[:limit], y_test[:limit]),
            callbacks=[callbacks.TensorBoard(log_dir)],
        )
        model.save(f"{log_dir}/model.keras")
        transfer = StyleTransfer(model, *layers)

    of_content, of_style = (shrunk(photograph(f), image_size) for f in (content, style))
    made = {"content itself": of_content}
    for weight, start in RUNS:
        made[f"weight {weight:g} from {start}"] = transfer.transfer(
            of_content,
            of_style,
            num_steps,
            style_weight=weight,
            variation_weight=variation_weight,
            start=start,
            seed=seed,
        )
    lines = []
    for name, images in made.items():
        terms = transfer((images, of_content, of_style))
        values = (f"{key} {float(terms[key][0]):.3g}" for key in ("content", "style"))
        lines.append(f"{name}: {', '.join(values)}")

    height, width = of_content.shape[1:3]
    rows = [keras.ops.convert_to_numpy(x) for x in made.values()]
    rows.insert(1, data.resize(of_style, (height, width)))
    caption = (
        f"{source}; rows: 1 content, style, style weight 1; 2 style weights 10 and "
        "100, and 10 from noise"
    )
    callbacks.save_png(
        f"{log_dir}/style_transfer.png",
        callbacks.image_grid(np.concatenate(rows), NUM_COLUMNS),
        caption,
    )
    print(
        f"{pathlib.Path(content).name} in the style of {pathlib.Path(style).name}, "
        f"{height}x{width} pixels, {num_steps} steps, features of {words}. Terms: "
        f"{'; '.join(lines)}."
    )
    print(
        f"Picture: {log_dir}/style_transfer.png. A small classifier: "
        f"{log_dir}/model.keras."
    )


if __name__ == "__main__":
    command_line(main)()
