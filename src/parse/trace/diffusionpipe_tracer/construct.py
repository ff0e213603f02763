"""The module to be traced: its class found by name, built from a configuration."""

from __future__ import annotations

import importlib

from torch import nn

from .problem import TraceProblem, last_line


def find_class(name: str) -> type[nn.Module]:
    """`name` is "package.module:Class", e.g. "diffusers:UNet1DModel"."""
    module_name, _, class_name = name.partition(":")
    if not module_name or not class_name:
        raise TraceProblem("class", f'Expected "module:Class", found "{name}".')
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        raise TraceProblem("import", f'"{module_name}" cannot be imported: {last_line(error)}', error) from error
    found = module
    for part in class_name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            known = sorted(key for key, value in vars(module).items() if isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ == module.__name__)
            hint = f" Modules there: {', '.join(known[:20])}." if known else ""
            raise TraceProblem("class", f'"{module_name}" has no class "{class_name}".{hint}') from error
        except (Exception, SystemExit) as error:
            raise TraceProblem("import", f'"{name}" cannot be imported: {last_line(error)}', error) from error
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise TraceProblem("class", f'"{name}" is not a class derived from torch.nn.Module.')
    return found


def build(cls: type[nn.Module], config: dict) -> nn.Module:
    """diffusers' classes by `from_config`, transformers' by their configuration class, others with the settings as keyword arguments."""
    try:
        if hasattr(cls, "from_config") and hasattr(cls, "load_config"):
            module = cls.from_config(config)
        elif getattr(cls, "config_class", None) is not None and hasattr(cls, "from_pretrained"):
            settings = {key: value for key, value in config.items() if key not in ("architectures", "model_type", "transformers_version")}
            module = cls(cls.config_class(**settings))
        else:
            module = cls(**config)
    except (Exception, SystemExit) as error:
        raise TraceProblem("constructor", f"{cls.__name__} cannot be built from the configuration: {last_line(error)}", error) from error
    lazy = [name for name, parameter in module.named_parameters() if isinstance(parameter, nn.parameter.UninitializedParameter)]
    if lazy:
        raise TraceProblem("constructor", f'"{lazy[0]}" has no shape before the first forward pass; lazy modules cannot be traced.')
    return module


def settings_of(module: nn.Module, config: dict) -> dict:
    """The configuration with the class's defaults filled in, where the module keeps it."""
    own = getattr(module, "config", None)
    if hasattr(own, "to_dict"):
        own = own.to_dict()
    try:
        return {**config, **dict(own)} if own is not None else dict(config)
    except (TypeError, ValueError):
        return dict(config)
