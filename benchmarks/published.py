"""Published likelihoods, each with its protocol, beside which models they stand.

`read` is from the named source's own repository, `paper` the paper's value. Stochastic
binarizations of different draws are one protocol where both training and test images
are drawn anew (dynamic); the official static set is another one than a static draw of
our own.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Published:
    """One published number.

    Args:
        model: Name that our row begins with.
        value: Float, log p(x) in nats, or bits a dimension.
        source: String.
        budget: Int, epochs, or `None` where it is not known.
        kind: Kind of the number, as in `LikelihoodProtocol`.
        binarization: "static", "dynamic" or `None`.
        protocol: String, all that is known of it.
        same: Whether one of our protocols is this one: then of `kind`, with
            `binarization`.
        in_bits: Whether `value` is in bits a dimension.
    """

    model: str
    value: float
    source: str
    budget: int | None
    kind: str
    binarization: str | None
    protocol: str
    same: bool = False
    in_bits: bool = False

    def __str__(self):
        unit = " bits/dim" if self.in_bits else ""
        budget = "" if self.budget is None else f", {self.budget} epochs"
        return f"{self.value:g}{unit} ({self.source}; {self.protocol}{budget})"


_PG, _PYTHAE = "read: pytorch-generative", "read: pythae"
_S_M = "paper: Salakhutdinov and Murray 2008"
_AIS = "AIS of about 1e4 temperatures, 100 chains"
_MNF = "read: kamenbliznashki/normalizing_flows"
_BOUND, _STATIC = "lower_bound", "static"
PUBLISHED = (
    Published(
        "PixelCNN",
        -81.45,
        _PG,
        457,
        "exact",
        "dynamic",
        "dynamic, the same number of parameters",
        same=True,
    ),
    Published(
        "GatedPixelCNN",
        -81.50,
        _PG,
        457,
        "exact",
        "dynamic",
        "dynamic, 10 layers of 128 filters",
    ),
    Published(
        "PixelRNN row",
        -80.54,
        "paper: van den Oord 2016",
        None,
        "exact",
        _STATIC,
        "official static set, one layer of 32",
    ),
    Published(
        "PixelRNN diagonal",
        -80.75,
        "paper: van den Oord 2016",
        None,
        "exact",
        _STATIC,
        "official static set, one layer of 32",
    ),
    Published("VAE 784-400-40", -89.78, _PYTHAE, 500, _BOUND, _STATIC, "static, K=200"),
    Published(
        "IWAE 784-400-50 K=50",
        -86.82,
        _PYTHAE,
        None,
        _BOUND,
        _STATIC,
        "static, 5,000 importance samples",
    ),
    Published(
        "IWAE 784-400-50 K=50",
        -84.78,
        "paper: Burda, Grosse and Salakhutdinov 2016",
        None,
        _BOUND,
        None,
        "their binarization, two hidden layers of 200, 5,000 importance samples",
    ),
    *(
        Published(
            f"VAE with {n} planar flows",
            value,
            "paper: Rezende and Mohamed 2015",
            None,
            _BOUND,
            None,
            "other networks, binarized",
        )
        for n, value in ((10, -87.5), (20, -86.5), (40, -85.7), (80, -85.1))
    ),
    *(
        Published(f"RBM 784x500 {k}", value, _S_M, None, "estimate", None, _AIS)
        for k, value in (("CD-1", -125.53), ("CD-3", -105.50), ("CD-25", -86.34))
    ),
    Published(
        "RBM 784x500 PCD-1", -86.34, f"{_S_M}, CD-25", None, "estimate", None, _AIS
    ),
    Published(
        "DBN 784-500-2000", -86.2, _S_M, None, "estimated_lower_bound", None, _AIS
    ),
    Published(
        "DBM 784-500-1000",
        -84.62,
        "paper: Salakhutdinov and Hinton 2009",
        None,
        "estimated_lower_bound",
        None,
        "AIS of 2e4 temperatures",
    ),
    Published(
        "NICE",
        4.34,
        _PG,
        150,
        _BOUND,
        None,
        "uniform dequantization of 256 levels, pixels as they are, a logistic prior",
        same=True,
        in_bits=True,
    ),
    Published(
        "RealNVP",
        -1279.8,
        _MNF,
        None,
        "exact",
        None,
        "density in logit space, five couplings",
    ),
    Published(
        "MAF", -1272.7, _MNF, None, "exact", None, "density in logit space, five layers"
    ),
)


def beside(model: str) -> list[Published]:
    """Returns the numbers that stand beside a model."""
    return [one for one in PUBLISHED if f"{model} ".startswith(f"{one.model} ")]
