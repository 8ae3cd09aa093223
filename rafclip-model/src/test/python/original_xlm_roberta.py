"""The original code of transformers' XLM-RoBERTa as OpenCLIP's text tower, run where only PyTorch is installed: what it imports
beside is replaced by the little that it uses.

TRANSFORMERS is the folder of the package (4.57).
"""
import importlib
import pathlib
import types

import torch
from torch import nn

from original_siglip import Anything, Config, Pretrained, decorator, module

# What the files config.json of xlm-roberta-base and -large say, as far as it is not the code's default.
PUBLISHED = {
    "xlm-roberta-base": dict(vocab_size=250002, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5),
    "xlm-roberta-large": dict(vocab_size=250002, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5,
                              hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096),
}


class Output:
    def __init__(self, last_hidden_state=None, pooler_output=None, **others):
        self.last_hidden_state = last_hidden_state
        self.pooler_output = pooler_output

        self.__dict__.update(others)

    def __getitem__(self, place):
        return self.last_hidden_state

    def __getattr__(self, name):
        return None


class Settings(Config):
    def __init__(self, **kwargs):
        super().__init__(output_attentions=False, output_hidden_states=False, use_return_dict=True, is_decoder=False,
                         add_cross_attention=False, chunk_size_feed_forward=0, **kwargs)


class Model(Pretrained):
    def warn_if_padding_and_no_attention_mask(self, *args):
        pass

    def get_extended_attention_mask(self, mask, shape):
        return (1.0 - mask[:, None, None, :].float()) * torch.finfo(torch.float32).min

    def get_head_mask(self, mask, layers):
        return [None] * layers


def install(folder):
    """Makes `import transformers` find XLM-RoBERTa and nothing else."""
    folder = pathlib.Path(folder)
    transformers = module("transformers", folder)
    module("transformers.models", folder / "models")
    module("transformers.models.xlm_roberta", folder / "models" / "xlm_roberta")
    module("transformers.activations", ACT2FN={"gelu": nn.functional.gelu}, gelu=nn.functional.gelu)
    for name in ("cache_utils", "generation", "modeling_attn_mask_utils", "onnx"):
        module("transformers." + name).__class__ = Anything
    module("transformers.modeling_layers", GradientCheckpointingLayer=nn.Module)
    outputs = module("transformers.modeling_outputs")
    outputs.__class__ = Anything
    for name in ("BaseModelOutputWithPoolingAndCrossAttentions", "BaseModelOutputWithPastAndCrossAttentions"):
        setattr(outputs, name, Output)
    module("transformers.modeling_utils", PreTrainedModel=Model)
    module("transformers.configuration_utils", PretrainedConfig=Settings)
    module("transformers.pytorch_utils", apply_chunking_to_forward=lambda forward, size, dimension, *x: forward(*x),
           find_pruneable_heads_and_indices=None, prune_linear_layer=None)
    silent = types.SimpleNamespace(warning=lambda *_: None, info=lambda *_: None, warning_once=lambda *_: None)
    module("transformers.utils", folder / "utils", auto_docstring=decorator,
           logging=types.SimpleNamespace(get_logger=lambda name: silent))
    module("transformers.utils.deprecation", deprecate_kwarg=lambda *args, **kwargs: decorator)
    modeling = importlib.import_module("transformers.models.xlm_roberta.modeling_xlm_roberta")
    configuration = importlib.import_module("transformers.models.xlm_roberta.configuration_xlm_roberta")

    class AutoConfig:
        @staticmethod
        def from_pretrained(name):
            return configuration.XLMRobertaConfig(**PUBLISHED[name])

    class AutoModel:
        @staticmethod
        def from_config(config, add_pooling_layer):
            return modeling.XLMRobertaModel(config, add_pooling_layer=add_pooling_layer)

    transformers.AutoConfig, transformers.AutoModel = AutoConfig, AutoModel
    transformers.AutoTokenizer, transformers.PretrainedConfig = None, Settings
