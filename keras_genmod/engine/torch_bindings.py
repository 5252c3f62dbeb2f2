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
    _aten.add_.Tensor: _Tensor.add_,
    _aten.addmm.default: torch.addmm,
    _aten.bmm.default: torch.bmm,
    _aten.cat.default: torch.cat,
    _aten.copy_.default: _Tensor.copy_,
    _aten.div.Tensor: torch.div,
    _aten.div_.Tensor: _Tensor.div_,
    _aten.exp.default: torch.exp,
    _aten.exp_.default: _Tensor.exp_,
    _aten.expand.default: _Tensor.expand,
    _aten.log.default: torch.log,
    _aten.mm.default: torch.mm,
    _aten.mul.Tensor: torch.mul,
    _aten.mul_.Tensor: _Tensor.mul_,
    _aten.narrow.default: torch.narrow,
    _aten.neg.default: torch.neg,
    _aten.neg_.default: _Tensor.neg_,
    _aten.permute.default: torch.permute,
    _aten.relu.default: torch.relu,
    _aten.relu_.default: _Tensor.relu_,
    _aten.select.int: torch.select,
    _aten.sigmoid.default: torch.sigmoid,
    _aten.sigmoid_.default: _Tensor.sigmoid_,
    _aten.sqrt.default: torch.sqrt,
    _aten.sqrt_.default: _Tensor.sqrt_,
    _aten.sub.Tensor: torch.sub,
    _aten.sub_.Tensor: _Tensor.sub_,
    _aten.sum.dim_IntList: torch.sum,
    _aten.t.default: torch.t,
    _aten.tanh.default: torch.tanh,
    _aten.tanh_.default: _Tensor.tanh_,
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
