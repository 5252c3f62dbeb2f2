"""Convolutions of images whose channels come last.

In torch's "channels last" memory format they are views: nothing is copied. Keras copies
images to NCHW and back, adds the bias by itself, and cuts what a transposed convolution
gives without padding.
"""

from torch.nn import functional


def convolution(x, kernel, bias):
    """Convolves NHWC images with an odd kernel, to images of the same size."""
    padding = (kernel.shape[0] // 2, kernel.shape[1] // 2)
    outputs = functional.conv2d(_channels_first(x), _first(kernel), bias, 1, padding)
    return outputs.permute(0, 2, 3, 1)


def transposed_convolution(x, kernel, bias, strides):
    """Convolves NHWC images to those of `strides` times the size.

    Args:
        x: Tensor `(batch, height, width, channels)`.
        kernel: Tensor `(height, width, filters, channels)`, as much longer than the
            strides as an even number, or 0.
        bias: Tensor `(filters,)`, or `None`.
        strides: Tuple of two ints.
    """
    sizes = kernel.shape[:2]
    padding = [
        (size - stride) // 2 for size, stride in zip(sizes, strides, strict=True)
    ]
    outputs = functional.conv_transpose2d(
        _channels_first(x), _first(kernel), bias, strides, padding
    )
    return outputs.permute(0, 2, 3, 1)


def _channels_first(x):
    return x.permute(0, 3, 1, 2)


def _first(kernel):
    kernel = kernel.permute(3, 2, 0, 1)
    # On a CPU, a batch of one example goes a way of torch that has no gradient of such
    # a view to a single channel.
    return kernel.contiguous() if 1 in kernel.shape[:2] else kernel
