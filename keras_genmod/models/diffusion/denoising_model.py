"""What all models have that go from noise to data by a network of time."""

import math
from typing import Any

from keras import ops

from keras_genmod import checks
from keras_genmod.engine import Seeds, compiled, seed_state, uniform
from keras_genmod.models.adjustable import Adjustable
from keras_genmod.models.diffusion import flow_likelihood
from keras_genmod.models.diffusion.editing_model import EditingModel
from keras_genmod.models.diffusion.noise_model import check_drop_rate
from keras_genmod.models.low_rank import LowRank

_FEW_DIMS = 8  # of data whose divergences are computed exactly, unless one says
_FLOW_STEPS = 50


class DenoisingModel(LowRank, EditingModel):
    """A model that samples, encodes, edits, completes and judges data by one network.

    The base of diffusion models and their relatives: what `NoiseModel` says, and what
    follows from it. A subclass trains the network.
    """

    #: What `log_prob` may go by; the first is its default.
    likelihood_methods: tuple[str, ...] = ("ode",)
    likelihood_kind = "estimate"

    drop_rate = Adjustable(check_drop_rate)

    def _dropped(self, condition, seeds, training):
        """Returns conditions, in training less some, each example's by itself."""
        if condition is None or not training:
            return condition
        coin = uniform((ops.shape(condition)[0], 1), seeds)
        left_out = coin < ops.convert_to_tensor(self.drop_rate)
        return ops.where(left_out, 0.0 * condition, condition)

    def log_prob(
        self,
        x: Any,
        condition: Any = None,
        method: str | None = None,
        num_steps: int | None = None,
        num_probes: int | None = None,
        seed: int | None = None,
        batch_size: int = 128,
        tolerance: float | None = None,
    ) -> Any:
        """Returns log p(x) in nats, a bound on it or an estimate, by `method`.

        - "bound", of diffusion models: the variational bound of DDPM's steps, with one
          draw of the noise at each. Of levels a probability, by a discretized normal
          distribution at the last step, from where levels are told apart; fewer steps
          than a schedule has are denser there. Without levels a density.
        - "ode": the density under the probability-flow equation, by the change of
          variables, with Runge-Kutta steps from `schedule.first_time` to 1: of fourth
          order and given number, or, with a `tolerance`, of Dormand and Prince's pair
          of orders 4 and 5, whose lengths each example finds for itself. Levels get
          noise within them, and the result bounds their probability.

        Args:
            x: Data of shape `(batch, *data_shape)`; with `num_levels` on these levels.
            condition: For a conditional model, one label an example, or one for all.
            method: One of `likelihood_methods`; `None` is the first.
            num_steps: Positive int. Of a bound, the steps of the model it is of:
                `None` takes all of the schedule, or 1,000 of continuous time; fewer
                loosen it. Of the equation, `None` takes 50.
            num_probes: Positive int, random vectors that estimate each divergence
                (Hutchinson), or 0 for exact ones, which cost as many gradients as data
                have values. `None` is 0 up to 8 values and 1 beyond, and for a bound.
            seed: Int for draws that repeat for the same `batch_size`, or `None`.
            batch_size: Positive int, examples at a time.
            tolerance: Number in [1e-6, 0.1], the largest error of a step of adaptive
                length, in parts of 1 + |x|; `None` takes `num_steps`.

        Returns:
            Float32 tensor of shape `(batch,)`; NaN for an example that would take more
            than 1,000 adaptive steps.

        Raises:
            ValueError: If an argument is out of range.

        References:
            - Ho, Jain and Abbeel, 2020, arXiv:2006.11239 (bound).
            - Song et al., 2021, arXiv:2011.13456 ("ode").

        Note:
            Song et al. take adaptive steps of tolerance 1e-5, one length for a batch.
            `num_steps` are even in the angle of sigma to alpha, in its logarithm: what
            is computed does not depend on the data, and the error falls with the
            fourth power of the steps.
        """
        options = self._likelihood_options(method, num_steps, num_probes, tolerance)
        if self.num_levels is not None:
            checks.levels("x", x, self.num_levels)
        state = seed_state(seed, self.seed_generator)
        return self._in_batches(
            self._log_prob, x, condition, batch_size, state, **options
        )

    def _likelihood_options(
        self, method=None, num_steps=None, num_probes=None, tolerance=None
    ) -> dict[str, Any]:
        """Returns checked options, with their defaults."""
        method = self.likelihood_methods[0] if method is None else method
        checks.choice("method", method, self.likelihood_methods)
        _check_tolerance(method, num_steps, tolerance)
        if tolerance is None:
            if num_steps is None:
                num_steps = self._default_steps(method)
            num_steps = checks.positive_int("num_steps", num_steps)
        steps = {"num_steps": num_steps, "tolerance": tolerance}
        if method == "bound":
            if num_probes is not None:
                raise ValueError(
                    '`num_probes` must be None for method="bound", which has no '
                    f"divergence. Received: num_probes={num_probes}"
                )
            return {"method": method, **steps, "num_probes": 0}
        if num_probes is None:
            num_probes = int(math.prod(self.data_shape) > _FEW_DIMS)
        num_probes = checks.integer("num_probes", num_probes)
        return {"method": method, **steps, "num_probes": num_probes}

    def _default_steps(self, method):
        return _FLOW_STEPS

    def kind_of_log_prob(
        self,
        method: str | None = None,
        num_steps: int | None = None,
        num_probes: int | None = None,
        seed: int | None = None,
        tolerance: float | None = None,
    ) -> str | None:
        """Returns what kind of number `log_prob` returns with these arguments.

        Exact divergences give an exact density, up to the steps' error.
        """
        options = self._likelihood_options(method, num_steps, num_probes, tolerance)
        is_exact = options["num_probes"] == 0
        if options["method"] == "bound":
            return "lower_bound"
        if self.num_levels is None:
            return "exact" if is_exact else "estimate"
        return "lower_bound" if is_exact else "estimated_lower_bound"

    def likelihood_protocol(
        self,
        method: str | None = None,
        num_steps: int | None = None,
        num_probes: int | None = None,
        seed: int | None = None,
        tolerance: float | None = None,
    ) -> dict[str, Any]:
        """Returns the arguments of `log_prob`, as a ledger names them."""
        options = self._likelihood_options(method, num_steps, num_probes, tolerance)
        protocol: dict[str, Any] = {"method": options["method"]}
        if tolerance is None:
            protocol["steps"] = options["num_steps"]
        else:
            protocol["tolerance"] = tolerance
        if options["method"] == "ode":
            protocol |= {
                "solver": "rk4" if tolerance is None else "dormand_prince_45",
                "probes": options["num_probes"],
                "first_time": self.schedule.first_time,
            }
            if self.num_levels is not None:
                protocol["noise_in_levels"] = "uniform"
        return {**protocol, "seed": seed}

    @compiled()
    def _log_prob(self, state, x, condition, *, method, **options):
        x, labels = self.data_and_condition(self._join(x, condition))
        return self._log_likelihood(x, labels, Seeds(state), method, **options)

    def _log_likelihood(
        self, x, labels, seeds, method, num_steps, tolerance, num_probes
    ):
        size = math.prod(self.data_shape)
        log_scale = 0.0
        if self.num_levels is not None:
            # log P(x) >= E log p(v), less the log of the levels' width 1 / num_levels
            noise = uniform(ops.shape(x), seeds)
            x = (ops.round(x * (self.num_levels - 1)) + noise) / self.num_levels
            log_scale = -size * math.log(self.num_levels)
        if self.is_of_images:
            log_scale += size * math.log(2.0)

        def denoise(x, row):
            # A copy of the labels that autograd may keep, on torch.
            return self._denoise(x, row, None if labels is None else 1.0 * labels)[0]

        log_density = flow_likelihood.log_prob(
            denoise,
            self._inside(x),
            self.schedule,
            num_steps,
            tolerance,
            num_probes,
            seeds,
        )
        return log_density + log_scale


def _check_tolerance(method, num_steps, tolerance) -> None:
    if tolerance is None:
        return
    if method == "bound" or num_steps is not None:
        raise ValueError(
            '`tolerance` must be None for method="bound", and where `num_steps` says '
            f"how many steps there are. Received: tolerance={tolerance}, "
            f"method={method!r}, num_steps={num_steps}"
        )
    # Below it float32's own errors count.
    if not 1e-6 <= checks.positive("tolerance", tolerance) <= 0.1:
        raise ValueError(
            "`tolerance` must lie in [1e-6, 0.1], where float32 can tell the errors "
            f"of steps. Received: tolerance={tolerance}"
        )
