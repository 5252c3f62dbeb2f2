"""Trains a VAE alone, or as one of several processes that a launcher has started."""

import os

import keras

from keras_genmod import VAE, callbacks, data, networks
from keras_genmod.engine import num_processes, process_id

BATCH = 512  # of all processes together


def join():
    """Joins the other processes: before anything is made, or computed."""
    if keras.backend.backend() == "torch":
        import torch

        if not torch.distributed.is_initialized():  # Ray Train has done it
            torch.distributed.init_process_group()
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
        return
    if keras.backend.backend() != "jax":
        raise RuntimeError("Several processes need KERAS_BACKEND=jax or torch")
    import jax

    if not jax.distributed.is_initialized():  # Ray Train has done it
        # JAX finds those of Slurm by itself.
        address, *numbers = (
            os.environ.get(f"JAX_{name}")
            for name in ("COORDINATOR_ADDRESS", "NUM_PROCESSES", "PROCESS_ID")
        )
        keras.distribution.initialize(address, *(n and int(n) for n in numbers))
    parallel = keras.distribution.DataParallel(auto_shard_dataset=False)
    keras.distribution.set_distribution(parallel)


def train(folder="runs/vae", epochs=20):
    """Trains on this process' part of the digits; a run that was stopped goes on."""
    keras.utils.set_random_seed(0)
    (x, _), i, n = data.load("digits", "train"), process_id(), num_processes()
    x = x[: len(x) // n * n][i::n]  # as many examples as the others
    shape = x.shape[1:]
    encoder = networks.mlp_encoder(shape, hidden_dims=(64,))
    model = VAE(encoder, networks.mlp_decoder(8, shape, hidden_dims=(64,)), 8, seed=0)
    model.compile("adam")
    keep = [
        callbacks.TensorBoard(folder),
        callbacks.Backup(f"{folder}/backup"),
    ]
    model.fit(x, batch_size=BATCH // n, epochs=epochs, callbacks=keep, verbose=2)
    model.save(f"{folder}/model.keras")  # all call it, process 0 writes
    return model


def is_launched():
    """Whether a launcher has started this process beside others."""
    if keras.backend.backend() == "torch":
        return "WORLD_SIZE" in os.environ
    slurm = int(os.environ.get("SLURM_STEP_NUM_TASKS", 1)) > 1  # those of one srun
    return slurm or "JAX_COORDINATOR_ADDRESS" in os.environ


def main():
    """Joins where there is a launcher, and trains."""
    if is_launched():
        join()
    train()


if __name__ == "__main__":
    main()
