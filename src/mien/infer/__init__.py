"""An image in, readings out: OpenCV and ONNX Runtime, never torch."""
