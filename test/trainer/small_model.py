"""A StableDiffusionPipeline folder so small that twenty iterations take seconds, and data to go with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from diffusionpipe_trainer.init_weights import init_weights

SAMPLE = Path(__file__).parents[2] / "media" / "sample"

UNET = {
    "_class_name": "UNet2DConditionModel", "sample_size": 8, "in_channels": 4, "out_channels": 4,
    "block_out_channels": [16, 24, 32], "layers_per_block": 1, "norm_num_groups": 4, "attention_head_dim": 2,
    "cross_attention_dim": 32, "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
}
VAE = {
    "_class_name": "AutoencoderKL", "sample_size": 32, "in_channels": 3, "out_channels": 3, "latent_channels": 4,
    "block_out_channels": [8, 8, 16], "layers_per_block": 1, "norm_num_groups": 4, "scaling_factor": 0.18215,
    "down_block_types": ["DownEncoderBlock2D"] * 3, "up_block_types": ["UpDecoderBlock2D"] * 3,
}
TEXT_ENCODER = {
    "architectures": ["CLIPTextModel"], "model_type": "clip_text_model", "hidden_size": 32, "intermediate_size": 64,
    "num_hidden_layers": 3, "num_attention_heads": 2, "max_position_embeddings": 32, "hidden_act": "quick_gelu",
}


def make_model(folder: Path) -> Path:
    """Write configurations, take the sample's tokenizer and scheduler, make weights."""
    vocabulary = json.loads((SAMPLE / "model" / "tokenizer" / "vocab.json").read_text(encoding="utf-8"))
    special = {key: vocabulary[token] for key, token in (
        ("bos_token_id", "<|startoftext|>"), ("eos_token_id", "<|endoftext|>"), ("pad_token_id", "<|endoftext|>"))}
    configs = {"unet": UNET, "vae": VAE, "text_encoder": {**TEXT_ENCODER, "vocab_size": len(vocabulary), **special}}
    folder.mkdir(parents=True)
    shutil.copy2(SAMPLE / "model" / "model_index.json", folder)
    for name in ("tokenizer", "scheduler"):
        shutil.copytree(SAMPLE / "model" / name, folder / name)
    for name, config in configs.items():
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(json.dumps(config), encoding="utf-8")
    init_weights(folder, seed=3)
    return folder
