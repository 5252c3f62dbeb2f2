"""Reads exported files by their own runtimes, as a server does, without Keras."""

import numpy as np
import pytest


def outputs_of(path, format, inputs):
    """Returns what a file computes of arrays.

    Args:
        path: String.
        format: As in `export`.
        inputs: Dict of arrays by the names of the file's inputs, in their order.
    """
    return _READERS[format](str(path), inputs)


def _saved_model(path, inputs):
    import tensorflow as tf

    program = tf.saved_model.load(path)  # which holds the variables of `serve`
    return program.serve(*map(tf.constant, inputs.values())).numpy()


def _onnx(path, inputs):
    runtime = pytest.importorskip("onnxruntime", reason="`pip install onnxruntime`")
    session = runtime.InferenceSession(path)
    names = [each.name for each in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs.values(), strict=True)))[0]


def _litert(path, inputs):
    import tensorflow as tf

    resolver = tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    reader = tf.lite.Interpreter(path, experimental_op_resolver_type=resolver)
    places = {
        name: next(e["index"] for e in reader.get_input_details() if name in e["name"])
        for name in inputs
    }
    for name, value in inputs.items():
        reader.resize_tensor_input(places[name], value.shape)
    reader.allocate_tensors()
    for name, value in inputs.items():
        reader.set_tensor(places[name], value)
    reader.invoke()
    return reader.get_tensor(reader.get_output_details()[0]["index"])


def _openvino(path, inputs):
    openvino = pytest.importorskip("openvino", reason="`pip install openvino`")
    # Of itself it computes in bfloat16 where the processor can.
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    program = openvino.Core().compile_model(path, "CPU", exact)
    return program(list(inputs.values()))[0]


def _torch(path, inputs):
    import torch

    program = torch.export.load(path).module()
    arrays = [torch.from_numpy(np.array(value)) for value in inputs.values()]
    return program(*arrays).detach().numpy()


_READERS = {
    "tf_saved_model": _saved_model,
    "onnx": _onnx,
    "litert": _litert,
    "openvino": _openvino,
    "torch": _torch,
}
