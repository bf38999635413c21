"""A small builder of ONNX files, by hand with onnx.helper: no exporter stands behind it."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

QONNX = "qonnx.custom_op.general"
CUSTOM = {"BipolarQuant", "Quant", "MultiThreshold", "XnorPopcountMatMul", "Im2Col", "MaxPoolNHWC"}


class Builder:
    """Collects nodes in a chain; ``tensor`` is the end of it."""

    def __init__(self, input_shape, *, opset=13, input_type=TensorProto.FLOAT):
        self.opset, self.input_shape, self.input_type = opset, list(input_shape), input_type
        self.nodes, self.constants, self.tensor = [], [], "image"
        self.more_outputs = []
        self.open_input = self.input_shape[:]

    def constant(self, value, dtype=np.float32):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def node(self, op, *constants, name=None, first=None, domain=None, **attributes):
        """Append a node: the chain's tensor, or ``first``, and the constants are its inputs."""
        inputs = [self.tensor if first is None else first]
        inputs += [value if isinstance(value, str) else self.constant(value) for value in constants]
        return self.raw(op, inputs, name=name, domain=domain, **attributes)

    def raw(self, op, inputs, name=None, domain=None, **attributes):
        self.tensor = f"t{len(self.nodes)}"
        domain = (QONNX if op in CUSTOM else "") if domain is None else domain
        self.nodes.append(
            helper.make_node(
                op, inputs, [self.tensor], name=name or f"{op}_{len(self.nodes)}", domain=domain, **attributes
            )
        )
        return self.tensor

    def off_chain(self, op, value, *constants, **attributes):
        """A node on constants alone, such as a quantizer of weights; gives its tensor."""
        kept, weights = self.tensor, self.constant(value)
        made = self.raw(op, [weights, *(self.constant(entry) for entry in constants)], **attributes)
        self.tensor = kept
        return made

    def dense(self, weights, name=None):
        """MatMul with (mh, mw) weights."""
        return self.node("MatMul", np.asarray(weights, np.float32).T, name=name)

    def sign(self):
        return self.node("BipolarQuant", 1.0)

    def model(self, output_type=TensorProto.FLOAT):
        graph = helper.make_graph(
            self.nodes,
            "handmade",
            [helper.make_tensor_value_info("image", self.input_type, self.input_shape)],
            [helper.make_tensor_value_info(name, output_type, None) for name in (self.tensor, *self.more_outputs)],
            self.constants,
        )
        imports = [helper.make_opsetid("", self.opset), helper.make_opsetid(QONNX, 1)]
        return helper.make_model(graph, opset_imports=imports, ir_version=8)

    def save(self, path, **keywords):
        onnx.save(self.model(**keywords), path)
        return path
