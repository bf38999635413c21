"""Networks to train: their layers, plans and models."""
