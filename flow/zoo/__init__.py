"""The zoo: trained networks that come with Askew, each an integer network, the QONNX file beside it, and its config.

`askew zoo get NAME --run R` makes a run of one; `python -m flow.zoo` puts a run's network into the zoo.
"""
