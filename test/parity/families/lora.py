"""Low-rank adapters on a UNet, as peft adds them: rank, scale, names of modules, and a convolution among them."""

from families import unet2d_condition_model as unet
from family import case
from peft import LoraConfig

CLASS = unet.CLASS
LORA = {"rank": 4, "alpha": 6, "targetModules": ["to_q", "to_k", "to_v", "to_out.0", "conv1", "proj_in"]}

call = unet.call


def build(config):
    module = unet.build(config)
    module.add_adapter(LoraConfig(r=LORA["rank"], lora_alpha=LORA["alpha"], target_modules=LORA["targetModules"]))
    return module


FULL = {name: case(one.config, one.sizes, lora=LORA) for name, one in list(unet.FULL.items())[:2]}
REDUCED = {"small": case(next(iter(unet.REDUCED.values())).config, lora=LORA)}
