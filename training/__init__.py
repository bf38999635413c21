"""From images to a trained binary network: data sets, models, Brevitas quantizers and the trainer."""
