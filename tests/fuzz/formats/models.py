"""ONNX files, ours and handmade ones, against qonnx's executor; checkpoints, against what was saved."""

import io
import random
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from bnn.errors import UserError
from hw.simulator import Backend, simulate
from onnx_export.graph_export import export_graph
from onnx_export.importer import import_qonnx
from tests.fuzz import mutate
from tests.fuzz.format import Format
from tests.support.random_models import RandomModel
from training.config.load import load_config
from training.fit.checkpoint import latest_epoch, load_trained

QONNX = "qonnx.custom_op.general"
FRAMES = 6
GRAPHS = (3, 7, 11)  # seeds of random graphs: adds, concatenations, pools of all kinds, groups
GROWING = ("ConstantOfShape", "Expand", "Tile", "Range", "Pad", "Loop")


def convolutional() -> bytes:
    """A convolution of quantized weights, batch norm, MultiThreshold, a pool, Flatten, Gemm and TopK: (1, 2, 5, 5)."""
    rng = np.random.default_rng(7)
    constants, nodes = [], []

    def constant(values, dtype=np.float32):
        constants.append(numpy_helper.from_array(np.asarray(values, dtype), f"c{len(constants)}"))
        return constants[-1].name

    def node(op, *inputs, domain="", **attributes):
        nodes.append(
            helper.make_node(op, inputs, [f"t{len(nodes)}"], f"{op}_{len(nodes)}", domain=domain, **attributes)
        )
        return nodes[-1].output[0]

    one, zero = constant(1.0), constant(0.0)
    weights = node("BipolarQuant", constant(rng.standard_normal((3, 2, 3, 3))), one, domain=QONNX)
    bipolar = node("BipolarQuant", node("Sub", "image", constant(0.5)), one, domain=QONNX)
    found = node("Conv", bipolar, weights, kernel_shape=[3, 3], strides=[1, 1], pads=[0, 0, 0, 0])
    parameters = [constant(values) for values in ([1, -1, 0.5], [0.5, 1, -1], [0, 1, 2], [1, 2, 4])]
    found = node("BatchNormalization", found, *parameters, epsilon=1e-5)
    thresholds = constant([[0.5], [-0.25], [0.0]])
    attributes = {"out_scale": 2.0, "out_bias": -1.0, "out_dtype": "BIPOLAR"}
    found = node("MultiThreshold", found, thresholds, domain=QONNX, **attributes)
    found = node("MaxPool", found, kernel_shape=[2, 2], strides=[1, 1])
    found = node("Reshape", found, constant([1, -1], np.int64))
    dense = node(
        "Quant", constant(rng.choice([-1.0, 1.0], (4, 12))), one, zero, constant(2.0), domain=QONNX, signed=1, narrow=1
    )
    found = node("Gemm", found, dense, constant([0.0, 0.25, 0.5, -0.25]), transB=1)
    graph = helper.make_graph(
        nodes,
        "handmade",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 2, 5, 5])],
        [helper.make_tensor_value_info(found, TensorProto.FLOAT, [1, 4])],
        constants,
    )
    imports = [helper.make_opsetid("", 13), helper.make_opsetid(QONNX, 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8).SerializeToString()


def graph_file(seed: int) -> bytes:
    """A random graph as our own exporter writes it."""
    model = RandomModel(np.random.default_rng(seed)).model
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.onnx"
        export_graph(model, path, network_hash="0" * 64)
        return path.read_bytes()


def of_model(rng: random.Random, whole: bytes) -> bytes:
    """A change of the message's fields."""
    model = onnx.load_from_string(whole)
    graph = model.graph
    node, tensor = rng.choice(graph.node), rng.choice(graph.initializer)
    attributes = [entry for one in graph.node for entry in one.attribute]
    attribute = rng.choice(attributes)
    number = rng.choice(mutate.NUMBERS)
    match rng.randrange(15):
        case 0:
            tensor.dims[:] = rng.choice(([number], [2**31, 2**31], [0], [], list(tensor.dims)[::-1], [*tensor.dims, 1]))
        case 1:
            tensor.data_type = rng.choice((0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 14, 16, 22, 99, 2**31 - 1))
        case 2:
            tensor.raw_data = mutate.of_bytes(rng, tensor.raw_data or b"\x00")
        case 3:
            attribute.i, attribute.f = max(-(2**63), number), rng.choice((0.0, -1.0, 1e38, float("nan"), 0.5))
            if attribute.ints:
                attribute.ints[rng.randrange(len(attribute.ints))] = number
        case 4:
            attribute.s = rng.choice((b"\xff\xfe", b"", b"FOO", b"x" * 4000, b"NHWC", b"FLOOR"))
        case 5:
            attribute.type = rng.randrange(0, 15)
        case 6:
            attribute.name = rng.choice(("", "x", "axis", "signed", "transB", "alpha"))
        case 7:
            node.op_type = rng.choice([other.op_type for other in graph.node] + ["", "Loop", "Relu", "Neg", "Sign"])
        case 8:
            names = [name for other in graph.node for name in (*other.input, *other.output)]
            if node.input:
                node.input[rng.randrange(len(node.input))] = rng.choice([*names, "", "nowhere"])
        case 9:
            rng.choice((graph.node.remove, lambda one: graph.node.extend([one]), lambda one: one.ClearField("input")))(
                node
            )
        case 10:
            graph.initializer.remove(tensor)
        case 11:
            shape = graph.input[0].type.tensor_type.shape
            shape.dim[rng.randrange(len(shape.dim))].dim_value = number
        case 12:
            graph.input[0].type.tensor_type.elem_type = rng.choice((0, 2, 3, 7, 10, 11, 99))
            model.opset_import[0].version = rng.choice((9, 13, 18, 20, 99, -1))
        case 13:
            _grow(rng, graph, tensor)
        case 14:
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in (
                ("location", rng.choice(("/dev/zero", "../x", "model.onnx", "\x00"))),
                ("length", "9" * 15),
            ):
                tensor.external_data.add(key=key, value=value)
    return model.SerializeToString()


def _grow(rng, graph, tensor) -> None:
    """A few constants that ask for TiB in the place of one that is there."""
    name, op = tensor.name, rng.choice(GROWING)
    sizes = rng.choice(([2**40], [2**20, 2**20], [-1], [2**62, 2**62]))
    tensor.name = f"{name}_before"
    size, start = (numpy_helper.from_array(np.array(values), f"{name}_{i}") for i, values in enumerate((sizes, 0)))
    graph.initializer.extend([size, start, numpy_helper.from_array(np.array(2**40), f"{name}_end")])
    inputs = {
        "ConstantOfShape": [size.name],
        "Range": [start.name, f"{name}_end", start.name],
        "Loop": [f"{name}_end", "", tensor.name],
    }.get(op, [tensor.name, size.name])
    made = helper.make_node(op, inputs, [name], name="grown")
    if op == "Loop":
        made.attribute.append(helper.make_attribute("body", helper.make_graph([], "b", [], [])))
    graph.node.insert(0, made)


class Onnx(Format):
    """Import and simulation, held to qonnx's own executor on the same damaged file."""

    name, share = "onnx", 30

    def whole(self):
        whole = {"own.onnx": (self.run / "model.onnx").read_bytes(), "conv.onnx": convolutional()}
        return whole | {f"graph{seed}.onnx": graph_file(seed) for seed in GRAPHS}

    def damage(self, rng, name, whole):
        return of_model(rng, whole) if rng.random() < 0.6 else mutate.of_bytes(rng, whole)

    def read(self, file, name):
        imported = import_qonnx(file)
        shape = imported.network.input.shape
        images = np.random.default_rng(11).integers(0, 256, (FRAMES, *shape), np.uint8)
        scores = simulate(imported.network, images, backend=Backend.NUMPY)
        return Classified(imported, images, scores.argmax(axis=1))

    def truth(self, file, name, ours):
        from qonnx.core.modelwrapper import ModelWrapper
        from qonnx.core.onnx_exec import execute_onnx
        from qonnx.transformation.infer_shapes import InferShapes

        loaded = onnx.load(file)
        loaded.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT  # pixels of UINT8 enter as what they are
        model = ModelWrapper(loaded).transform(InferShapes())
        source, target = model.graph.input[0].name, model.graph.output[0].name
        answers = []
        for tensor in ours.tensors():
            logits = execute_onnx(model, {source: tensor})[target].reshape(-1)
            answers.append(logits)
        return answers

    def equal(self, ours, theirs):
        if isinstance(theirs, Classified):
            return bool(np.array_equal(ours.classes, theirs.classes)) and ours.hash == theirs.hash
        pairs = zip(ours.classes, theirs, strict=True)
        return all(logits.size == ours.count and logits[chosen] >= logits.max() - 1e-5 for chosen, logits in pairs)


class Classified:
    """The classes of some images, and what the file's own input would be of each."""

    def __init__(self, imported, images, classes):
        self.hash, self.count = imported.network.hash, imported.network.classes
        self.images, self.classes, self._imported = images, classes, imported

    def tensors(self):
        imported = self._imported
        for image in self.images:
            flat = np.empty(image.size, np.float32)
            flat[imported.arrangement] = (np.arange(256) * imported.input_scale).astype(np.float32)[image.reshape(-1)]
            yield flat.reshape(imported.tensor_shape)


class Checkpoint(Format):
    """A finished training: the model's own parameters."""

    name, share = "checkpoint", 8

    def whole(self):
        whole = (self.run / "checkpoint.ckpt").read_bytes()
        contents = mutate.members(whole)
        contents[next(name for name in contents if name.endswith("data/1"))] = bytes(600 << 20)
        return {"checkpoint.ckpt": whole, "bomb.ckpt": mutate.zipped(contents, compressed=True)}

    def prepare(self, folder):
        self.config = load_config(self.run / "config.toml")

    def damage(self, rng, name, whole):
        if name == "bomb.ckpt" or rng.random() < 0.5:
            return mutate.of_bytes(rng, whole)
        return of_checkpoint(rng, whole)

    def read(self, file, name):
        return load_trained(file, self.config).state_dict()

    def truth(self, file, name, ours):
        return torch.load(file, weights_only=True)["state"]

    def equal(self, ours, theirs):
        return ours.keys() == theirs.keys() and all(same_tensor(ours[key], theirs[key]) for key in ours)


class Epoch(Format):
    """A checkpoint that a training goes on from: unreadable ones are passed over, which is as good as a refusal."""

    name, share = "epoch checkpoint", 4

    def whole(self):
        file = sorted((self.run / "checkpoints").glob("epoch-*.ckpt"))[-1]
        return {file.name: file.read_bytes()}

    def damage(self, rng, name, whole):
        return mutate.of_bytes(rng, whole) if rng.random() < 0.5 else of_checkpoint(rng, whole)

    def read(self, file, name):
        found = latest_epoch(file.parent)
        if found is None:
            raise UserError("no epoch checkpoint can be read: the training begins anew")
        return found[1]["state_dict"]

    def truth(self, file, name, ours):
        return torch.load(file, weights_only=True)["state_dict"]

    def equal(self, ours, theirs):
        return ours.keys() == theirs.keys() and all(same_tensor(ours[key], theirs[key]) for key in ours)


def same_tensor(a, b) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.numpy().tobytes() == b.numpy().tobytes()


def of_checkpoint(rng: random.Random, whole: bytes) -> bytes:
    """Another value in the table, saved by PyTorch; or another pickle or member with a right checksum."""
    if rng.random() < 0.5:
        content = torch.load(io.BytesIO(whole), weights_only=True)
        mutate.of_tree(rng, content)
        file = io.BytesIO()
        torch.save(content, file)
        return file.getvalue()
    contents = mutate.members(whole)
    pickled = next(name for name in contents if name.endswith("data.pkl"))
    if rng.random() < 0.3:
        hostile = (
            b"\x80\x02cos\nsystem\nX\x01\x00\x00\x00x\x85R.",
            b"\x80\x02cbuiltins\nbytearray\n\x8a\x06\x00\x00\x00\x00\x00\x01\x85R.",
        )
        contents[pickled] = rng.choice(
            (*hostile, b"\x80\x02Nr\xff\xff\xff\x7f.", b"\x80\x05\x96" + b"\xff" * 7 + b"\x00.")
        )
    else:
        name = pickled if rng.random() < 0.8 else rng.choice(list(contents))
        contents[name] = mutate.of_bytes(rng, contents[name] or b"\x00")
    return mutate.zipped(contents)
