"""`quantise`: put the rounding of a `Rounding` into a model that exists already."""

from __future__ import annotations

import warnings
from collections.abc import Collection

from torch import nn

from esru.errors import InputError
from esru.torch.config import KINDS, Rounding
from esru.torch.layers import Conv2d, Embedding, Linear

#: Exact types only: a subclass may mean something else by its weight.
_TWINS: dict[type[nn.Module], type[Linear | Conv2d | Embedding]] = {
    nn.Linear: Linear,
    nn.Conv2d: Conv2d,
    nn.Embedding: Embedding,
}


def quantise(model: nn.Module, rounding: Rounding, skip: Collection[str] = ()) -> nn.Module:
    """Make every Linear, Conv2d and Embedding of a model its rounded twin.

    Layers and parameters stay the very same objects, with their hooks, so that an optimizer made
    before still owns them, and weight normalisation and pruning by hooks go on.

    Parameters
    ----------
    model : torch.nn.Module
        Changed in place.
    rounding : Rounding
        Which tensors go through which unit.
    skip : collection of str
        Names of layers, as ``named_modules`` has them, to be left alone.

    Returns
    -------
    torch.nn.Module
        The model.

    Raises
    ------
    InputError
        If a name in `skip` is no layer of the model, or nothing is left to round.

    Warns
    -----
    UserWarning
        Naming the matrices that are not rounded, since they belong to modules of another kind: a
        subclass, a layer with ``torch.nn.utils.parametrize``, `torch.nn.MultiheadAttention`. Name
        the module in `skip` where that is meant.
    """
    layers = {
        name: found
        for name, found in model.named_modules(remove_duplicate=False)
        if type(found) in _TWINS
    }
    others = _unrounded(model)
    for name in skip:
        if name not in layers and name not in others:
            known = ", ".join([*layers, *others]) or "none"
            raise InputError.must("Skipped layer", f"a layer of the model ({known})", repr(name))
    chosen = {name: layer for name, layer in layers.items() if name not in skip}
    if not chosen:
        rule = "one with a Linear, Conv2d or Embedding to replace"
        raise InputError.must("Model", rule, type(model).__name__)
    left = [text for name, texts in others.items() if name not in skip for text in texts]
    if left:
        warnings.warn(f"not rounded by quantise: {', '.join(left)}", UserWarning, stacklevel=2)
    for kind in KINDS:
        if kind != "updates":
            rounding.quantiser(kind)  # refuses what does not suit the lanes before anything changes
    # A layer that is used under two names stays one layer.
    for layer in dict.fromkeys(chosen.values()):
        layer.__class__ = _TWINS[type(layer)]
        assert isinstance(layer, (Linear, Conv2d, Embedding))
        layer.round_by(rounding)
    for module in model.modules():
        _leave_fast_path(module)
    return model


def _unrounded(model: nn.Module) -> dict[str, list[str]]:
    """Return the matrices of modules that have no twin, by the module's name, described."""
    found: dict[str, list[str]] = {}
    for name, module in model.named_modules():
        if type(module) in _TWINS or isinstance(module, (Linear, Conv2d, Embedding)):
            continue
        kind = type(module).__name__
        for own, parameter in module.named_parameters(recurse=False):
            if parameter.dim() >= 2:
                whole = f"{name}.{own}" if name else own
                found.setdefault(name, []).append(f"{whole} ({kind})")
    return found


def _leave_fast_path(module: nn.Module) -> None:
    """Let no encoder of torch go past its rounded layers.

    In evaluation these have one fused operator, which reads the layers' weights and nothing else.
    Each of the two settings is among what it asks for.
    """
    if not any(isinstance(child, Linear) for child in module.modules()):
        return
    if isinstance(module, nn.TransformerEncoderLayer):
        module.activation_relu_or_gelu = 0
    elif isinstance(module, nn.TransformerEncoder):
        module.use_nested_tensor = False
