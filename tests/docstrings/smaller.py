"""What examples of docstrings say, and what the tests compute in its place."""

# Examples train for epochs; one shows that they train.
SMALLER = {
    r"\bepochs=\d+": "epochs=1",
    r"\bnum_steps=\d{3,}": "num_steps=2",
    r"\bnum_temperatures=[\d_]+": "num_temperatures=10",
    r"\bimages_per_phase=[\d_]+": "images_per_phase=8",
    r"\bnum_samples=\d+": "num_samples=2",
    r"range\(30\)": "range(2)",
}
# Of models, whose networks would take seconds.
SMALLER_IN_MODELS = {
    **SMALLER,
    r"\(28, 28,": "(8, 8,",
    r"\(7, 7,": "(2, 2,",
    r"\[784, 500, \d+\]": "[64, 8, 8]",
    r"\b784, 500\b": "64, 8",
    r"\b784\b": "64",
    r"\(256, 256, (\d)\)": r"(32, 32, \1), 4",
    r"filters_base=\d+": "filters_base=16",
    r"num_scales=3, num_steps=8": "num_scales=2, num_steps=1",
    r"(PixelCNN|PixelRNN)\(\(8, 8, 1\)": r"\1((4, 4, 1), filters=4",
    r"filters=4, kind": "filters=4, num_layers=1, kind",
    r"PixelCNN\(\(4, 4, 1\), filters=4": r"\g<0>, num_blocks=1",
    r"Plus\(\(32, 32, 3\), filters=64, num_blocks=2": (
        "Plus((4, 4, 3), filters=4, num_blocks=1"
    ),
    r"Glow\(\(32, 32, 3\)": "Glow((8, 8, 3)",
    r"resnet_generator\(shape": r"\g<0>, filters=4, num_blocks=1",
    r"(patchgan_discriminator\(\(32, 32, 3\)|\(shape), num_layers": (
        r"\1, filters=4, num_layers"
    ),
    r"(grid_encoder|grid_decoder)\(.*\), \w+": r"\g<0>, filters=4",
    r"style_gan(\w+)\(\(32, 32, 3\), 64": r"style_gan\1((8, 8, 3), 4",
    r"project\(images\[:4\]": "project(images[:1], num_steps=2",
    r"complete\(corrupted, known": r"\g<0>, num_steps=2",
    r'log_partition\("ais", seed': 'log_partition("ais", num_temperatures=10, seed',
    r"sample\(16": "sample(2",
    r"\(128, 128\)": "(8,)",
    r"range\(16\)": "range(2)",
    r"shape_scenes\(2000": "shape_scenes(8",
    r"max_relations=15": (
        r"\g<0>, vector_dim=8, hidden_dim=8, num_layers=1, mask_size=4"
    ),
    r"128 \+ 32\), \(256, 128, 64, 32\)": "8 + 32), (8, 8, 4, 4)",
    r"(object_discriminator\(.*\)), \(3, 6, 2\)": (
        r"\g<0>, filters=(4, 4), hidden_dim=8"
    ),
    r"text_gan_\w+\(.*\(32, 32, 3\)(, 128)?": r"\g<0>, filters=4, text_dim=4",
    r"colorization_network\(\(32, 32\), .*\(\)": r"\g<0>, filters=4",
    r"srgan_discriminator\(\(96, 96, 3\)": (
        "srgan_discriminator((16, 16, 3), filters=4, num_stages=1, hidden_dim=8"
    ),
    r"sr_resnet\(scale=4": r"\g<0>, filters=4, num_blocks=1",
    r"large, 24": "large, 4",
    r"\(24, 24, 3\)": "(4, 4, 3)",
    r"vocabulary.length\)": "vocabulary.length, hidden_dim=8)",
}
