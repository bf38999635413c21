"""The fraction of +1 before the threshold shift: of the same values, with the sign taken at zero."""

from __future__ import annotations

from flow.report.evidence import config_table
from flow.run.figures.export import ExportFigures
from flow.run.figures.simulate import Fractions
from flow.run.folder import Golden, RunFolder, sha256
from flow.run.plus_fraction import PROFILE_FRAMES, describe_fractions


def before_shift(run: RunFolder, exported: ExportFigures | None, golden: Golden) -> dict[str, Fractions]:
    """Layer to its fractions over the profile's frames.

    Only the shift of the layer itself is left out, so that both fractions are of the same accumulators. Names are as in
    ``TrainableNetwork.trace``: a layer that pools before its activation is found under its pool's name. Layers without
    a shift are left out, and all are where the checkpoint that was exported is no longer there.
    """
    shift = config_table(run, "activation").get("threshold_shift", 0.0)
    if not (any(shift) if isinstance(shift, list) else shift):
        return {}
    if exported is None or not run.checkpoint.exists() or exported.checkpoint_sha256 != sha256(run.checkpoint):
        return {}
    import torch  # noqa: PLC0415 - takes seconds to import, and few runs need it

    from training.config.load import load_config  # noqa: PLC0415
    from training.fit.train import load_exportable  # noqa: PLC0415
    from training.networks.layers import ThresholdShift  # noqa: PLC0415
    from training.networks.models import evaluating, to_pixels  # noqa: PLC0415

    model = load_exportable(run.checkpoint, load_config(run.config))
    found: dict[str, Fractions] = {}

    def watch(name: str, module: ThresholdShift) -> None:
        def note(_: torch.nn.Module, given: tuple[torch.Tensor]) -> None:
            values = given[0].detach()
            over = tuple(axis for axis in range(values.dim()) if axis != 1)
            channels = (values >= 0).double().mean(dim=over).cpu().numpy()
            found[name] = Fractions.model_validate(describe_fractions(channels))

        module.register_forward_pre_hook(note)

    for name, module in model.threshold_shifts().items():
        watch(name, module)
    with evaluating(model), torch.no_grad():
        model(to_pixels(golden.images[:PROFILE_FRAMES], model.device))
    return found
