"""Loads an exported adapter with the original code of PEFT and holds the merged model against the one exported whole.

Needs PEFT and transformers (checked with PEFT 0.21, transformers 5.18, PyTorch 2.13):
    ./rafclip model export --model BASE --format hf --out base-hf
    ./rafclip model export --run RUN --format hf --out merged-hf
    ./rafclip model export --run RUN --format peft --out adapter
    python3 rafclip-model/src/test/python/check_adapter.py base-hf adapter merged-hf
"""
import sys

import torch
from peft import PeftModel
from transformers import CLIPModel

base, adapter, merged = sys.argv[1:]
model = PeftModel.from_pretrained(CLIPModel.from_pretrained(base), adapter).eval()
whole = CLIPModel.from_pretrained(merged).eval()
plain = CLIPModel.from_pretrained(base).eval()
missing = [name for name, value in model.named_parameters() if "lora_B" in name and not value.any()]
size = whole.config.vision_config.image_size
torch.manual_seed(1)
inputs = {"pixel_values": torch.randn(3, 3, size, size),
          "input_ids": torch.tensor([[1, 2, 3, whole.config.text_config.eos_token_id]] * 2)}
with torch.no_grad():
    beside, expected, before = model(**inputs), whole(**inputs), plain(**inputs)
    together = model.merge_and_unload()(**inputs)
for name in ("image_embeds", "text_embeds", "logits_per_image"):
    print(f"{name}: adapter beside {(beside[name] - expected[name]).abs().max():.1e},"
          f" merged {(together[name] - expected[name]).abs().max():.1e}, base {(before[name] - expected[name]).abs().max():.1e}")
print(f"{len(missing)} factors B left at zero")
