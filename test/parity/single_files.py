"""Headers of single-file checkpoints, made from diffusers' and transformers' modules on the meta device under the names of the original releases."""

import json
import re
import struct

import torch

ELEMENT_BYTES = 2


def shapes_of(module):
    return {name: list(value.shape) for name, value in module.state_dict().items()}


def write_header(file, shapes, metadata=None):
    """A sparse file of the whole length: the header is real, the weights are a hole."""
    entries, offset = ({"__metadata__": metadata} if metadata else {}), 0
    for name, shape in shapes.items():
        size = ELEMENT_BYTES * torch.Size(shape).numel()
        entries[name] = {"dtype": "F16", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    header = json.dumps(entries).encode()
    with open(file, "wb") as out:
        out.write(struct.pack("<Q", len(header)) + header)
        out.truncate(8 + len(header) + offset)


def _swap(name, table):
    for old, new in table:
        name = name.replace(old, new)
    return name


RESNET = [("norm1", "in_layers.0"), ("conv1", "in_layers.2"), ("norm2", "out_layers.0"), ("conv2", "out_layers.3"), ("time_emb_proj", "emb_layers.1"), ("conv_shortcut", "skip_connection")]


def ldm_unet(shapes, layers_per_block, levels_with_attention_up):
    """diffusers' names -> those of LDM. `levels_with_attention_up`: indices of the up blocks that have attentions."""
    renamed = {}
    fixed = [
        ("time_embedding.linear_1", "time_embed.0"), ("time_embedding.linear_2", "time_embed.2"), ("conv_in", "input_blocks.0.0"),
        ("conv_norm_out", "out.0"), ("conv_out", "out.2"), ("add_embedding.linear_1", "label_emb.0.0"), ("add_embedding.linear_2", "label_emb.0.2"),
        ("class_embedding.linear_1", "label_emb.0.0"), ("class_embedding.linear_2", "label_emb.0.2"), ("class_embedding.weight", "label_emb.weight"),
    ]
    for name, shape in shapes.items():
        if match := re.match(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.*)", name):
            side, level, kind, index, rest = match[1], int(match[2]), match[3], int(match[4]), match[5]
            if side == "down":
                block = 1 + level * (layers_per_block + 1) + (layers_per_block if kind == "downsamplers" else index)
                renamed_name = {"resnets": f"0.{_swap(rest, RESNET)}", "attentions": f"1.{rest}", "downsamplers": f"0.{rest.replace('conv', 'op')}"}[kind]
                renamed[f"input_blocks.{block}.{renamed_name}"] = shape
            else:
                block = level * (layers_per_block + 1) + (layers_per_block if kind == "upsamplers" else index)
                place = 2 if level in levels_with_attention_up else 1
                renamed_name = {"resnets": f"0.{_swap(rest, RESNET)}", "attentions": f"1.{rest}", "upsamplers": f"{place}.{rest}"}[kind]
                renamed[f"output_blocks.{block}.{renamed_name}"] = shape
        elif match := re.match(r"mid_block\.(resnets|attentions)\.(\d+)\.(.*)", name):
            renamed[f"middle_block.{2 * int(match[2]) if match[1] == 'resnets' else 1}.{_swap(match[3], RESNET) if match[1] == 'resnets' else match[3]}"] = shape
        else:
            renamed[next(name.replace(old, new) for old, new in fixed if name.startswith(old))] = shape
    return renamed


def ldm_autoencoder(shapes, levels):
    renamed = {}
    for name, shape in shapes.items():
        new = name.replace("conv_norm_out", "norm_out")
        new = re.sub(r"encoder\.down_blocks\.(\d+)\.resnets\.", r"encoder.down.\1.block.", new)
        new = re.sub(r"encoder\.down_blocks\.(\d+)\.downsamplers\.0\.", r"encoder.down.\1.downsample.", new)
        new = re.sub(r"decoder\.up_blocks\.(\d+)\.resnets\.", lambda m: f"decoder.up.{levels - 1 - int(m[1])}.block.", new)
        new = re.sub(r"decoder\.up_blocks\.(\d+)\.upsamplers\.0\.", lambda m: f"decoder.up.{levels - 1 - int(m[1])}.upsample.", new)
        new = re.sub(r"mid_block\.resnets\.(\d)\.", lambda m: f"mid.block_{int(m[1]) + 1}.", new)
        new = new.replace("conv_shortcut", "nin_shortcut")
        if "mid_block.attentions.0." in new:
            new = _swap(new, [("mid_block.attentions.0.", "mid.attn_1."), ("group_norm", "norm"), ("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out")])
            if len(shape) == 2:
                shape = [*shape, 1, 1]
        renamed[new] = shape
    return renamed


def hugging_face_clip(shapes):
    """Files have "text_model." before; this version of transformers has not."""
    return {name if name.startswith(("text_model.", "text_projection")) else f"text_model.{name}": shape for name, shape in shapes.items() if "position_ids" not in name}


def open_clip(shapes, features, extra_layers=0):
    renamed = {"text_projection": [features, features], "logit_scale": []}
    layers = 0
    for name, shape in hugging_face_clip(shapes).items():
        name = name.removeprefix("text_model.")
        if match := re.match(r"encoder\.layers\.(\d+)\.(.*)", name):
            layers = max(layers, int(match[1]) + 1)
            rest = _swap(match[2], [("layer_norm1", "ln_1"), ("layer_norm2", "ln_2"), ("mlp.fc1", "mlp.c_fc"), ("mlp.fc2", "mlp.c_proj"), ("self_attn.", "attn.")])
            prefix = f"transformer.resblocks.{match[1]}."
            if joined := re.match(r"attn\.([qkv])_proj\.(weight|bias)", rest):
                if joined[1] == "q":
                    renamed[f"{prefix}attn.in_proj_{joined[2]}"] = [3 * shape[0], *shape[1:]]
            else:
                renamed[prefix + rest] = shape
        elif name == "text_projection.weight":
            renamed["text_projection"] = shape[::-1]
        else:
            new = _swap(name, [("embeddings.token_embedding", "token_embedding"), ("embeddings.position_embedding.weight", "positional_embedding"), ("final_layer_norm", "ln_final")])
            renamed[new] = shape
    for extra in range(layers, layers + extra_layers):
        renamed.update({name.replace("resblocks.0.", f"resblocks.{extra}."): shape for name, shape in list(renamed.items()) if "resblocks.0." in name})
    return renamed


def flux_of_its_authors(shapes):
    """diffusers' names -> those of FLUX.1's release: query, key and value (and the inner layer of single blocks) are one product there."""
    double = [
        ("norm1.linear", "img_mod.lin"), ("norm1_context.linear", "txt_mod.lin"), ("attn.norm_q.weight", "img_attn.norm.query_norm.scale"), ("attn.norm_k.weight", "img_attn.norm.key_norm.scale"),
        ("attn.norm_added_q.weight", "txt_attn.norm.query_norm.scale"), ("attn.norm_added_k.weight", "txt_attn.norm.key_norm.scale"), ("ff.net.0.proj", "img_mlp.0"), ("ff.net.2", "img_mlp.2"),
        ("ff_context.net.0.proj", "txt_mlp.0"), ("ff_context.net.2", "txt_mlp.2"), ("attn.to_out.0", "img_attn.proj"), ("attn.to_add_out", "txt_attn.proj"),
    ]
    fixed = [
        ("time_text_embed.timestep_embedder.linear_1", "time_in.in_layer"), ("time_text_embed.timestep_embedder.linear_2", "time_in.out_layer"), ("time_text_embed.text_embedder.linear_1", "vector_in.in_layer"),
        ("time_text_embed.text_embedder.linear_2", "vector_in.out_layer"), ("time_text_embed.guidance_embedder.linear_1", "guidance_in.in_layer"), ("time_text_embed.guidance_embedder.linear_2", "guidance_in.out_layer"),
        ("context_embedder", "txt_in"), ("x_embedder", "img_in"), ("norm_out.linear", "final_layer.adaLN_modulation.1"), ("proj_out", "final_layer.linear"),
    ]
    renamed = {}
    for name, shape in shapes.items():
        if match := re.match(r"transformer_blocks\.(\d+)\.(.*)", name):
            prefix, rest = f"double_blocks.{match[1]}.", match[2]
            if joined := re.match(r"attn\.(to_|add_)([qkv])(?:_proj)?\.(weight|bias)", rest):
                if joined[2] == "q":
                    renamed[f"{prefix}{'img' if joined[1] == 'to_' else 'txt'}_attn.qkv.{joined[3]}"] = [3 * shape[0], *shape[1:]]
            else:
                renamed[prefix + next(rest.replace(old, new) for old, new in double if rest.startswith(old))] = shape
        elif match := re.match(r"single_transformer_blocks\.(\d+)\.(.*)", name):
            prefix, rest = f"single_blocks.{match[1]}.", match[2]
            if re.match(r"attn\.to_[kv]|proj_mlp", rest):
                continue
            if rest.startswith("attn.to_q"):
                renamed[rest.replace("attn.to_q", f"{prefix}linear1")] = [7 * shape[0], *shape[1:]]
            else:
                renamed[prefix + _swap(rest, [("norm.linear", "modulation.lin"), ("attn.norm_q.weight", "norm.query_norm.scale"), ("attn.norm_k.weight", "norm.key_norm.scale"), ("proj_out", "linear2")])] = shape
        else:
            renamed[next(name.replace(old, new) for old, new in fixed if name.startswith(old))] = shape
    return renamed


def under(prefix, shapes):
    return {prefix + name: shape for name, shape in shapes.items()}
