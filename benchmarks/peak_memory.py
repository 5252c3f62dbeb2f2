"""The peak memory of one train step, in a process of its own.

`python -m benchmarks.peak_memory standard vae traced` prints it in bytes. On JAX it is
what XLA has planned for the compiled step: state, batch and temporaries. With torch and
TensorFlow on a GPU it is the peak that their allocator reports; on a CPU the largest
resident memory during warm steps, beyond what the process held after imports and data.
"""

import keras
import typer

from benchmarks import loops, resident_memory, step_measurement


def main(
    size: str,
    model: str,
    way: str,
    steps: int = 10,
    xla: bool | None = None,
    policy: str = "float32",
) -> None:
    """Prints the peak memory of one way in bytes.

    Args:
        size: "standard" or "large".
        model: Name of a model of this size.
        way: Key of `step_measurement.WAYS`.
        steps: Measured steps, after two warm ones.
        xla: Whether XLA compiles the step on TensorFlow; as Keras does by default.
        policy: Dtype policy of the package's ways.
    """
    data = step_measurement.SIZES[size].make_batch(model)
    loops.wait(keras.ops.sum(keras.ops.ones((256, 256)) @ keras.ops.ones((256, 256))))
    before = resident_memory.now()
    loop = step_measurement.make_loop(way, size, model, policy, xla)
    batch = loop.to_device(data)
    if loops.BACKEND == "jax":
        print(loop.planned_bytes(batch))
        return
    for _ in range(2):
        loops.wait(loop(batch))
    resident_memory.restart_peak()
    for _ in range(steps):
        loss = loop(batch)
    loops.wait(loss)
    peak = _device_peak()
    print(max(resident_memory.peak() - before, 0) if peak is None else peak)


def _device_peak():
    """Returns the peak of GPU memory in bytes, or `None` without a GPU."""
    if loops.BACKEND == "torch":
        import torch

        return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_memory_info("GPU:0")["peak"]
    return None


if __name__ == "__main__":
    typer.run(main)
