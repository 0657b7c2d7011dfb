"""The training step of training.js in PyTorch, float32 on the CPU: ACT's losses, gradients, AdamW, moving average.

    node test/bench/training.js --peer torch="PYTHON test/bench/trainingPeer.py"

Written for speed where PyTorch offers it: fused attention, fused AdamW, one in-place pass for the average.
"""
import json
import math
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

config = json.loads(sys.argv[1])
torch.set_num_threads(config["threads"])
torch.manual_seed(1)
batch, model, heads = config["batchSize"], config["dModel"], config["heads"]
chunk, actions, latent_size = config["chunkSize"], config["actionSize"], config["latentSize"]
drop = config["dropout"]


class FrozenNorm(nn.Module):
    """Batch normalisation whose statistics and weights do not change."""

    def __init__(self, channels):
        super().__init__()
        self.register_buffer("scale", torch.ones(1, channels, 1, 1))
        self.register_buffer("shift", torch.zeros(1, channels, 1, 1))

    def forward(self, x):
        return x * self.scale + self.shift


class Block(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut (He et al. 2016)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList([FrozenNorm(outputs), FrozenNorm(outputs)])
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), FrozenNorm(outputs))

    def forward(self, x):
        y = F.relu(self.norms[0](self.first(x)))
        return F.relu(self.norms[1](self.second(y)) + self.shortcut(x))


def resnet18():
    stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), FrozenNorm(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    stages = [(64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)]
    blocks = [block for i, o, s in stages for block in (Block(i, o, s), Block(o, o, 1))]
    return nn.Sequential(*stem, *blocks)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(model, model) for _ in range(4))

    def forward(self, query, key, value):
        def split(x):
            return x.view(batch, -1, heads, model // heads).transpose(1, 2)

        q, k, v = split(self.query(query)), split(self.key(key)), split(self.value(value))
        mixed = F.scaled_dot_product_attention(q, k, v, dropout_p=drop)
        return self.out(mixed.transpose(1, 2).reshape(batch, -1, model))


class Layer(nn.Module):
    """Transformer layer, normalised after each part; positions are added to queries and keys only."""

    def __init__(self, cross=False):
        super().__init__()
        self.attend = nn.ModuleList([Attention() for _ in range(1 + cross)])
        self.norms = nn.ModuleList([nn.LayerNorm(model) for _ in range(2 + cross)])
        self.wide, self.narrow = nn.Linear(model, config["feedForward"]), nn.Linear(config["feedForward"], model)

    def forward(self, x, place, memory=None, memory_place=None):
        def dropped(y):
            return F.dropout(y, drop) if drop else y

        at = x + place
        x = self.norms[0](x + dropped(self.attend[0](at, at, x)))
        if memory is not None:
            y = self.attend[1](x + place, memory + memory_place, memory)
            x = self.norms[1](x + dropped(y))
        y = self.narrow(dropped(F.relu(self.wide(x))))
        return self.norms[-1](x + dropped(y))


def sine(count, size):
    """Fixed position embedding, (count, size)."""
    angle = torch.arange(count)[:, None] / 10000 ** (torch.arange(0, size, 2) / size)
    return torch.stack([angle.sin(), angle.cos()], 2).flatten(1)


def feature_shape(camera):
    return tuple(math.ceil(camera[side] / 32) for side in ("height", "width"))


class Act(nn.Module):
    def __init__(self):
        super().__init__()
        linear = lambda inputs: nn.Linear(inputs, model)
        self.environment = config["environmentStateSize"]
        cameras = config["cameras"]
        if config["cvae"]:
            self.summary = nn.Parameter(torch.randn(1, 1, model))
            self.past_state, self.past_actions = linear(config["stateSize"]), linear(actions)
            self.past = nn.ModuleList([Layer() for _ in range(config["cvaeLayers"])])
            self.to_latent = nn.Linear(model, 2 * latent_size)
            self.register_buffer("past_place", sine(chunk + 2, model)[None])
        self.from_latent, self.state = linear(latent_size), linear(config["stateSize"])
        if self.environment:
            self.objects = linear(self.environment)
        if cameras:
            self.backbone = None if config["cachedFeatures"] else resnet18()
            self.project = nn.Conv2d(512, model, 1)
            height, width = feature_shape(cameras[0])
            rows, columns = sine(height, model // 2), sine(width, model // 2)
            grid = torch.cat(
                [rows[:, None].expand(-1, width, -1), columns[None].expand(height, -1, -1)], 2
            ).flatten(0, 1)
            self.register_buffer("image_place", grid.repeat(len(cameras), 1)[None])
        self.token_place = nn.Parameter(torch.randn(1, 3 if self.environment else 2, model))
        self.encoder = nn.ModuleList([Layer() for _ in range(config["encoderLayers"])])
        self.decoder = nn.ModuleList([Layer(cross=True) for _ in range(config["decoderLayers"])])
        self.query = nn.Parameter(torch.randn(1, chunk, model))
        self.norm, self.head = nn.LayerNorm(model), nn.Linear(model, actions)

    def forward(self, state, images, objects, target, valid, noise):
        latent, divergence = torch.zeros(batch, latent_size), torch.zeros(())
        if config["cvae"]:
            x = torch.cat(
                [self.summary.expand(batch, -1, -1), self.past_state(state)[:, None], self.past_actions(target)], 1
            )
            for layer in self.past:
                x = layer(x, self.past_place)
            mean, log_variance = self.to_latent(x[:, 0]).chunk(2, 1)
            latent = mean + (log_variance / 2).exp() * noise
            divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1).mean()
        tokens = [self.from_latent(latent)[:, None], self.state(state)[:, None]]
        if self.environment:
            tokens.append(self.objects(objects)[:, None])
        place = self.token_place
        if images is not None:
            # All cameras as one batch, image by image: (cameras * batch, channels, height, width).
            features = images
            if self.backbone is not None:
                pixels = images.permute(0, 3, 1, 2).float() / 255
                colour = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[:, None, :, None, None]
                features = self.backbone((pixels - colour[0]) / colour[1])
            features = self.project(features).flatten(2)
            features = features.view(len(config["cameras"]), batch, model, -1)
            tokens.append(features.permute(1, 0, 3, 2).reshape(batch, -1, model))
            place = torch.cat([place, self.image_place], 1)
        memory = torch.cat(tokens, 1)
        for layer in self.encoder:
            memory = layer(memory, place)
        y = torch.zeros(batch, chunk, model)
        for layer in self.decoder:
            y = layer(y, self.query, memory, place)
        error = (self.head(self.norm(y)) - target).abs() * valid
        return error.sum() / (valid.sum() * actions) + config["klWeight"] * divergence


act = Act()
parameters = list(act.parameters())
average = [parameter.detach().clone() for parameter in parameters]
optimizer = torch.optim.AdamW(parameters, lr=1e-5, weight_decay=1e-4, fused=True)

state, objects = torch.rand(batch, config["stateSize"]), torch.rand(batch, config["environmentStateSize"])
target, valid = torch.rand(batch, chunk, actions), torch.ones(batch, chunk, 1)
images = None
if config["cameras"]:
    count = len(config["cameras"]) * batch
    first = config["cameras"][0]
    if config["cachedFeatures"]:
        images = torch.rand(count, 512, *feature_shape(first))
    else:
        images = torch.randint(0, 256, (count, first["height"], first["width"], 3), dtype=torch.uint8)


def step():
    optimizer.zero_grad()
    act(state, images, objects, target, valid, torch.randn(batch, latent_size)).backward()
    optimizer.step()
    with torch.no_grad():
        torch._foreach_lerp_(average, parameters, 0.001)


for _ in range(2):
    step()
print(f"torch {torch.__version__}, {sum(p.numel() for p in parameters) / 1e6:.1f} M parameters", flush=True)
for _ in sys.stdin:
    wall, processor = time.perf_counter(), time.process_time()
    step()
    print((time.perf_counter() - wall) * 1000, (time.process_time() - processor) * 1000, flush=True)
