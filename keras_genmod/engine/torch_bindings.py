"""The shortest ways to call what torch records."""

from typing import Any

import torch


def directly(function: Any) -> Any:
    """Returns the shortest way to a function: bindings that take the same arguments."""
    if isinstance(function, torch._ops.OpOverload):
        return _BINDINGS.get(function, function._op)
    return function


_aten, _Tensor = torch.ops.aten, torch.Tensor
_BINDINGS = {
    _aten.add.Tensor: torch.add,
    _aten.addmm.default: torch.addmm,
    _aten.bmm.default: torch.bmm,
    _aten.cat.default: torch.cat,
    _aten.copy_.default: _Tensor.copy_,
    _aten.div.Tensor: torch.div,
    _aten.exp.default: torch.exp,
    _aten.expand.default: _Tensor.expand,
    _aten.log.default: torch.log,
    _aten.mm.default: torch.mm,
    _aten.mul.Tensor: torch.mul,
    _aten.narrow.default: torch.narrow,
    _aten.neg.default: torch.neg,
    _aten.permute.default: torch.permute,
    _aten.relu.default: torch.relu,
    _aten.select.int: torch.select,
    _aten.sigmoid.default: torch.sigmoid,
    _aten.sqrt.default: torch.sqrt,
    _aten.sub.Tensor: torch.sub,
    _aten.sum.dim_IntList: torch.sum,
    _aten.t.default: torch.t,
    _aten.tanh.default: torch.tanh,
    _aten.transpose.int: torch.transpose,
    _aten.unsqueeze.default: torch.unsqueeze,
    _aten.view.default: _Tensor.view,
    _aten._foreach_add.List: torch._foreach_add,
    _aten._foreach_add.Scalar: torch._foreach_add,
    _aten._foreach_add_.List: torch._foreach_add_,
    _aten._foreach_div.List: torch._foreach_div,
    _aten._foreach_mul.List: torch._foreach_mul,
    _aten._foreach_mul_.Scalar: torch._foreach_mul_,
    _aten._foreach_sqrt.default: torch._foreach_sqrt,
}
