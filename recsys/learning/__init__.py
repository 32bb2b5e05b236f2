"""Learning: from the views to a trained network as ONNX bytes; the only room with torch."""
