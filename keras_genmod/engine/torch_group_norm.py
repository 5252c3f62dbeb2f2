"""Group normalization of features whose channels come last."""

import math

import torch

_FEW = 4  # channels of a group
_MANY = 1024  # places, from which on torch shares them out


def group_normalized(x, groups, scale, shift, epsilon):
    """Normalizes groups of the last axis' features.

    Args:
        x: Float32 tensor `(batch, ..., channels)`.
        groups: Positive int that divides the channels.
        scale: Tensor `(channels,)`, or `None`.
        shift: Tensor `(channels,)`, or `None`.
        epsilon: Positive number.
    """
    if scale is None and shift is not None:
        scale = torch.ones_like(shift)  # torch has no gradient of the latter alone
    # In this order torch's own kernel takes the channels of a group together on a CPU
    # if there are few places: where channels are few, too, up to five times as long.
    few = x.shape[-1] <= _FEW * groups and math.prod(x.shape[1:-1]) < _MANY
    slow = x.device.type == "cpu" and x.ndim > 2 and few
    if slow and shift is not None:
        return _GroupNorm.apply(x, groups, scale, shift, epsilon)
    return _by_torch(x, groups, scale, shift, epsilon)


def _by_torch(x, groups, scale, shift, epsilon):
    channels_first = x.movedim(-1, 1)  # of images the "channels last" memory format
    outputs = torch.group_norm(channels_first, groups, scale, shift, epsilon)
    return outputs.movedim(1, -1)


class _GroupNorm(torch.autograd.Function):
    """y = scale d r + shift with d = x - mean, r = 1 / sqrt(var + epsilon).

    With n values in a group and sums over them, the gradient of x is
    r (scale g - sum(scale g) / n - d r^2 sum(scale g d) / n).
    """

    @staticmethod
    def forward(ctx, x, groups, scale, shift, epsilon):
        rows = x.flatten(1, -2)  # (batch, places, channels)
        num_values = rows.shape[1] * rows.shape[2] // groups
        centred = rows - _of_groups(rows.sum(1), groups) / num_values
        var = _of_groups(centred.square().sum(1), groups) / num_values
        inverse = torch.rsqrt(var + epsilon)  # (batch, 1, channels)
        ctx.save_for_backward(x, scale, shift, centred, inverse)
        ctx.groups, ctx.epsilon, ctx.num_values = groups, epsilon, num_values
        return torch.addcmul(shift, centred, inverse * scale).view(x.shape)

    @staticmethod
    def backward(ctx, gradient):
        x, scale, shift, centred, inverse = ctx.saved_tensors
        if torch.is_grad_enabled():  # the gradient will be differentiated, too
            outputs = _by_torch(x, ctx.groups, scale, shift, ctx.epsilon)
            inputs = [t for t in (x, scale, shift) if t.requires_grad]
            found = iter(
                torch.autograd.grad(outputs, inputs, gradient, create_graph=True)
            )
            return tuple(next(found) if n else None for n in ctx.needs_input_grad)
        rows = gradient.reshape(centred.shape)
        total, product = rows.sum(1), (rows * centred).sum(1)  # (batch, channels)
        of_mean = _of_groups(scale * total, ctx.groups) / ctx.num_values
        of_var = _of_groups(scale * product, ctx.groups) / ctx.num_values
        of_x = torch.addcmul(-inverse * of_mean, rows, inverse * scale)
        of_x.addcmul_(centred, -(inverse**3) * of_var)
        of_scale = (product * inverse[:, 0]).sum(0)
        return of_x.view(x.shape), None, of_scale, total.sum(0), None


def _of_groups(sums, groups):
    """Returns `(batch, 1, channels)`, in place of each channel's sum its group's."""
    batch, channels = sums.shape
    totals = sums.view(batch, groups, -1).sum(2, keepdim=True)
    return totals.expand(-1, -1, channels // groups).reshape(batch, 1, channels)
