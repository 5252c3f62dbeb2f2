"""The two loops over pixels, with caches and without."""

from keras import ops

from keras_genmod.engine import read, write


def without_caches(outputs, visit, images):
    """Draws pixel after pixel, with the network on whole images for each value.

    Args:
        outputs: Function from images `(batch, pixels, channels)` to the parameters of
            all conditionals, `(batch, pixels, num_outputs)`.
        visit: Function `(i, outputs_of, pixel, cache)` that draws the values of pixel
            `i` and returns `(pixel, log_prob, cache)`. It calls `outputs_of(pixel,
            cache)` for `(parameters, cache)` given the values drawn so far.
        images: Known values, `(batch, pixels, channels)`; may be written into.

    Returns:
        `(images, log_prob)`, the latter `(batch,)`.
    """

    def draw_pixel(i, carry):
        images, total = carry

        def outputs_of(pixel, cache):
            partial = write(images, pixel[:, None], i, axis=1)
            return read(outputs(partial), i, 1, axis=1)[:, 0], cache

        pixel = read(images, i, 1, axis=1)[:, 0]
        pixel, log_prob, _ = visit(i, outputs_of, pixel, ())
        return write(images, pixel[:, None], i, axis=1), total + log_prob

    start = (images, ops.zeros(images.shape[:1]))
    return ops.fori_loop(0, images.shape[1], draw_pixel, start)


def with_caches(network, visit, images, width):
    """Draws pixel after pixel, with every layer on one pixel or row at a time.

    Args:
        network: An `Incremental`, or an object with its methods.
        visit: As in `without_caches`.
        images: As in `without_caches`.
        width: Int, of the images in pixels.

    Returns:
        As `without_caches`.
    """

    def draw_row(row, carry):
        images, total, cache = carry

        def draw_pixel(column, carry):
            images, total, cache = carry
            i = row * width + column

            def outputs_of(pixel, cache):
                return network.step(pixel, cache, row, column)

            pixel = read(images, i, 1, axis=1)[:, 0]
            pixel, log_prob, cache = visit(i, outputs_of, pixel, cache)
            cache = network.put(pixel, cache, row, column)
            images = write(images, pixel[:, None], i, axis=1)
            return images, total + log_prob, cache

        start = (images, total, network.begin_row(cache, row))
        return ops.fori_loop(0, width, draw_pixel, start)

    start = (images, ops.zeros(images.shape[:1]), network.init_cache())
    images, total, _ = ops.fori_loop(0, images.shape[1] // width, draw_row, start)
    return images, total
