"""Convolutions of images whose channels come last."""

import jax


def convolution(x, kernel, bias):
    """Convolves NHWC images with an odd kernel, to images of the same size.

    That of 1x1 is a product, which XLA does not make of it on a CPU.
    """
    if kernel.shape[:2] == (1, 1):
        outputs = x @ kernel[0, 0]
    else:
        outputs = jax.lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
    return outputs if bias is None else outputs + bias
