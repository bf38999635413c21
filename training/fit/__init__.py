"""The trainer: fitting, checkpoints, resuming, evaluation."""
