"""What is recognised in single-file checkpoints builds the very modules that the files were made from; diffusers' own conversion agrees on every name."""

import json
import subprocess
from collections import Counter

import pytest
import torch
from diffusers import AutoencoderKL, FluxTransformer2DModel, UNet2DConditionModel
from diffusers.loaders import single_file_utils
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, T5Config, T5EncoderModel

from conftest import ROOT
from single_files import flux_of_its_authors, hugging_face_clip, ldm_autoencoder, ldm_unet, open_clip, shapes_of, under, write_header

CROSS, PLAIN, CROSS_UP, PLAIN_UP = "CrossAttnDownBlock2D", "DownBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"
SD1_UNET = dict(block_out_channels=[320, 640, 1280, 1280], cross_attention_dim=768, attention_head_dim=8, sample_size=64)
SD2_UNET = dict(SD1_UNET, cross_attention_dim=1024, attention_head_dim=[5, 10, 20, 20], use_linear_projection=True, sample_size=96)
SDXL_UNET = dict(
    block_out_channels=[320, 640, 1280], down_block_types=[PLAIN, CROSS, CROSS], up_block_types=[CROSS_UP, CROSS_UP, PLAIN_UP], cross_attention_dim=2048, attention_head_dim=[5, 10, 20],
    use_linear_projection=True, transformer_layers_per_block=[1, 2, 10], addition_embed_type="text_time", addition_time_embed_dim=256, projection_class_embeddings_input_dim=2816, sample_size=128,
)
REFINER_UNET = dict(
    block_out_channels=[384, 768, 1536, 1536], down_block_types=[PLAIN, CROSS, CROSS, PLAIN], up_block_types=[PLAIN_UP, CROSS_UP, CROSS_UP, PLAIN_UP], cross_attention_dim=1280,
    attention_head_dim=[6, 12, 24, 24], use_linear_projection=True, transformer_layers_per_block=4, addition_embed_type="text_time", addition_time_embed_dim=256,
    projection_class_embeddings_input_dim=2560, sample_size=128,
)
VAE = dict(block_out_channels=[128, 256, 512, 512], down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4, layers_per_block=2, latent_channels=4)
FLUX_VAE = dict(VAE, latent_channels=16, use_quant_conv=False, use_post_quant_conv=False)
CLIP_L = dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
CLIP_H = dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=23, num_attention_heads=16, hidden_act="gelu")
CLIP_G = dict(hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=20, projection_dim=1280, hidden_act="gelu")
T5_XXL = dict(d_model=4096, d_ff=10240, num_layers=24, num_heads=64, feed_forward_proj="gated-gelu")
DEV = dict(num_layers=19, num_single_layers=38, guidance_embeds=True)
SMALL_UNET = dict(SD1_UNET, block_out_channels=[32, 64], down_block_types=[CROSS, PLAIN], up_block_types=[PLAIN_UP, CROSS_UP], layers_per_block=1, cross_attention_dim=64)


def meta(build, *args, **settings):
    with torch.device("meta"):
        return build(*args, **settings)


def unet(settings):
    return meta(UNet2DConditionModel, **settings)


def clip(settings, build=CLIPTextModel):
    return meta(build, CLIPTextConfig(**settings))


def ldm_checkpoint(unet_module, autoencoder, encoders):
    config = unet_module.config
    attention = [index for index, name in enumerate(config.up_block_types) if "Attn" in name]
    shapes = under("model.diffusion_model.", ldm_unet(shapes_of(unet_module), config.layers_per_block, attention))
    if autoencoder:
        shapes.update(under("first_stage_model.", ldm_autoencoder(shapes_of(autoencoder), len(autoencoder.config.block_out_channels))))
    return {**shapes, **encoders}


def stable_diffusion(unet_settings, vae_settings, encoders):
    """encoders: component -> (module, names in the file)"""
    modules = {"unet": unet(unet_settings), "vae": meta(AutoencoderKL, **vae_settings), **{name: module for name, (module, _) in encoders.items()}}
    names = {key: shape for _, shapes in encoders.values() for key, shape in shapes.items()}
    return modules, ldm_checkpoint(modules["unet"], modules["vae"], names)


def first(prefix, settings):
    module = clip(settings)
    return module, under(prefix, hugging_face_clip(shapes_of(module)))


def opened(prefix, settings, build=CLIPTextModel, extra_layers=0):
    module = clip(settings, build)
    return module, under(prefix, open_clip(shapes_of(module), settings["hidden_size"], extra_layers))


def flux(settings, prefix="", whole=False):
    modules = {"transformer": meta(FluxTransformer2DModel, **settings)}
    shapes = under(prefix, flux_of_its_authors(shapes_of(modules["transformer"])))
    if whole:
        modules.update(vae=meta(AutoencoderKL, **FLUX_VAE), text_encoder=clip(CLIP_L), text_encoder_2=meta(T5EncoderModel, T5Config(**T5_XXL)))
        shapes.update(under("vae.", ldm_autoencoder(shapes_of(modules["vae"]), 4)))
        shapes.update(under("text_encoders.clip_l.transformer.", hugging_face_clip(shapes_of(modules["text_encoder"]))))
        shapes.update(under("text_encoders.t5xxl.transformer.", {k: s for k, s in shapes_of(modules["text_encoder_2"]).items() if k != "encoder.embed_tokens.weight"}))
    return modules, shapes


def alone(name, module, rename=lambda shapes: shapes):
    return {name: module}, rename(shapes_of(module))


CASES = {
    "Stable Diffusion 1.5": lambda: stable_diffusion(SD1_UNET, VAE, {"text_encoder": first("cond_stage_model.transformer.", CLIP_L)}),
    "Stable Diffusion 1.5, inpainting": lambda: stable_diffusion(dict(SD1_UNET, in_channels=9), VAE, {"text_encoder": first("cond_stage_model.transformer.", CLIP_L)}),
    "InstructPix2Pix": lambda: stable_diffusion(dict(SD1_UNET, in_channels=8), VAE, {"text_encoder": first("cond_stage_model.transformer.", CLIP_L)}),
    "Stable Diffusion 2.1": lambda: stable_diffusion(SD2_UNET, VAE, {"text_encoder": opened("cond_stage_model.model.", CLIP_H, extra_layers=1)}),
    "Stable Diffusion XL": lambda: stable_diffusion(
        SDXL_UNET, VAE, {"text_encoder": first("conditioner.embedders.0.transformer.", CLIP_L), "text_encoder_2": opened("conditioner.embedders.1.model.", CLIP_G, CLIPTextModelWithProjection)}
    ),
    "Stable Diffusion XL, refiner": lambda: stable_diffusion(REFINER_UNET, VAE, {"text_encoder_2": opened("conditioner.embedders.0.model.", CLIP_G, CLIPTextModelWithProjection)}),
    "a small Stable Diffusion": lambda: stable_diffusion(
        SMALL_UNET, dict(VAE, block_out_channels=[32, 64], down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2, layers_per_block=1),
        {"text_encoder": first("cond_stage_model.transformer.", dict(hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=1, vocab_size=100))},
    ),
    "FLUX.1 dev": lambda: flux(DEV),
    "FLUX.1 schnell, under a prefix": lambda: flux(dict(DEV, guidance_embeds=False), "model.diffusion_model."),
    "FLUX.1 Fill": lambda: flux(dict(DEV, in_channels=384, out_channels=64)),
    "FLUX.1 dev with its encoders": lambda: flux(DEV, "model.diffusion_model.", whole=True),
    "a small FLUX": lambda: flux(dict(num_layers=2, num_single_layers=3, attention_head_dim=32, num_attention_heads=2, joint_attention_dim=24, pooled_projection_dim=12, axes_dims_rope=[4, 14, 14])),
    "a UNet of diffusers": lambda: alone("unet", unet(SDXL_UNET)),
    "a small UNet of diffusers": lambda: alone("unet", unet(SMALL_UNET)),
    "a FLUX transformer of diffusers": lambda: alone("transformer", meta(FluxTransformer2DModel, **DEV)),
    "an autoencoder of diffusers": lambda: alone("vae", meta(AutoencoderKL, **VAE)),
    "FLUX.1's autoencoder": lambda: alone("vae", meta(AutoencoderKL, **FLUX_VAE), lambda shapes: ldm_autoencoder(shapes, 4)),
    "a CLIP text model": lambda: alone("text_encoder", clip(CLIP_L), hugging_face_clip),
    "a CLIP text model with projection": lambda: alone("text_encoder", clip(CLIP_G, CLIPTextModelWithProjection), hugging_face_clip),
    "a T5 encoder": lambda: alone("text_encoder", meta(T5EncoderModel, T5Config(**T5_XXL))),
}
PIPELINES = {
    "Stable Diffusion 1.5": "StableDiffusionPipeline", "Stable Diffusion 1.5, inpainting": "StableDiffusionInpaintPipeline", "InstructPix2Pix": "StableDiffusionInstructPix2PixPipeline",
    "Stable Diffusion 2.1": "StableDiffusionPipeline", "Stable Diffusion XL": "StableDiffusionXLPipeline", "FLUX.1 dev with its encoders": "FluxPipeline", "FLUX.1 dev": "FluxTransformer2DModel",
}
BUILDERS = {"CLIPTextModel": CLIPTextModel, "CLIPTextModelWithProjection": CLIPTextModelWithProjection}


def rebuild(class_name, config):
    if class_name in BUILDERS:
        return meta(BUILDERS[class_name], CLIPTextConfig(**{k: v for k, v in config.items() if k not in ("architectures", "model_type")}))
    if class_name == "T5EncoderModel":
        return meta(T5EncoderModel, T5Config(**{k: v for k, v in config.items() if k not in ("architectures", "model_type")}))
    build = {"UNet2DConditionModel": UNet2DConditionModel, "AutoencoderKL": AutoencoderKL, "FluxTransformer2DModel": FluxTransformer2DModel}[class_name]
    return meta(build.from_config, config)


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    """Case -> (modules, names and shapes in the file, what the product says)."""
    scratch = tmp_path_factory.mktemp("single")
    script = scratch / "describeSingleFiles.js"
    subprocess.run([ROOT / "node_modules/.bin/esbuild", ROOT / "test/tools/describeSingleFiles.ts", "--bundle", "--platform=node", f"--outfile={script}", "--log-level=warning"], check=True, cwd=ROOT)
    made = {}
    for number, (name, make) in enumerate(CASES.items()):
        modules, shapes = make()
        write_header(scratch / f"{number}.safetensors", shapes)
        made[name] = (modules, shapes)
    output = subprocess.run(["node", script, *(scratch / f"{number}.safetensors" for number in range(len(CASES)))], check=True, cwd=ROOT, capture_output=True, text=True).stdout
    return {name: (*made[name], said) for name, said in zip(CASES, json.loads(output))}


@pytest.mark.parametrize("name", CASES)
def test_the_recognised_configuration_builds_the_same_modules(described, name):
    modules, _, said = described[name]
    assert "error" not in said, said["error"]
    assert said["class"] == PIPELINES.get(name, said["class"])
    assert set(said["components"]) - {"scheduler"} == set(modules)
    for component, module in modules.items():
        recognised = said["components"][component]
        rebuilt = rebuild(recognised["class"], recognised["config"])
        assert shapes_of(rebuilt) == shapes_of(module), component
        for setting in ("attention_head_dim", "num_attention_heads", "axes_dims_rope", "sample_size", "hidden_act", "num_heads"):
            if component != "vae" and setting in dict(module.config.items() if hasattr(module.config, "items") else module.config.to_dict()):
                ours, theirs = getattr(rebuilt.config, setting), getattr(module.config, setting)
                many = lambda value: list(value) if isinstance(value, (list, tuple)) else [value] * 4
                if "small" not in name and not (setting == "sample_size" and "unet" not in component):
                    assert many(ours)[: len(many(theirs))] == many(theirs)[: len(many(ours))], f"{component}: {setting}"


def in_training(component, module):
    """A VAE in training runs its encoder half."""
    return {k: s for k, s in shapes_of(module).items() if component != "vae" or k.startswith(("encoder.", "quant_conv."))}


def total(shapes):
    return sum(torch.Size(shape).numel() for shape in shapes.values())


@pytest.mark.parametrize("name", CASES)
def test_the_counted_parameters_are_those_of_the_file(described, name):
    modules, shapes, said = described[name]
    for component, module in modules.items():
        tied = {k: s for k, s in in_training(component, module).items() if not (k == "encoder.embed_tokens.weight" and hasattr(module, "shared")) and "position_ids" not in k}
        assert said["parameters"][component] == total(tied), component
    prefix = next((p for p in ("model.diffusion_model.", "double_blocks.") if any(k.startswith(p) for k in shapes)), None)
    backbone = {k: s for k, s in shapes.items() if k.startswith("model.diffusion_model.") or prefix != "model.diffusion_model."}
    if prefix and set(modules) & {"unet", "transformer"}:
        assert said["parameters"]["unet" if "unet" in modules else "transformer"] == total(backbone)


def meta_tensors(shapes):
    return {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}


@pytest.mark.parametrize("name", [name for name in CASES if "Stable" in name or "Pix2Pix" in name])
def test_diffusers_converts_these_names_of_a_unet_and_an_autoencoder(described, name):
    modules, shapes, _ = described[name]
    converted = single_file_utils.convert_ldm_unet_checkpoint(meta_tensors(shapes), modules["unet"].config)
    assert Counter({k: tuple(v.shape) for k, v in converted.items()}) == Counter({k: tuple(v) for k, v in shapes_of(modules["unet"]).items()})
    converted = single_file_utils.convert_ldm_vae_checkpoint(meta_tensors(shapes), modules["vae"].config)
    assert {k: list(v.shape) for k, v in converted.items()} == shapes_of(modules["vae"])


@pytest.mark.parametrize("name", ["FLUX.1 dev", "FLUX.1 schnell, under a prefix", "FLUX.1 Fill"])
def test_diffusers_converts_these_names_of_flux(described, name):
    modules, shapes, _ = described[name]
    converted = single_file_utils.convert_flux_transformer_checkpoint_to_diffusers(meta_tensors(shapes))
    assert {k: list(v.shape) for k, v in converted.items()} == shapes_of(modules["transformer"])


def test_diffusers_converts_these_names_of_text_encoders(described):
    modules, shapes, _ = described["Stable Diffusion XL"]
    converted = single_file_utils.convert_ldm_clip_checkpoint(meta_tensors(shapes))
    assert {k: list(v.shape) for k, v in converted.items()} == hugging_face_clip(shapes_of(modules["text_encoder"]))
    second = modules["text_encoder_2"]
    converted = single_file_utils.convert_open_clip_checkpoint(second, meta_tensors(shapes), prefix="conditioner.embedders.1.model.")
    assert {k: list(v.shape) for k, v in converted.items() if k != "text_projection.weight"} == {k: s for k, s in hugging_face_clip(shapes_of(second)).items() if k != "text_projection.weight"}
