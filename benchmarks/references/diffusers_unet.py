"""The U-Net of diffusers, of as many levels, channels and blocks as ours."""

import torch


def make_unet(image_shape, filters, multipliers, num_blocks):
    """Returns `diffusers.UNet2DModel`, with attention at its lowest level.

    Args:
        image_shape: Tuple of height, width and channels.
        filters: Int, channels of the first level.
        multipliers: Tuple of ints, of each level.
        num_blocks: Int, residual blocks of a level.
    """
    import diffusers

    levels = len(multipliers)
    return diffusers.UNet2DModel(
        sample_size=image_shape[0],
        in_channels=image_shape[2],
        out_channels=image_shape[2],
        block_out_channels=tuple(filters * m for m in multipliers),
        layers_per_block=num_blocks,
        down_block_types=(*["DownBlock2D"] * (levels - 1), "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", *["UpBlock2D"] * (levels - 1)),
        attention_head_dim=filters * multipliers[-1],
        norm_num_groups=min(32, filters),
        resnet_time_scale_shift="scale_shift",
    )


class Called(torch.nn.Module):
    """diffusers' network, called as ours: images, and times in [0, 1].

    Args:
        network: `diffusers.UNet2DModel`.
    """

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x, t):
        return self.network(x, 1000 * t).sample
