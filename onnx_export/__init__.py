"""From a trained model to QONNX, and from QONNX to the integer network."""
