"""Faults of captions, of what embeds them, and of what makes images of them."""

from tests.mutants import Mutant

_JOINT = "tests/models/captions/test_joint_embedding.py "
_GAN = "tests/models/adversarial/test_text_gan.py "

MUTANTS = [
    Mutant(  # equal captions count as mistakes
        "models/captions/joint_embedding.py",
        'others = ops.cast(ops.any(pairs, axis=-1), "float32")',
        'others = ops.cast(ops.any(pairs, axis=-1), "float32") * 0 + 1',
        _JOINT + "-k written",
    ),
    Mutant(  # captions that share a word, too, count as equal
        "models/captions/joint_embedding.py",
        "ops.cast(ops.any(pairs, axis=-1)",
        "ops.cast(ops.all(pairs, axis=-1)",
        _JOINT + "-k written",
    ),
    Mutant(  # an image's own caption, said of another one, is a better one
        "models/captions/joint_embedding.py",
        "ops.max(scores - 4.0 * (1.0 - others), axis=1)",
        "ops.max(scores, axis=1)",
        _JOINT + "-k training_finds",
    ),
    Mutant(  # products in place of cosines
        "models/captions/joint_embedding.py",
        "scores = scores / self.caption_encoder.embedding_dim",
        "scores = scores / 1.0",
        _JOINT + "-k written",
    ),
    Mutant(  # one direction alone
        "models/captions/joint_embedding.py",
        "(ops.sum(of_captions, axis=1) + ops.sum(of_images, axis=0)) / number",
        "(ops.sum(of_captions, axis=1) + ops.sum(of_captions, axis=1)) / number",
        _JOINT + "-k written",
    ),
    Mutant(  # an image's own score in place of a caption's
        "models/captions/joint_embedding.py",
        "ops.relu(margin - own[None] + scores)",
        "ops.relu(margin - own[:, None] + scores)",
        _JOINT + "-k written",
    ),
    Mutant(
        "models/captions/joint_embedding.py",
        "known = ops.all(known, axis=1) & (tokens[:, 0] > 0)",
        "known = ops.all(known, axis=1)",
        _JOINT + "-k stream",
    ),
    Mutant(
        "layers/caption_encoder.py",
        "return x * ops.rsqrt(mean_square + _EPSILON)",
        "return x",
        _JOINT + "-k length",
    ),
    Mutant(  # the mean over the padding, too
        "networks/caption_encoder.py",
        "(pool(x, mask=is_token))",
        "(pool(x))",
        "tests/networks/test_caption_encoder.py",
    ),
    Mutant(  # attention looks at the padding
        "networks/caption_encoder.py",
        "dropped(attention(y, y, attention_mask=mask))",
        "dropped(attention(y, y))",
        "tests/networks/test_caption_encoder.py -k padding",
    ),
    Mutant(
        "data/vocabulary.py",
        "self._numbers = {token: i + 1 for",
        "self._numbers = {token: i for",
        "tests/data/test_vocabulary.py -k numbers",
    ),
    Mutant(
        "data/captioned_dataset.py",
        "self.captions[chosen, said[chosen]]",
        "self.captions[chosen, said[: len(chosen)]]",
        "tests/data/test_captioned_dataset.py",
    ),
    Mutant(
        "metrics/r_precision.py",
        "others = np.delete(firsts, kinds[i])",
        "others = firsts",
        "tests/metrics/test_r_precision.py",
    ),
    Mutant(  # any other example, whatever its caption
        "models/adversarial/text_gan.py",
        "differ = apart > _ROUNDING**2 *",
        "differ = apart > 0 *",
        _GAN + "-k never_equal",
    ),
    Mutant(  # always the same partner
        "models/adversarial/text_gan.py",
        "uniform((number, number), seeds), -1.0)",
        "0.0 * uniform((number, number), seeds), -1.0)",
        _GAN + "-k never_equal",
    ),
    Mutant(  # the game without wrong captions
        "models/adversarial/text_gan.py",
        "share * loss(of_real, of_wrong)",
        "share * loss(of_real, of_fake)",
        _GAN + "-k paper",
    ),
    Mutant(
        "models/adversarial/text_gan.py",
        "of_wrong = ops.where(have_one, of_wrong, of_fake)",
        "of_wrong = ops.where(have_one, of_wrong, of_wrong)",
        _GAN + "-k plain_game",
    ),
    Mutant(
        "models/adversarial/text_gan.py",
        "between = 0.5 * (captions[:half] + captions[number - half :])",
        "between = captions[:half] + captions[number - half :]",
        _GAN + "-k paper",
    ),
    Mutant(  # two shares for one
        "models/adversarial/text_gan.py",
        "total = (total + weight * loss(scores[number:])) / (1.0 + weight)",
        "total = total + weight * loss(scores[number:])",
        _GAN + "-k paper",
    ),
    Mutant(
        "models/embedding_conditional.py",
        "copy.trainable = False",
        "copy.trainable = True",
        _GAN + "-k copy",
    ),
    Mutant(
        "models/embedding_conditional.py",
        "copy.set_weights(caption_encoder.get_weights())",
        "copy.get_weights()",
        _GAN + "-k copy",
    ),
    Mutant(  # labels' embeddings where vectors are due
        "networks/times.py",
        'size = checks.positive_int("embedding_dim", embedding_dim)',
        "size = 1",
        "tests/models/diffusion/test_captions.py -k unet",
    ),
    Mutant(  # one caption for several samples
        "models/embedding_conditional.py",
        "if shape not in ((), (num_examples,)):",
        "if False:",
        _GAN + "-k as_many_as",
    ),
]
