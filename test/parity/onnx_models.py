"""Small models of the usual kinds, exported as users do, for tests of ONNX files."""

import warnings

import torch
from torch import nn


class Residual(nn.Module):
    def __init__(self, inner, outer, time):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(4, inner), nn.Conv2d(inner, outer, 3, padding=1)
        self.time = nn.Linear(time, outer)
        self.norm2, self.conv2 = nn.GroupNorm(4, outer), nn.Conv2d(outer, outer, 3, padding=1)
        self.shortcut = nn.Conv2d(inner, outer, 1) if inner != outer else nn.Identity()

    def forward(self, x, time):
        hidden = self.conv1(nn.functional.silu(self.norm1(x))) + self.time(time)[:, :, None, None]
        return self.shortcut(x) + self.conv2(nn.functional.silu(self.norm2(hidden)))


class CrossAttention(nn.Module):
    def __init__(self, features, context, heads=2):
        super().__init__()
        self.heads, self.norm = heads, nn.LayerNorm(features)
        self.to_q, self.to_k, self.to_v = nn.Linear(features, features), nn.Linear(context, features), nn.Linear(context, features)
        self.to_out = nn.Linear(features, features)

    def forward(self, x, context):
        n, c, h, w = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        split = lambda t: t.view(n, -1, self.heads, c // self.heads).transpose(1, 2)
        mixed = nn.functional.scaled_dot_product_attention(split(self.to_q(self.norm(tokens))), split(self.to_k(context)), split(self.to_v(context)))
        return (tokens + self.to_out(mixed.transpose(1, 2).reshape(n, -1, c))).transpose(1, 2).reshape(n, c, h, w)


class Unet(nn.Module):
    """Skips, a time embedding that every block needs, and text."""

    def __init__(self, channels=(16, 32, 32), context=12, time=24):
        super().__init__()
        self.time_embedding = nn.Sequential(nn.Linear(16, time), nn.SiLU(), nn.Linear(time, time))
        self.conv_in = nn.Conv2d(4, channels[0], 3, padding=1)
        pairs = list(zip(channels[:-1], channels[1:]))
        self.down_blocks = nn.ModuleList(Residual(a, b, time) for a, b in pairs)
        self.downsamplers = nn.ModuleList(nn.Conv2d(b, b, 3, stride=2, padding=1) for _, b in pairs)
        self.attention = CrossAttention(channels[-1], context)
        self.up_blocks = nn.ModuleList(Residual(2 * b, a, time) for a, b in reversed(pairs))
        self.conv_out = nn.Conv2d(channels[0], 4, 3, padding=1)

    def forward(self, sample, timestep, encoder_hidden_states):
        frequencies = torch.exp(-torch.arange(8, dtype=torch.float32) / 2)
        angles = timestep[:, None].float() * frequencies[None]
        time = self.time_embedding(torch.cat([angles.sin(), angles.cos()], dim=-1))
        x, skips = self.conv_in(sample), []
        for block, down in zip(self.down_blocks, self.downsamplers):
            x = block(x, time)
            skips.append(x)
            x = down(x)
        x = self.attention(x, encoder_hidden_states)
        for block in self.up_blocks:
            x = nn.functional.interpolate(x, size=skips[-1].shape[2:], mode="nearest")
            x = block(torch.cat([x, skips.pop()], dim=1), time)
        return self.conv_out(x)


class Block(nn.Module):
    def __init__(self, features, heads=4):
        super().__init__()
        self.heads, self.norm1, self.norm2 = heads, nn.LayerNorm(features), nn.LayerNorm(features)
        self.qkv, self.out = nn.Linear(features, 3 * features), nn.Linear(features, features)
        self.mlp = nn.Sequential(nn.Linear(features, 4 * features), nn.GELU(), nn.Linear(4 * features, features))

    def forward(self, x, mask):
        n, length, c = x.shape
        q, k, v = (t.view(n, length, self.heads, c // self.heads).transpose(1, 2) for t in self.qkv(self.norm1(x)).chunk(3, dim=-1))
        weights = (q @ k.transpose(2, 3) / (c // self.heads) ** 0.5 + mask).softmax(-1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(n, length, c))
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    """Causal; its positions end at 64."""

    def __init__(self, layers=4, features=24, vocabulary=50, positions=64):
        super().__init__()
        self.embedding, self.position = nn.Embedding(vocabulary, features), nn.Parameter(torch.randn(positions, features))
        self.layers = nn.ModuleList(Block(features) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(features), nn.Linear(features, vocabulary, bias=False)

    def forward(self, input_ids):
        length = input_ids.shape[1]
        x = self.embedding(input_ids) + self.position[:length]
        places = torch.arange(length)
        mask = torch.zeros(length, length).masked_fill(places[None] > places[:, None], float("-inf"))
        for layer in self.layers:
            x = layer(x, mask)
        return self.head(self.norm(x))


class Pipeline(nn.Module):
    """Two components in one file: text is encoded, and the backbone works with it."""

    def __init__(self):
        super().__init__()
        self.text_encoder, self.unet = Transformer(2, 12), Unet()
        self.text_encoder.head = nn.Identity()

    def forward(self, sample, timestep, input_ids):
        return self.unet(sample, timestep, self.text_encoder(input_ids))


LATENT, TIME = torch.randn(2, 4, 16, 16), torch.tensor([3, 700])
MODELS = {
    "unet": (Unet, (LATENT, TIME, torch.randn(2, 7, 12)), {"sample": {0: "batch", 2: "height", 3: "width"}, "timestep": {0: "batch"}, "encoder_hidden_states": {0: "batch", 1: "sequence"}}),
    "transformer": (Transformer, (torch.randint(0, 50, (2, 9)),), {"input_ids": {0: "batch_size", 1: "sequence_length"}}),
    "pipeline": (Pipeline, (LATENT, TIME, torch.randint(0, 50, (2, 9))), {"sample": {0: "batch", 2: "height", 3: "width"}, "timestep": {0: "batch"}, "input_ids": {0: "batch", 1: "sequence"}}),
}


def export(name, path, opset=17, fixed=False):
    """Writes the model. @returns Its inputs by name."""
    build, inputs, dynamic = MODELS[name]
    torch.manual_seed(1)
    module = build().eval()
    # The exporter writes equal weights once (fresh normalisations are all ones), and so they would count once.
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, inputs, str(path), input_names=list(dynamic), output_names=["out"], dynamic_axes=None if fixed else dynamic, opset_version=opset, dynamo=False)
    return module, dict(zip(dynamic, inputs))
