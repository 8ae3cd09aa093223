"""The original code of SigLIP's towers, run where only PyTorch is installed: what it imports beside is replaced by the little
that it uses.

TRANSFORMERS is the folder of the package (4.57), TIMM and OPEN_CLIP those that hold the packages timm and open_clip.
"""
import dataclasses
import importlib
import importlib.machinery
import pathlib
import sys
import types

import torch
from torch import nn


def module(name, path=None, **content):
    made = types.ModuleType(name)
    made.__dict__.update(content)
    if path is not None:
        made.__path__ = [str(path)]
    sys.modules[name] = made
    return made


def decorator(*args, **kwargs):
    """A decorator that changes nothing, with or without arguments."""
    if len(args) == 1 and not kwargs and callable(args[0]):
        return args[0]
    return lambda decorated: decorated


@dataclasses.dataclass
class Output:
    last_hidden_state: object = None
    pooler_output: object = None


class Config:
    def __init__(self, **kwargs):
        self._attn_implementation = "eager"
        self.__dict__.update(kwargs)

    def __init_subclass__(cls, **kwargs):
        pass


class Pretrained(nn.Module):
    def __init__(self, config, *args, **kwargs):
        super().__init__()
        self.config = config

    @classmethod
    def _from_config(cls, config):
        return cls(config)

    def post_init(self):
        pass


def siglip_of_transformers(folder):
    """The classes SiglipModel and SiglipConfig."""
    folder = pathlib.Path(folder)
    tanh = types.SimpleNamespace(warning=lambda *_: None, info=lambda *_: None)
    module("transformers", folder)
    module("transformers.models", folder / "models")
    module("transformers.models.siglip", folder / "models" / "siglip")
    module("transformers.activations", ACT2FN={"gelu_pytorch_tanh": nn.GELU(approximate="tanh"), "gelu": nn.GELU()})
    module("transformers.modeling_attn_mask_utils", _prepare_4d_attention_mask=None)
    module("transformers.modeling_layers", GradientCheckpointingLayer=nn.Module)
    module("transformers.modeling_outputs", BaseModelOutput=Output, BaseModelOutputWithPooling=Output,
           ImageClassifierOutput=Output)
    module("transformers.modeling_utils", ALL_ATTENTION_FUNCTIONS={}, PreTrainedModel=Pretrained)
    module("transformers.configuration_utils", PretrainedConfig=Config)

    class Unpack:
        def __class_getitem__(cls, item):
            return item

    module("transformers.processing_utils", Unpack=Unpack)
    module("transformers.utils", folder / "utils", ModelOutput=object, TransformersKwargs=dict, auto_docstring=decorator,
           can_return_tuple=decorator, filter_out_non_signature_kwargs=decorator, torch_int=int,
           logging=types.SimpleNamespace(get_logger=lambda name: tanh))
    module("transformers.utils.generic", check_model_inputs=decorator)
    modeling = importlib.import_module("transformers.models.siglip.modeling_siglip")
    configuration = importlib.import_module("transformers.models.siglip.configuration_siglip")
    return modeling.SiglipModel, configuration.SiglipConfig


class Anything(types.ModuleType):
    """A module that has everything and does nothing; a class is a class of its own."""
    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class Absent:
    """Finds modules that are not installed, for the imports of code that is never run."""

    def __init__(self, *roots):
        self.roots = roots

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.roots:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return Anything(spec.name)

    def exec_module(self, made):
        pass


def attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None):
    """PyTorch's scaled_dot_product_attention, which there is from 2.0 on, without dropout."""
    scores = query @ key.transpose(-2, -1) * (scale or query.shape[-1] ** -0.5)
    return (scores if attn_mask is None else scores + attn_mask).softmax(-1) @ value


def custom_text_clip(timm, open_clip):
    """The class CustomTextCLIP of open_clip.model, on timm's towers."""
    if not hasattr(nn.functional, "scaled_dot_product_attention"):
        nn.functional.scaled_dot_product_attention = attention
    sys.path.insert(0, str(timm))
    sys.meta_path.append(Absent("torchvision", "huggingface_hub", "safetensors", "transformers", "ftfy", "regex", "tqdm"))
    sys.modules["timm.data"] = Anything("timm.data")
    module("open_clip", pathlib.Path(open_clip) / "open_clip")
    return importlib.import_module("open_clip.model").CustomTextCLIP
