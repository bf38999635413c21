"""What several test files build: networks, models, ONNX files, runs. What one file needs stays in that file."""
