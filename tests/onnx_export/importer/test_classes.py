"""Classifiers of one logit. Oracle: qonnx's logit, which is above 0 or is not."""

import numpy as np
import pytest

from onnx_export.importer import import_qonnx


def one_logit(build, bipolar, rng, width, *behind):
    graph = build((1, 8))
    graph.node("Sub", 0.5)
    graph.sign()
    graph.dense(bipolar(rng, width, 8), name="first")
    graph.sign()
    graph.dense(bipolar(rng, 1, width), name="second")
    for op, *constants in behind:
        graph.node(op, *constants)
    return graph


@pytest.mark.parametrize("width", [5, 6])  # 6: the logit can be 0, which is class 0
@pytest.mark.parametrize("behind", [(), (("Sigmoid",),), (("Mul", -0.5), ("Add", 0.25)), (("Relu",),), (("Mul", 0.0),)])
def test_the_class_is_1_where_the_logit_is_above_0(build, bipolar, naive_run, tmp_path, width, behind):
    rng = np.random.default_rng(31)
    imported = import_qonnx(one_logit(build, bipolar, rng, width, *behind).save(tmp_path / "m.onnx"))
    assert imported.network.classes == 2
    assert any(note.startswith("one logit: class 1 where it is above 0") for note in imported.notes)
    if behind == (("Sigmoid",),):
        assert any("Sigmoid) is left out: it is above 0.5 where the logit is" in note for note in imported.notes)
    rng = np.random.default_rng(31)
    first, second = bipolar(rng, width, 8), bipolar(rng, 1, width)
    seen = set()
    for image in rng.integers(0, 256, (60, 1, 1, 8), np.uint8):
        hidden = np.where(first @ np.where(image.reshape(8) / 255 >= 0.5, 1, -1) >= 0, 1, -1)
        logit = float((second @ hidden)[0])
        for op, *constants in behind:
            match op:
                case "Mul":
                    logit *= constants[0]
                case "Add":
                    logit += constants[0]
                case "Relu":
                    logit = max(logit, 0.0)
        seen.add(np.sign(logit))
        assert naive_run(imported.network, image)["second"].argmax() == (logit > 0)
    assert len(seen) > 1 or behind == (("Mul", 0.0),)
    assert (0 in seen) == (
        (width == 6 and behind in [(), (("Sigmoid",),)]) or behind in [(("Relu",),), (("Mul", 0.0),)]
    )


def test_sigmoids_of_many_classes_and_moves_behind_them(build, bipolar, naive_run, file_logits, tmp_path):
    rng = np.random.default_rng(32)
    graph = build((1, 8))
    graph.node("Sub", 0.5)
    graph.sign()
    graph.dense(bipolar(rng, 4, 8), name="only")
    graph.node("Sigmoid")
    graph.raw("Reshape", [graph.tensor, graph.constant([4], np.int64)])
    path = graph.save(tmp_path / "m.onnx")
    imported = import_qonnx(path)
    images = rng.integers(0, 256, (9, 1, 1, 8), np.uint8)
    for image, outputs in zip(images, file_logits(path, imported, images), strict=True):
        assert naive_run(imported.network, image)["only"].argmax() == outputs.argmax()
