"""The names of the two token matrices in checkpoints, and of the tensors that show that a matrix is incomplete.

A name is recognised by its last component before ".weight": `model.embed_tokens.weight` is an embedding,
`lm_head.weight` an unembedding. tests/support/architectures.py has the table of tested architectures.
"""

from collections.abc import Iterable
from typing import Final, Literal

Matrix = Literal["unembedding", "embedding"]
MATRICES: Final[tuple[Matrix, ...]] = ("unembedding", "embedding")

_EMBEDDINGS: Final = frozenset(
    [
        "embed_tokens",
        "wte",
        "word_embeddings",
        "word_embedding",
        "tok_embeddings",
        "embed_in",
        "embedding",
        "embeddings",
        "token_embedding",
        "token_embeddings",
        "shared",
        "in_out_embed",
        "embed",
        "tokens_embed",
        "input_embedding",
    ]
)
_UNEMBEDDINGS: Final = frozenset(
    [
        "lm_head",
        "embed_out",
        "output",
        "output_layer",
        "head",
        "proj_out",
        "generator_lm_head",
        "vocab_projector",
        "lm_loss",
        "output_projection",
        "unembed",
    ]
)
# Names that mean an unembedding only below these components.
_UNEMBEDDINGS_BELOW: Final = frozenset(
    ("lm_head.decoder", "lm_head.linear", "lm_head.out_proj", "predictions.decoder", "transformer.ff_out")
)
# A component with one of these words between underscores belongs to a part without a matrix of all tokens.
_PARTS_BESIDE: Final = frozenset(
    ["vision", "visual", "audio", "image", "video", "talker", "codec", "mtp", "layers", "blocks", "position"]
)
_TABLES_BESIDE: Final = ("token_type", "per_layer")

_LONGEST_NAME: Final = 1000  # characters; no module has a longer name, and a hostile one could fill the memory

# The tensors that a quantised layer stores beside its weight or in its place.
SCALES: Final = ("scales", "weight_scale", "weight_scale_inv", "weight_packed", "qweight")
# The second tensor of a matrix in two tensors. It holds added rows, and is named below the first or beside it.
REST_BELOW: Final = ("additional_embedding.weight", "additional_fc.weight")
REST_BESIDE: Final = "new_embedding"


def layer_of(tensor: str) -> str:
    """The layer that a tensor belongs to: the tensor's name without ".weight" or the suffix that replaces it."""
    layer, _, last = tensor.rpartition(".")
    return layer if layer and (last == "weight" or last in SCALES) else tensor


def matrix_of(tensor: str) -> Matrix | None:
    """The matrix of a language model that `tensor` names; None for any other tensor."""
    if len(tensor) > _LONGEST_NAME:
        return None
    components = layer_of(tensor).split(".")
    last = components[-1]
    matrix: Matrix
    if last in _EMBEDDINGS:
        matrix = "embedding"
    elif last in _UNEMBEDDINGS or ".".join(components[-2:]) in _UNEMBEDDINGS_BELOW or components == ["decoder"]:
        matrix = "unembedding"
    else:
        return None
    return None if any(_is_beside(component) for component in components) else matrix


def layers_with_a_matrix(tensors: Iterable[str]) -> dict[Matrix, list[str]]:
    """The layers among `tensors` that are one of the two matrices by name, sorted."""
    found: dict[Matrix, set[str]] = {matrix: set() for matrix in MATRICES}
    # Nearly all tensors belong to transformer layers, so that skipping these first saves time.
    for tensor in [name for name in tensors if ".layers." not in name and ".blocks." not in name]:
        if matrix := matrix_of(tensor):
            found[matrix].add(layer_of(tensor))
    return {matrix: sorted(layers) for matrix, layers in found.items()}


def _is_beside(component: str) -> bool:
    if any(table in component for table in _TABLES_BESIDE):
        return True
    return not _PARTS_BESIDE.isdisjoint(component.split("_"))
