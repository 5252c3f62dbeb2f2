"""Several processes on torch."""

import torch


def refuse_other_processes(model) -> None:
    """Raises an error in a group of processes, which would train apart.

    Raises:
        RuntimeError: If this process is one of several of `torch.distributed`.
    """
    group = torch.distributed
    if not (group.is_available() and group.is_initialized()):
        return
    if group.get_world_size() > 1:
        raise RuntimeError(
            f"{type(model).__name__} trains in one process on torch: gradients are not "
            "averaged over the processes of `torch.distributed`, and each would learn "
            "weights of its own. Several processes train together on JAX, by "
            "`keras.distribution`."
        )
