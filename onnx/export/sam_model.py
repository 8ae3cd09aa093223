"""Segment Anything (Kirillov et al. 2023) and MobileSAM (Zhang et al. 2023) in plain PyTorch, with the originals'
architectures and parameter names.

Needs nothing beside PyTorch (Debian: python3-torch), so that an export of true shape can be made with random weights.
`load(SegmentAnything(...), torch.load("sam_vit_b_01ec64.pth"))` takes the released checkpoints of ViT-B, L and H, and
MobileSAM's.
"""
import math

import torch
from torch import nn
import torch.nn.functional as F

SIZES = {
    "vit_b": dict(width=768, depth=12, heads=12, global_blocks=(2, 5, 8, 11)),
    "vit_l": dict(width=1024, depth=24, heads=16, global_blocks=(5, 11, 17, 23)),
    "vit_h": dict(width=1280, depth=32, heads=16, global_blocks=(7, 15, 23, 31)),
    # MobileSAM: widths, depths, heads and windows of TinyViT's four stages (the first has convolutions only)
    "vit_t": dict(mobile=dict(widths=(64, 128, 160, 320), depths=(2, 2, 6, 2), heads=(2, 4, 5, 10), windows=(7, 7, 14, 7))),
    # windows with and without padding, and one as large as the map
    "tiny_mobile": dict(mobile=dict(widths=(8, 8, 12, 16), depths=(1, 1, 1, 1), heads=(1, 2, 2, 2), windows=(3, 4, 4, 3)),
                        image=64, channels=16, decoder_heads=2, decoder_mlp=24, head_hidden=16),
    # one windowed block whose windows need padding, one global block
    "tiny": dict(width=16, depth=2, heads=2, global_blocks=(1,), image=64, window=3, channels=16, decoder_heads=2,
                 decoder_mlp=24, head_hidden=16),
}


class LayerNorm2d(nn.Module):
    """Over the channels of [batch, channels, height, width]."""

    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        mean = x.mean(1, keepdim=True)
        variance = (x - mean).pow(2).mean(1, keepdim=True)
        x = (x - mean) / torch.sqrt(variance + 1e-6)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


class Mlp(nn.Module):
    def __init__(self, width, hidden, act):
        super().__init__()
        self.lin1 = nn.Linear(width, hidden)
        self.lin2 = nn.Linear(hidden, width)
        self.act = act()

    def forward(self, x):
        return self.lin2(self.act(self.lin1(x)))


# ----------------------------------------------------------------------------------------------------- image encoder

def relative(size, table):
    """The table's rows for every pair of positions on one axis: [size, size, head]."""
    positions = torch.arange(size)
    return table[positions[:, None] - positions[None, :] + size - 1]


class WindowAttention(nn.Module):
    def __init__(self, width, heads, size):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * size - 1, width // heads))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * size - 1, width // heads))

    def forward(self, x):
        batch, height, width, channels = x.shape
        head = channels // self.heads
        qkv = self.qkv(x).reshape(batch, height * width, 3, self.heads, head).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.reshape(3, batch * self.heads, height * width, head).unbind(0)
        scores = (q * head ** -0.5) @ k.transpose(-2, -1)
        grid = q.reshape(batch * self.heads, height, width, head)
        by_row = torch.einsum("bhwc,hkc->bhwk", grid, relative(height, self.rel_pos_h))
        by_column = torch.einsum("bhwc,wkc->bhwk", grid, relative(width, self.rel_pos_w))
        scores = (scores.view(-1, height, width, height, width) + by_row[..., None] + by_column[:, :, :, None, :]
                  ).view(-1, height * width, height * width)
        x = (scores.softmax(-1) @ v).view(batch, self.heads, height, width, head).permute(0, 2, 3, 1, 4)
        return self.proj(x.reshape(batch, height, width, channels))


class Block(nn.Module):
    def __init__(self, width, heads, window, grid):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = WindowAttention(width, heads, window or grid)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width, 4 * width, nn.GELU)
        self.window = window

    def forward(self, x):
        residual, x = x, self.norm1(x)
        x = self.windowed(x) if self.window else self.attn(x)
        x = residual + x
        return x + self.mlp(self.norm2(x))

    def windowed(self, x):
        batch, height, width, channels = x.shape
        w = self.window
        down, right = -height % w, -width % w
        x = F.pad(x, (0, 0, 0, right, 0, down))
        rows, columns = (height + down) // w, (width + right) // w
        x = x.view(batch, rows, w, columns, w, channels).permute(0, 1, 3, 2, 4, 5).reshape(-1, w, w, channels)
        x = self.attn(x)
        x = x.view(batch, rows, columns, w, w, channels).permute(0, 1, 3, 2, 4, 5)
        return x.reshape(batch, rows * w, columns * w, channels)[:, :height, :width]


class PatchEmbed(nn.Module):
    def __init__(self, patch, width):
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, patch)

    def forward(self, x):
        return self.proj(x).permute(0, 2, 3, 1)


def neck(width, channels):
    return nn.Sequential(
        nn.Conv2d(width, channels, 1, bias=False), LayerNorm2d(channels),
        nn.Conv2d(channels, channels, 3, padding=1, bias=False), LayerNorm2d(channels))


class ImageEncoder(nn.Module):
    """Normalised pixels [batch, 3, image, image] to [batch, channels, image / 16, image / 16]."""

    def __init__(self, width, depth, heads, global_blocks, image, patch, window, channels):
        super().__init__()
        grid = image // patch
        self.patch_embed = PatchEmbed(patch, width)
        self.pos_embed = nn.Parameter(torch.zeros(1, grid, grid, width))
        self.blocks = nn.ModuleList(
            Block(width, heads, 0 if i in global_blocks else window, grid) for i in range(depth))
        self.neck = neck(width, channels)

    def forward(self, image):
        x = self.patch_embed(image) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.neck(x.permute(0, 3, 1, 2))


# ------------------------------------------------------------------------------------ MobileSAM's image encoder, TinyViT

class ConvNorm(nn.Sequential):
    """A convolution without bias and a batch norm."""

    def __init__(self, inputs, outputs, size=1, stride=1, groups=1):
        super().__init__()
        self.add_module("c", nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False))
        self.add_module("bn", nn.BatchNorm2d(outputs))


class InvertedBottleneck(nn.Module):
    """Widened by four, a convolution of each channel, narrowed again."""

    def __init__(self, width):
        super().__init__()
        hidden = 4 * width
        self.conv1 = ConvNorm(width, hidden)
        self.conv2 = ConvNorm(hidden, hidden, 3, groups=hidden)
        self.conv3 = ConvNorm(hidden, width)

    def forward(self, x):
        return F.gelu(x + self.conv3(F.gelu(self.conv2(F.gelu(self.conv1(x))))))


class Merging(nn.Module):
    """To the next stage's width, and to half the size unless that stage is the last."""

    def __init__(self, width, wider, stride):
        super().__init__()
        self.conv1 = ConvNorm(width, wider)
        self.conv2 = ConvNorm(wider, wider, 3, stride, groups=wider)
        self.conv3 = ConvNorm(wider, wider)

    def forward(self, x):
        return self.conv3(F.gelu(self.conv2(F.gelu(self.conv1(x)))))


class OffsetAttention(nn.Module):
    """Within windows; a bias learned for each head and each pair of distances."""

    def __init__(self, width, heads, window):
        super().__init__()
        self.heads, self.head = heads, width // heads
        places = [(row, column) for row in range(window) for column in range(window)]
        offsets, pairs = {}, []
        for one in places:
            for other in places:
                offset = abs(one[0] - other[0]), abs(one[1] - other[1])
                pairs.append(offsets.setdefault(offset, len(offsets)))
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.attention_biases = nn.Parameter(torch.zeros(heads, len(offsets)))
        pairs = torch.tensor(pairs).view(len(places), len(places))
        self.register_buffer("attention_bias_idxs", pairs, persistent=False)

    def forward(self, x):
        batch, tokens, width = x.shape
        qkv = self.qkv(self.norm(x)).view(batch, tokens, self.heads, 3 * self.head)
        q, k, v = (part.permute(0, 2, 1, 3) for part in qkv.split(self.head, dim=3))
        scores = q @ k.transpose(-2, -1) * self.head ** -0.5 + self.attention_biases[:, self.attention_bias_idxs]
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, tokens, width))


class NormedMlp(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(self.norm(x))))


class TinyBlock(nn.Module):
    def __init__(self, width, heads, window):
        super().__init__()
        self.window = window
        self.attn = OffsetAttention(width, heads, window)
        self.local_conv = ConvNorm(width, width, 3, groups=width)
        self.mlp = NormedMlp(width)

    def forward(self, x):
        batch, channels, height, width = x.shape
        rows = x.permute(0, 2, 3, 1)
        attended = self.attn(rows.reshape(batch, -1, channels)) if height == width == self.window else self.windowed(rows)
        x = self.local_conv(x + attended.reshape(batch, height, width, channels).permute(0, 3, 1, 2))
        tokens = x.flatten(2).transpose(1, 2)
        return (tokens + self.mlp(tokens)).transpose(1, 2).reshape(batch, channels, height, width)

    def windowed(self, x):
        batch, height, width, channels = x.shape
        w = self.window
        down, right = -height % w, -width % w
        x = F.pad(x, (0, 0, 0, right, 0, down))
        rows, columns = (height + down) // w, (width + right) // w
        x = x.view(batch, rows, w, columns, w, channels).transpose(2, 3).reshape(-1, w * w, channels)
        x = self.attn(x).view(batch, rows, columns, w, w, channels).transpose(2, 3)
        return x.reshape(batch, rows * w, columns * w, channels)[:, :height, :width]


class Stage(nn.Module):
    def __init__(self, blocks, downsample):
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.downsample = downsample

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x if self.downsample is None else self.downsample(x)


class Stem(nn.Module):
    """To a quarter of the size."""

    def __init__(self, width):
        super().__init__()
        self.seq = nn.Sequential(ConvNorm(3, width // 2, 3, 2), nn.GELU(), ConvNorm(width // 2, width, 3, 2))

    def forward(self, x):
        return self.seq(x)


class TinyViT(nn.Module):
    """Normalised pixels [batch, 3, image, image] to [batch, channels, image / 16, image / 16]."""

    def __init__(self, widths, depths, heads, windows, channels):
        super().__init__()
        self.patch_embed = Stem(widths[0])
        self.layers = nn.ModuleList()
        for i, width in enumerate(widths):
            blocks = [InvertedBottleneck(width) if i == 0 else TinyBlock(width, heads[i], windows[i])
                      for _ in range(depths[i])]
            last = i == len(widths) - 1
            self.layers.append(Stage(blocks, None if last else Merging(width, widths[i + 1], 1 if i == 2 else 2)))
        self.neck = neck(widths[-1], channels)

    def forward(self, image):
        x = self.patch_embed(image)
        for layer in self.layers:
            x = layer(x)
        return self.neck(x)


# -------------------------------------------------------------------------------------------- prompts and their masks

class RandomPositions(nn.Module):
    """Sines and cosines of random projections of a position in [0, 1] x [0, 1]."""

    def __init__(self, features):
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, features))

    def encode(self, points):
        x = 2 * math.pi * ((2 * points - 1) @ self.positional_encoding_gaussian_matrix)
        return torch.cat([x.sin(), x.cos()], dim=-1)

    def forward(self, grid):
        centers = (torch.arange(grid, dtype=torch.float32) + 0.5) / grid
        y, x = torch.meshgrid(centers, centers, indexing="ij")
        return self.encode(torch.stack([x, y], dim=-1)).permute(2, 0, 1)


class PromptEncoder(nn.Module):
    def __init__(self, channels, image, grid):
        super().__init__()
        self.image, self.grid = image, grid
        self.pe_layer = RandomPositions(channels // 2)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, channels) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, channels)
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, 4, 2, 2), LayerNorm2d(4), nn.GELU(), nn.Conv2d(4, 16, 2, 2), LayerNorm2d(16), nn.GELU(),
            nn.Conv2d(16, channels, 1))
        self.no_mask_embed = nn.Embedding(1, channels)

    def points(self, coordinates, labels):
        """Labels: 0 background, 1 foreground, 2 and 3 a box's corners, -1 no point."""
        x = self.pe_layer.encode((coordinates + 0.5) / self.image)
        labels = labels.unsqueeze(-1).expand_as(x)
        x = x * (labels != -1) + self.not_a_point_embed.weight * (labels == -1)
        for kind, embedding in enumerate(self.point_embeddings):
            x = x + embedding.weight * (labels == kind)
        return x

    def masks(self, mask, has_mask):
        given = self.mask_downscaling(mask)
        return has_mask * given + (1 - has_mask) * self.no_mask_embed.weight.reshape(1, -1, 1, 1)


class Attention(nn.Module):
    """Between two sequences, in a narrower space."""

    def __init__(self, channels, heads, downsample=1):
        super().__init__()
        inner = channels // downsample
        self.heads = heads
        self.q_proj = nn.Linear(channels, inner)
        self.k_proj = nn.Linear(channels, inner)
        self.v_proj = nn.Linear(channels, inner)
        self.out_proj = nn.Linear(inner, channels)

    def split(self, x):
        batch, tokens, channels = x.shape
        return x.reshape(batch, tokens, self.heads, channels // self.heads).transpose(1, 2)

    def forward(self, q, k, v):
        q, k, v = self.split(self.q_proj(q)), self.split(self.k_proj(k)), self.split(self.v_proj(v))
        scores = q @ k.permute(0, 1, 3, 2) / math.sqrt(q.shape[-1])
        x = (scores.softmax(-1) @ v).transpose(1, 2)
        return self.out_proj(x.reshape(x.shape[0], x.shape[1], -1))


class TwoWayBlock(nn.Module):
    def __init__(self, channels, heads, hidden, first):
        super().__init__()
        self.self_attn = Attention(channels, heads)
        self.norm1 = nn.LayerNorm(channels)
        self.cross_attn_token_to_image = Attention(channels, heads, 2)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = Mlp(channels, hidden, nn.ReLU)
        self.norm3 = nn.LayerNorm(channels)
        self.norm4 = nn.LayerNorm(channels)
        self.cross_attn_image_to_token = Attention(channels, heads, 2)
        self.first = first

    def forward(self, tokens, image, token_positions, image_positions):
        if self.first:
            tokens = self.self_attn(tokens, tokens, tokens)
        else:
            q = tokens + token_positions
            tokens = tokens + self.self_attn(q, q, tokens)
        tokens = self.norm1(tokens)
        tokens = self.norm2(
            tokens + self.cross_attn_token_to_image(tokens + token_positions, image + image_positions, image))
        tokens = self.norm3(tokens + self.mlp(tokens))
        image = self.norm4(
            image + self.cross_attn_image_to_token(image + image_positions, tokens + token_positions, tokens))
        return tokens, image


class TwoWayTransformer(nn.Module):
    def __init__(self, channels, heads, hidden):
        super().__init__()
        self.layers = nn.ModuleList(TwoWayBlock(channels, heads, hidden, i == 0) for i in range(2))
        self.final_attn_token_to_image = Attention(channels, heads, 2)
        self.norm_final_attn = nn.LayerNorm(channels)

    def forward(self, image, image_positions, tokens):
        image = image.flatten(2).permute(0, 2, 1)
        image_positions = image_positions.flatten(2).permute(0, 2, 1)
        queries = tokens
        for layer in self.layers:
            queries, image = layer(queries, image, tokens, image_positions)
        queries = queries + self.final_attn_token_to_image(queries + tokens, image + image_positions, image)
        return self.norm_final_attn(queries), image


class Perceptron(nn.Module):
    def __init__(self, *widths):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return self.layers[-1](x)


class MaskDecoder(nn.Module):
    def __init__(self, channels, heads, hidden, head_hidden, tokens=4):
        super().__init__()
        self.transformer = TwoWayTransformer(channels, heads, hidden)
        self.iou_token = nn.Embedding(1, channels)
        self.mask_tokens = nn.Embedding(tokens, channels)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(channels, channels // 4, 2, 2), LayerNorm2d(channels // 4), nn.GELU(),
            nn.ConvTranspose2d(channels // 4, channels // 8, 2, 2), nn.GELU())
        self.output_hypernetworks_mlps = nn.ModuleList(
            Perceptron(channels, channels, channels, channels // 8) for _ in range(tokens))
        self.iou_prediction_head = Perceptron(channels, head_hidden, head_hidden, tokens)

    def forward(self, image, image_positions, prompts, dense):
        learned = torch.cat([self.iou_token.weight, self.mask_tokens.weight], dim=0)
        tokens = torch.cat([learned.unsqueeze(0).expand(prompts.shape[0], -1, -1), prompts], dim=1)
        image = torch.repeat_interleave(image, tokens.shape[0], dim=0) + dense
        positions = torch.repeat_interleave(image_positions, tokens.shape[0], dim=0)
        batch, channels, height, width = image.shape
        tokens, image = self.transformer(image, positions, tokens)
        upscaled = self.output_upscaling(image.transpose(1, 2).view(batch, channels, height, width))
        kernels = torch.stack(
            [mlp(tokens[:, 1 + i]) for i, mlp in enumerate(self.output_hypernetworks_mlps)], dim=1)
        batch, channels, height, width = upscaled.shape
        masks = (kernels @ upscaled.view(batch, channels, height * width)).view(batch, -1, height, width)
        return masks, self.iou_prediction_head(tokens[:, 0])


class SegmentAnything(nn.Module):
    def __init__(self, width=0, depth=0, heads=0, global_blocks=(), image=1024, patch=16, window=14, channels=256,
                 decoder_heads=8, decoder_mlp=2048, head_hidden=256, mobile=None):
        super().__init__()
        self.image, self.grid = image, image // patch
        self.image_encoder = (
            TinyViT(**mobile, channels=channels) if mobile else
            ImageEncoder(width, depth, heads, global_blocks, image, patch, window, channels))
        self.prompt_encoder = PromptEncoder(channels, image, self.grid)
        self.mask_decoder = MaskDecoder(channels, decoder_heads, decoder_mlp, head_hidden)


class Decoder(nn.Module):
    """Prompt encoder and mask decoder behind the interface of the released exports.

    image_embeddings [1, C, G, G], point_coords [1, N, 2] in the encoder's frame, point_labels [1, N], mask_input
    [1, 1, 4G, 4G], has_mask_input [1], orig_im_size [2] (height, width)
    -> masks [1, M, height, width] before the threshold, iou_predictions [1, M], low_res_masks [1, M, 4G, 4G]

    @param single: give the one mask that the original chooses by its number of points, else all four
    """

    def __init__(self, sam, single):
        super().__init__()
        self.prompt_encoder, self.mask_decoder = sam.prompt_encoder, sam.mask_decoder
        self.image, self.grid, self.single = sam.image, sam.grid, single

    def forward(self, image_embeddings, point_coords, point_labels, mask_input, has_mask_input, orig_im_size):
        masks, scores = self.mask_decoder(
            image_embeddings, self.prompt_encoder.pe_layer(self.grid).unsqueeze(0),
            self.prompt_encoder.points(point_coords, point_labels),
            self.prompt_encoder.masks(mask_input, has_mask_input))
        if self.single:
            # The first mask is for prompts that say enough (three points or more), the others for a single click.
            first = torch.tensor([[1000.0] + [0.0] * (masks.shape[1] - 1)])
            best = (scores + (point_coords.shape[1] - 2.5) * first).argmax(dim=1)
            rows = torch.arange(masks.shape[0])
            masks, scores = masks[rows, best].unsqueeze(1), scores[rows, best].unsqueeze(1)
        upscaled = F.interpolate(masks, size=(self.image, self.image), mode="bilinear", align_corners=False)
        size = orig_im_size.to(torch.float32)
        inner = torch.floor(self.image / size.max() * size + 0.5).to(torch.int64)
        upscaled = upscaled[..., :inner[0], :inner[1]]
        size = size.to(torch.int64)
        upscaled = F.interpolate(upscaled, size=(size[0], size[1]), mode="bilinear", align_corners=False)
        return upscaled, scores, masks


def load(model, state):
    """Takes a released checkpoint; MobileSAM's carries its encoder's classifier along, which segments nothing."""
    model.load_state_dict({name: value for name, value in state.items()
                           if not name.startswith(("image_encoder.head.", "image_encoder.norm_head."))})
    return model.eval()


def random_model(size, seed=1):
    """A model with random weights of such sizes that every parameter shows in the masks."""
    torch.manual_seed(seed)
    model = SegmentAnything(**SIZES[size])
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in list(model.named_parameters()) + list(model.named_buffers()):
            if not parameter.is_floating_point():
                continue
            noise = torch.randn(parameter.shape, generator=generator)
            if "rel_pos" in name or "embed" in name and "patch_embed" not in name or "token" in name and parameter.shape[0] < 5:
                parameter.copy_(0.5 * noise)
            elif name.endswith("running_var"):
                parameter.copy_(1 + 0.2 * noise.abs())
            elif name.endswith("attention_biases"):
                parameter.copy_(noise)
            elif parameter.ndim == 1:
                parameter.copy_(0.1 * noise + (1.0 if name.endswith("weight") else 0.0))
            else:
                parameter.copy_(noise / math.sqrt(parameter[0].numel()) if parameter.ndim > 1 else noise)
    return model.eval()
