"""Names of operations by what they do to a residual stream.

The names are those of the functions that torch hands to a TorchFunctionMode.
"""

from __future__ import annotations


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


ADD = _names("add add_ __add__ __radd__ __iadd__ iadd sub sub_ __sub__ __rsub__ __isub__ subtract rsub")

NORM = _names(
    "layer_norm batch_norm group_norm instance_norm rms_norm local_response_norm normalize native_layer_norm "
    "native_batch_norm native_group_norm"
)

VIEW = _names(
    "view reshape permute transpose contiguous flatten unsqueeze squeeze clone to type_as float half bfloat16 double "
    "dropout dropout_ dropout1d dropout2d dropout3d feature_dropout alpha_dropout feature_alpha_dropout expand roll "
    "movedim moveaxis swapaxes swapdims unflatten t view_as reshape_as __get__ __getitem__ select chunk split unbind "
    "tensor_split narrow pad identity write part"
)
"""What changes the shape of an activation, or drops some of it, and is no layer."""

IN_PLACE = _names("__setitem__ __iadd__ __isub__ __imul__ __itruediv__")
"""What writes into its first operand, besides names that end with an underscore."""

POOL = _names(
    "avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d max_pool1d max_pool2d max_pool3d"
)
"""What a skip may do to fit a branch with a stride."""

SCALE = _names("mul mul_ __mul__ __rmul__ __imul__ multiply div div_ __truediv__ __itruediv__ divide true_divide")

WEIGHT = _names(
    "linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d matmul __matmul__ __rmatmul__ mm "
    "addmm bmm baddbmm einsum bilinear multi_head_attention_forward lstm gru rnn_tanh rnn_relu"
)
"""Layers, when one of their operands is a parameter."""

CONVOLUTION = _names("conv1d conv2d conv3d")

TRANSFORM = _names(
    "fft_fft fft_fft2 fft_fftn fft_ifft fft_ifft2 fft_ifftn fft_rfft fft_rfft2 fft_rfftn fft_irfft fft_irfft2 "
    "fft_irfftn fft_hfft"
)
"""What mixes an activation as a layer does, without parameters."""

RECURRENT = _names("lstm gru rnn_tanh rnn_relu")

SQUASHES = _names("softmax log_softmax sigmoid sigmoid_ tanh tanh_ hardsigmoid")
"""A sum that only these read is a score or a gate and no residual stream."""

NO_ACTIVATION = _names(
    "new_empty new_zeros new_ones new_full new_tensor zeros_like ones_like empty_like rand_like randn_like full_like "
    "bernoulli rand randn arange zeros ones empty full bool eq ne lt le gt ge isnan argmax"
)
"""What takes at most the shape, or a yes or no, of an activation."""

WORDS = {"multi_head_attention_forward": "attention", "__matmul__": "matmul", "__rmatmul__": "matmul"}


def in_words(operation: str) -> str:
    """The operation's name as reports write it.

    >>> in_words("multi_head_attention_forward"), in_words("relu_"), in_words("__mul__")
    ('attention', 'relu', 'mul')
    """
    return WORDS.get(operation, operation.strip("_").removeprefix("fft_"))
