"""How architectures store their token matrices: names, rows and columns on disk, and what their config.json says.

Sizes are scaled down; what matters is kept: which tensors there are, which have rows for all tokens, what lies
beside them under names that could be taken for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

Shapes = Mapping[str, tuple[int, ...]]

V, D = 100, 8  # tokens and dimensions where nothing else is said


@dataclass(frozen=True)
class Architecture:
    """`tensors` by name with their shapes; what is searched by default is `unembedding`, or, where that is None,
    `embedding`. `config` is that of config.json."""

    name: str
    tensors: Shapes
    embedding: str | None
    unembedding: str | None = None
    head: str = "untied"
    config: dict[str, object] = field(default_factory=lambda: {"vocab_size": V})

    def __str__(self) -> str:
        return self.name


def _both(name: str, embedding: str, unembedding: str, *others: str, also: Shapes | None = None) -> Architecture:
    """An architecture that stores both matrices, `others` of a layer's shape (d, d), and `also` those of any."""
    tensors: Shapes = {embedding: (V, D), unembedding: (V, D), **dict.fromkeys(others, (D, D)), **(also or {})}
    return Architecture(name, tensors, embedding, unembedding)


def _tied(name: str, embedding: str, *others: str, **config: object) -> Architecture:
    """An architecture whose embedding is its unembedding too, as its config says or by the default."""
    says = {"vocab_size": V, "tie_word_embeddings": True, **config}
    return Architecture(name, {embedding: (V, D), **dict.fromkeys(others, (D, D))}, embedding, None, "tied", says)


def _encoder(name: str, embedding: str, tensors: Shapes, columns: int = D) -> Architecture:
    """An architecture without an unembedding."""
    config = {"vocab_size": V, "architectures": [f"{name.title()}Model"]}
    return Architecture(name, {embedding: (V, columns), **tensors}, embedding, None, "no head", config)


_LLAMA = ("model.embed_tokens.weight", "lm_head.weight", "model.layers.0.self_attn.q_proj.weight")
_BERT = {
    "embeddings.position_embeddings.weight": (V, D),  # as many positions as tokens
    "embeddings.token_type_embeddings.weight": (2, D),
    "encoder.layer.0.output.dense.weight": (D, 4 * D),
    "pooler.dense.weight": (D, D),
}


ARCHITECTURES = (
    _both("llama", *_LLAMA),
    _both("mistral", *_LLAMA),
    _both("mistral in its own format", "tok_embeddings.weight", "output.weight", "layers.0.attention.wq.weight"),
    _both("mixtral", *_LLAMA, "model.layers.0.block_sparse_moe.gate.weight"),
    _both("qwen2", *_LLAMA),
    # The layer that predicts further tokens has a copy of both.
    _both("deepseek-v3", *_LLAMA, also={"model.layers.61.embed_tokens.weight": (V, D), "mtp.head.weight": (V, D)}),
    _both("deepseek in its own format", "embed.weight", "head.weight", "layers.0.attn.wq_a.weight"),
    _both("qwen3-next", *_LLAMA, also={"mtp.fc.weight": (D, 2 * D), "mtp.embed_tokens.weight": (V, D)}),
    _both("phi", *_LLAMA),
    _both("phi-1 at first", "transformer.embd.wte.weight", "lm_head.linear.weight",
          "transformer.h.0.mixer.Wqkv.weight"),
    _both("gpt-neox", "gpt_neox.embed_in.weight", "embed_out.weight",
          "gpt_neox.layers.0.mlp.dense_h_to_4h.weight"),
    _both("gpt-j", "transformer.wte.weight", "lm_head.weight", "transformer.h.0.mlp.fc_in.weight"),
    _both("internlm2", "model.tok_embeddings.weight", "output.weight", "model.layers.0.feed_forward.w1.weight"),
    _both("chatglm", "transformer.embedding.word_embeddings.weight", "transformer.output_layer.weight"),
    _both("olmo in its own format", "model.transformer.wte.weight", "model.transformer.ff_out.weight",
          also={"model.transformer.blocks.0.ff_out.weight": (V, D)}),
    _both("rwkv", "rwkv.embeddings.weight", "head.weight", "rwkv.blocks.0.attention.key.weight"),
    _both("falcon-mamba", "backbone.embeddings.weight", "lm_head.weight",
          "backbone.layers.0.mixer.in_proj.weight"),
    _both("stablelm-alpha", "transformer.embed_in.weight", "transformer.embed_out.weight"),
    _both("biogpt", "biogpt.embed_tokens.weight", "output_projection.weight", "biogpt.embed_positions.weight"),
    _both("xlnet", "transformer.word_embedding.weight", "lm_loss.weight", "transformer.layer.0.ff.layer_1.weight"),
    _both("nanogpt", "transformer.wte.weight", "lm_head.weight", "transformer.wpe.weight"),
    _both("gpt-2 of transformer_lens", "embed.weight", "unembed.weight", "pos_embed.W_pos"),
    _both("t5 1.1", "shared.weight", "lm_head.weight", "encoder.block.0.layer.0.SelfAttention.q.weight"),
    _both("kosmos-2", "text_model.model.embed_tokens.weight", "text_model.lm_head.weight",
          "vision_model.model.embeddings.position_embedding.weight"),
    _both("llava", "language_model.model.embed_tokens.weight", "language_model.lm_head.weight",
          "vision_tower.vision_model.embeddings.position_embedding.weight",
          "multi_modal_projector.linear_1.weight"),
    # Flat on disk, though the classes nest the language model.
    _both("qwen2-vl", *_LLAMA, also={"visual.merger.mlp.0.weight": (V, D), "visual.patch_embed.proj.weight": (D,
          3, 2)}),
    _both("qwen3-vl", "model.language_model.embed_tokens.weight", "lm_head.weight",
          "model.visual.pos_embed.weight"),
    # Eight rows more at the input, for its images.
    Architecture("mllama", {
        "language_model.model.embed_tokens.weight": (V + 8, D),
        "language_model.lm_head.weight": (V, D),
        "vision_model.gated_positional_embedding.embedding": (V, D),
        "vision_model.pre_tile_positional_embedding.embedding.weight": (9, D),
    }, "language_model.model.embed_tokens.weight", "language_model.lm_head.weight",
        config={"text_config": {"vocab_size": V}}),
    # The talker has tokens and a head of its own.
    Architecture("qwen2.5-omni", {
        "thinker.model.embed_tokens.weight": (V, D),
        "thinker.lm_head.weight": (V, D),
        "talker.model.embed_tokens.weight": (V, D),
        "talker.codec_head.weight": (V, D),
        "token2wav.code2wav_dit_model.text_embed.codec_embed.weight": (9, D),
    }, "thinker.model.embed_tokens.weight", "thinker.lm_head.weight",
        config={"thinker_config": {"text_config": {"vocab_size": V}}}),
    Architecture("internvl", {
        "language_model.model.tok_embeddings.weight": (V, D),
        "language_model.output.weight": (V, D),
        "mlp1.3.weight": (D, D),
        "head.weight": (10, D),
    }, "language_model.model.tok_embeddings.weight", "language_model.output.weight",
        config={"llm_config": {"vocab_size": V}}),
    Architecture("deepseek-vl2", {
        "language.model.embed_tokens.weight": (V, D),
        "language.lm_head.weight": (V, D),
        "vision.blocks.0.attn.qkv.weight": (V, D),
        "vision.head.weight": (V, D),
    }, "language.model.embed_tokens.weight", "language.lm_head.weight",
        config={"language_config": {"vocab_size": V}}),
    # A second table has numbers for each layer in each token's row.
    Architecture("gemma3n", {
        "model.language_model.embed_tokens.weight": (V, D),
        "model.language_model.embed_tokens_per_layer.weight": (V, 3 * D),
        "model.embed_audio.embedding.weight": (V, D),
        "model.embed_vision.embedding.weight": (V, D),
    }, "model.language_model.embed_tokens.weight", None, "tied",
        {"text_config": {"vocab_size": V}, "architectures": ["Gemma3nForConditionalGeneration"]}),
    _both("chameleon", *_LLAMA, also={"model.vqmodel.quantize.embedding.weight": (20, D)}),
    _tied("gpt-2", "wte.weight", "wpe.weight", "h.0.attn.c_attn.weight"),
    _tied("gpt", "tokens_embed.weight", "positions_embed.weight", "h.0.mlp.c_fc.weight"),
    _tied("gemma", "model.embed_tokens.weight", "model.layers.0.mlp.up_proj.weight"),
    _tied("bloom", "word_embeddings.weight", "word_embeddings_layernorm.weight", "h.0.mlp.dense_4h_to_h.weight"),
    _tied("falcon", "transformer.word_embeddings.weight", "transformer.h.0.self_attention.dense.weight"),
    _tied("mpt", "transformer.wte.weight", "transformer.blocks.0.attn.Wqkv.weight"),
    _tied("whisper", "model.decoder.embed_tokens.weight", "model.decoder.embed_positions.weight"),
    _tied("t5", "shared.weight", "decoder.block.0.layer.2.DenseReluDense.wo.weight"),
    _tied("qwen2-vl, small", "model.embed_tokens.weight", "visual.blocks.0.attn.qkv.weight"),
    # Factorised: rows of 6 numbers, projected to 8.
    Architecture("opt", {
        "model.decoder.embed_tokens.weight": (V, 6),
        "model.decoder.project_in.weight": (D, 6),
        "model.decoder.embed_positions.weight": (V, D),
    }, "model.decoder.embed_tokens.weight", None, "tied", {"vocab_size": V, "architectures": ["OPTForCausalLM"]}),
    _both("bert with its head", "bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight",
          "cls.predictions.transform.dense.weight", also={f"bert.{name}": shape for name, shape in _BERT.items()}),
    _both("roberta with its head", "roberta.embeddings.word_embeddings.weight", "lm_head.decoder.weight",
          "lm_head.dense.weight", also={f"roberta.{name}": shape for name, shape in _BERT.items()}),
    _both("distilbert with its head", "distilbert.embeddings.word_embeddings.weight", "vocab_projector.weight",
          "vocab_transform.weight", also={"distilbert.embeddings.position_embeddings.weight": (V, D)}),
    _both("electra's generator", "electra.embeddings.word_embeddings.weight", "generator_lm_head.weight",
          "electra.embeddings_project.weight"),
    _both("albert with its head", "albert.embeddings.word_embeddings.weight", "predictions.decoder.weight",
          "albert.encoder.embedding_hidden_mapping_in.weight"),
    _both("modernbert with its head", "model.embeddings.tok_embeddings.weight", "decoder.weight",
          "head.dense.weight"),
    _both("bart with its head", "model.shared.weight", "lm_head.out_proj.weight",
          "model.encoder.embed_positions.weight"),
    _encoder("bert", "embeddings.word_embeddings.weight", _BERT),
    _encoder("albert", "embeddings.word_embeddings.weight", {"encoder.embedding_hidden_mapping_in.weight": (D,
          6)}, 6),
    _encoder("clip", "text_model.embeddings.token_embedding.weight", {
        "text_model.embeddings.position_embedding.weight": (V, D),
        "vision_model.embeddings.position_embedding.weight": (V, D),
        "visual_projection.weight": (D, D),
    }),
    _encoder("nomic", "embeddings.word_embeddings.weight", {"embeddings.token_type_embeddings.weight": (V, D)}),
    _encoder("model2vec", "embeddings", {}),
    _encoder("static embedding", "embedding.weight", {}),
    _encoder("xlm", "transformer.embeddings.weight", {"transformer.position_embeddings.weight": (V, D)}),
)  # fmt: skip
