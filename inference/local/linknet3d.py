"""LinkNet in 3D, the network of deepbet (https://github.com/wwu-mmll/deepbet), as an ONNX graph around its weights.

A stem (7³ convolution and pooling, to a quarter), four residual stages of two blocks, four decoder stages
added to the encoder's, and an upsampling head with two channels (background, brain). Each convolution but the
last is followed by an instance norm without parameters. The layout is that of the TorchScript code shipped with
the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

EPSILON = 1e-5
OPSET, IR = 17, 8

Weights = Mapping[str, NDArray[np.float32]]


def build_graph(weights: Weights) -> bytes:
    """A serialised ONNX model: `image` (1, 1, depth, height, width) → `probability` (1, 2, …) after the softmax.

    Sides are multiples of 32.

    Raises:
        KeyError: the weights are not those of this network.
    """
    return _Graph(weights).whole()


class _Graph:
    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        # onnx is there only where the weights are.
        self._onnx: Any = import_module("onnx")
        self._nodes: list[Any] = []
        self._tensors: dict[str, Any] = {}

    def whole(self) -> bytes:
        """The network, from its input to its output."""
        helper, float32 = self._onnx.helper, self._onnx.TensorProto.FLOAT
        self._node("Softmax", [self._head(self._decoder(self._encoder()))], output="probability", axis=1)
        shape = [1, None, "depth", "height", "width"]
        graph = helper.make_graph(
            self._nodes,
            "LinkNet3d",
            [helper.make_tensor_value_info("image", float32, shape)],
            [helper.make_tensor_value_info("probability", float32, shape)],
            list(self._tensors.values()),
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
        return bytes(model.SerializeToString())

    def _encoder(self) -> list[str]:
        stem = self._relu(self._normed("image", "init.0", stride=2))
        stages = [self._node("MaxPool", [stem], kernel_shape=[3] * 3, strides=[2] * 3, pads=[1] * 6)]
        for stage in range(4):
            middle = self._block(stages[-1], f"down{stage}.block1", stride=1 if stage == 0 else 2)
            stages.append(self._block(middle, f"down{stage}.block2", stride=1))
        return stages

    def _decoder(self, stages: list[str]) -> str:
        value = stages[4]
        for stage in range(4):
            value = self._relu(self._normed(value, f"up{stage}.conv1.0"))
            value = self._relu(self._grown(value, f"up{stage}.tp_conv.0", stride=1 if stage == 3 else 2))
            value = self._relu(self._normed(value, f"up{stage}.conv2.0"))
            value = self._node("Add", [value, stages[3 - stage]])
        return value

    def _head(self, value: str) -> str:
        value = self._relu(self._grown(value, "tp_conv1.0", stride=2))
        value = self._relu(self._normed(value, "conv.0"))
        return self._transposed(value, "tp_conv2", stride=2)

    def _block(self, value: str, name: str, *, stride: int) -> str:
        inner = self._relu(self._normed(value, f"{name}.double_conv.0", stride=stride))
        inner = self._normed(inner, f"{name}.double_conv.3")
        if f"{name}.downsample.0.weight" in self._weights:
            value = self._normed(value, f"{name}.downsample.0", stride=stride)
        return self._relu(self._node("Add", [inner, value]))

    def _normed(self, value: str, name: str, *, stride: int = 1) -> str:
        kernel = self._weights[f"{name}.weight"]
        inputs = [value, *self._parameters(name)]
        convolved = self._node("Conv", inputs, strides=[stride] * 3, pads=[kernel.shape[-1] // 2] * 6)
        return self._norm(convolved, kernel.shape[0])

    def _grown(self, value: str, name: str, *, stride: int) -> str:
        return self._norm(self._transposed(value, name, stride=stride), self._weights[f"{name}.weight"].shape[1])

    def _transposed(self, value: str, name: str, *, stride: int) -> str:
        """A 3³ kernel is padded so that each side grows by the stride exactly; a 2³ kernel needs no padding."""
        odd = self._weights[f"{name}.weight"].shape[-1] % 2
        inputs = [value, *self._parameters(name)]
        extra = [stride - 1 if odd else 0] * 3
        return self._node("ConvTranspose", inputs, strides=[stride] * 3, pads=[odd] * 6, output_padding=extra)

    def _norm(self, value: str, channels: int) -> str:
        scale = self._constant(f"ones{channels}", np.ones(channels, np.float32))
        offset = self._constant(f"zeros{channels}", np.zeros(channels, np.float32))
        return self._node("InstanceNormalization", [value, scale, offset], epsilon=EPSILON)

    def _relu(self, value: str) -> str:
        return self._node("Relu", [value])

    def _parameters(self, name: str) -> list[str]:
        weight, bias = f"{name}.weight", f"{name}.bias"
        names = [weight, bias] if bias in self._weights else [weight]
        return [self._constant(key, self._weights[key]) for key in names]

    def _constant(self, name: str, values: NDArray[np.float32]) -> str:
        if name not in self._tensors:
            self._tensors[name] = self._onnx.numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def _node(self, kind: str, inputs: list[str], *, output: str = "", **attributes: Any) -> str:
        output = output or f"{kind}{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(kind, inputs, [output], **attributes))
        return output
