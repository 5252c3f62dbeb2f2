"""The U-Nets by hand, which steps are timed beside, compute what ours computes."""

import importlib
import re

import numpy as np
from keras import layers, ops

from benchmarks import loops, sizes
from keras_genmod import networks
from keras_genmod.layers import SelfAttention2D
from keras_genmod.layers.group_normalization import GroupNormalization
from keras_genmod.layers.same_conv_2d import SameConv2D

IMAGE = (8, 12, 1)


def affine(layer):
    return {"w": layer.kernel, "b": layer.bias}


def norm(layer):
    return {"scale": layer.gamma, "shift": layer.beta}


def parameters_of(network):
    """Returns the weights of `networks.unet` as the tree of `unet_parameters`."""

    def in_order(kind):
        def number(layer):  # layers are numbered as they are made
            found = re.search(r"_(\d+)$", layer.name)
            return int(found[1]) if found else 0

        return iter(sorted((x for x in network.layers if type(x) is kind), key=number))

    kinds = SameConv2D, layers.Conv2D, layers.Dense, GroupNormalization
    convolutions, halvings, denses, norms = (in_order(kind) for kind in kinds)
    attentions = in_order(SelfAttention2D)
    multipliers = sizes.UNET_MULTIPLIERS

    def block():
        first, scale, shift, last = (
            affine(next(queue))
            for queue in (convolutions, denses, denses, convolutions)
        )
        found = {"norms": (norm(next(norms)), norm(next(norms))), "first": first}
        found |= {"scale": scale, "shift": shift, "last": last}
        if first["w"].shape[2] != first["w"].shape[3]:
            found["skip"] = affine(next(denses))
        return {"block": found}

    def attended(pair):
        layer = next(attentions)
        parts = zip("qkv", (layer.query, layer.key, layer.value), strict=True)
        found = {name: affine(part) for name, part in parts}
        found |= {"norm": norm(layer.normalization)}
        return {**pair, "attention": {**found, "projection": affine(layer.projection)}}

    embed = affine(next(denses)), affine(next(denses))
    first, down, up = affine(next(convolutions)), [], []
    for level in range(len(multipliers)):
        down += [affine(next(halvings))] if level > 0 else []
        for _ in range(sizes.UNET_BLOCKS):
            lowest = level == len(multipliers) - 1
            down.append(attended(block()) if lowest else block())
    # Attention is a queue of its own, so that blocks may come before it.
    middle = [attended(block()), block()]
    for level in reversed(range(len(multipliers))):
        for _ in range(sizes.UNET_BLOCKS + 1):
            lowest = level == len(multipliers) - 1
            up.append(attended(block()) if lowest else block())
        up += [affine(next(convolutions))] if level > 0 else []
    ends = {"norm": norm(next(norms)), "last": affine(next(convolutions))}
    for queue in (convolutions, halvings, denses, norms, attentions):
        assert next(queue, None) is None
    return {
        "embed": embed,
        "first": first,
        "down": down,
        "middle": middle,
        "up": up,
    } | (ends)


def by_hand_on_torch(parameters, x, t):
    """Returns what the U-Net of plain PyTorch makes of images, channels last."""
    import torch

    from benchmarks.references.torch_diffusion import UNet

    network = UNet(1, sizes.UNET_FILTERS, sizes.UNET_MULTIPLIERS, sizes.UNET_BLOCKS)

    @torch.no_grad()
    def load(module, p):
        if "scale" in p:
            module.weight.copy_(p["scale"].value)
        else:
            w = p["w"].value
            w = w.permute(3, 2, 0, 1) if w.ndim == 4 else w.T
            module.weight.copy_(w.reshape(module.weight.shape))
        module.bias.copy_(p["shift" if "scale" in p else "b"].value)

    def load_block(module, p):
        for one, other in zip(module.norms, p["norms"], strict=True):
            load(one, other)
        for name in ("first", "scale", "shift", "last", *(["skip"] * ("skip" in p))):
            load(getattr(module, name), p[name])

    @torch.no_grad()
    def load_attention(module, p):
        load(module.norm, p["norm"])
        load(module.projection, p["projection"])
        kernels = torch.cat([p[n]["w"].value.T for n in "qkv"])
        module.parts.weight.copy_(kernels.reshape(module.parts.weight.shape))
        module.parts.bias.copy_(torch.cat([p[n]["b"].value for n in "qkv"]))

    def load_pair(pair, p):
        load_block(pair[0], p["block"])
        if "attention" in p:
            load_attention(pair[1], p["attention"])

    for module, p in zip(network.embed[::2], parameters["embed"], strict=True):
        load(module, p)
    for name in ("first", "norm", "last"):
        load(getattr(network, name), parameters[name])
    for name in ("down", "up"):
        for part, p in zip(getattr(network, name), parameters[name], strict=True):
            (load if "w" in p else load_pair)(part, p)
    before, attention, after = network.middle
    load_pair((before, attention), parameters["middle"][0])
    load_block(after, parameters["middle"][1]["block"])
    x = torch.tensor(x).permute(0, 3, 1, 2)
    return network(x, torch.tensor(t)).permute(0, 2, 3, 1)


def test_unet_by_hand_has_our_outputs(rng):
    network = networks.unet(
        IMAGE, sizes.UNET_FILTERS, sizes.UNET_MULTIPLIERS, sizes.UNET_BLOCKS, (6,)
    )
    network.set_weights(
        [0.1 * rng.normal(size=w.shape) + (w.ndim == 1) for w in network.weights]
    )
    x = rng.normal(size=(2, *IMAGE)).astype("float32")
    t = np.array([0.25, 0.8], "float32")
    parameters = parameters_of(network)
    if loops.BACKEND == "torch":
        found = by_hand_on_torch(parameters, x, t)
    else:
        name = f"benchmarks.references.{loops.BACKEND}_diffusion"
        apply = importlib.import_module(name).apply_unet
        found = apply(_values(parameters), x, t)
    expected = ops.convert_to_numpy(network([x, t]))
    assert expected.std() > 0.1
    np.testing.assert_allclose(
        ops.convert_to_numpy(found), expected, rtol=1e-3, atol=1e-3 * expected.std()
    )


def _values(parameters):
    """Returns the tree with tensors in place of variables."""
    if isinstance(parameters, dict):
        return {name: _values(p) for name, p in parameters.items()}
    if isinstance(parameters, (list, tuple)):
        return [_values(p) for p in parameters]
    return ops.convert_to_tensor(parameters)
