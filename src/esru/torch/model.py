"""`quantise`: put the rounding of a `Rounding` into a model that exists already."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from torch import nn

from esru.errors import InputError
from esru.torch.config import Rounding
from esru.torch.layers import Conv2d, Embedding, Linear


def _linear(old: nn.Linear, rounding: Rounding) -> nn.Module:
    return Linear(
        old.in_features, old.out_features, old.bias is not None, rounding=rounding, device="meta"
    )


def _conv2d(old: nn.Conv2d, rounding: Rounding) -> nn.Module:
    return Conv2d(
        old.in_channels,
        old.out_channels,
        old.kernel_size,
        old.stride,
        old.padding,
        old.dilation,
        old.groups,
        old.bias is not None,
        old.padding_mode,
        rounding=rounding,
        device="meta",
    )


def _embedding(old: nn.Embedding, rounding: Rounding) -> nn.Module:
    return Embedding(
        old.num_embeddings,
        old.embedding_dim,
        old.padding_idx,
        old.max_norm,
        old.norm_type,
        old.scale_grad_by_freq,
        old.sparse,
        rounding=rounding,
        device="meta",
    )


#: Exact types only: a subclass may mean something else by its weight.
_MAKERS: dict[type[nn.Module], Callable[[Any, Rounding], nn.Module]] = {
    nn.Linear: _linear,
    nn.Conv2d: _conv2d,
    nn.Embedding: _embedding,
}


def quantise(model: nn.Module, rounding: Rounding, skip: Collection[str] = ()) -> nn.Module:
    """Replace every Linear, Conv2d and Embedding of a model by its rounded twin.

    Parameters are kept as they are, the very same objects, so that an optimizer made before
    still owns them.

    Parameters
    ----------
    model : torch.nn.Module
        Changed in place, unless it is such a layer itself.
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
        If a name in `skip` is no layer of the model, or nothing is left to replace.
    """
    layers = {
        name: found
        for name, found in model.named_modules(remove_duplicate=False)
        if type(found) in _MAKERS
    }
    for name in skip:
        if name not in layers:
            known = ", ".join(layers) or "none"
            raise InputError.must("Skipped layer", f"a layer of the model ({known})", repr(name))
    chosen = {name: layer for name, layer in layers.items() if name not in skip}
    if not chosen:
        rule = "one with a Linear, Conv2d or Embedding to replace"
        raise InputError.must("Model", rule, type(model).__name__)
    made: dict[nn.Module, nn.Module] = {}
    for name, old in chosen.items():
        # A layer that is used under two names stays one layer.
        new = made.get(old) or made.setdefault(old, _twin(old, rounding))
        if old is model:
            return new
        parent, _, own = name.rpartition(".")
        setattr(model.get_submodule(parent), own, new)
    return model


def _twin(old: nn.Module, rounding: Rounding) -> nn.Module:
    new = _MAKERS[type(old)](old, rounding)
    for name, parameter in old.named_parameters(recurse=False):
        setattr(new, name, parameter)
        for quantiser in new.children():
            quantiser.to(parameter.device)
    return new.train(old.training)
