"""The zoo: small workloads, each an ordinary spec with a fixed grid of rates, and which part of the zoo it belongs to.

Every curve of the grid is labelled by eye (labels.csv), and every sweep has its right verdict (verdicts.yaml). The
*split* was fixed before anything was labelled or judged: thresholds may be looked at on the half `developed` only.
The half `held_out` was looked at once, and rules were mended after it; so was the part `fresh`, which was written
later and labelled before anything had judged it. Both are looked at by now and developed on. The part `fresh2` was
written, trained and labelled after that, again before anything had judged it.
"""

from __future__ import annotations

from collections import Counter

from benchmarks.trials.fresh_workloads import FRESH, FRESH_2
from benchmarks.trials.workload import ADAM, ADAMW, MOMENTUM, MSE, RMSPROP, SEEDS, SGD, Half, Kind, Workload

__all__ = ["BY_NAME", "FRESH", "FRESH_2", "SEEDS", "ZOO", "Half", "Kind", "Workload", "split_counts"]

# fmt: off
# One workload in a few lines, so that the zoo can be read as a table.
NOISE = (
    Workload(
        "poisson_counts", "noise", 1e-4, 1e-1,
        ("nets:Mlp", {"sizes": [10, 32, 32, 1]}), ("data:regression", {"target": "counts"}), 8, ADAMW,
        loss="steps:poisson", trivial="poisson",
    ),
    Workload(
        "student_t_target", "noise", 3e-4, 1.0,
        ("nets:Mlp", {"sizes": [10, 48, 48, 1]}), ("data:regression", {"target": "student"}), 8, ADAM, loss=MSE,
        trivial="variance",
    ),
    Workload(
        "pareto_prices", "noise", 1e-5, 3e-2,
        ("nets:Mlp", {"sizes": [10, 32, 32, 1], "activation": "gelu"}), ("data:regression", {"target": "pareto"}), 4,
        MOMENTUM, loss=MSE, trivial="variance",
    ),
    Workload(
        "outlier_targets", "noise", 3e-4, 3e-1,
        ("nets:Mlp", {"sizes": [10, 32, 1], "activation": "tanh"}), ("data:regression", {"target": "outliers"}), 16,
        RMSPROP, loss=MSE, trivial="variance",
    ),
    Workload(
        "label_noise_batch_1", "noise", 1e-3, 1.0,
        ("nets:Mlp", {"sizes": [8, 32, 4]}),
        ("data:blobs", {"n_classes": 4, "n_features": 8, "spread": 1.0, "noisy_labels": 0.3}), 1, SGD,
    ),
    Workload(
        "label_noise_batch_2", "noise", 1e-4, 3e-1,
        ("nets:Mlp", {"sizes": [12, 32, 32, 6], "norm": True}),
        ("data:blobs", {"n_classes": 6, "n_features": 12, "spread": 1.2, "noisy_labels": 0.25}), 2, ADAM,
    ),
    Workload(
        "rare_event_weighted", "noise", 1e-4, 1e-1,
        ("nets:Mlp", {"sizes": [10, 24, 1]}), ("data:rare_event", {}), 8, ADAMW, loss="steps:weighted_rare",
        trivial="weighted_rare",
    ),
    Workload(
        "long_tail_weighted", "noise", 1e-5, 1e-2,
        ("nets:Mlp", {"sizes": [12, 48, 12]}), ("data:long_tail", {}), 4, MOMENTUM, loss="steps:inverse_frequency",
        trivial="inverse_frequency",
    ),
)

HEALTHY = (
    Workload(
        "softmax_regression", "healthy", 1e-2, 1e1,
        ("nets:Mlp", {"sizes": [64, 10]}), ("data:digit_vectors", {}), 64, SGD, max_train_steps=200,
    ),
    Workload(
        "linear_regression", "healthy", 3e-3, 3.0,
        ("nets:Mlp", {"sizes": [10, 1]}), ("data:regression", {"target": "gauss"}), 64, SGD, loss=MSE,
        max_train_steps=200, trivial="variance",
    ),
    Workload(
        "batchnorm_conv", "healthy", 1e-3, 3.0,
        ("nets:ConvNet", {"depth": 3, "width": 8, "norm": True}), ("data:digit_images", {}), 32, MOMENTUM,
        max_train_steps=200,
    ),
    Workload(
        "dropout_mlp", "healthy", 1e-4, 1e-1,
        ("nets:Mlp", {"sizes": [64, 96, 96, 10], "dropout": 0.6}), ("data:digit_vectors", {}), 32, ADAMW,
    ),
    Workload(
        "prenorm_transformer", "healthy", 1e-4, 1e-1,
        ("nets:Transformer", {"vocabulary": 20, "length": 24, "width": 24, "depth": 2, "norm": "pre"}),
        ("data:characters", {}), 16, ADAMW, max_train_steps=150, step="steps:next_symbol", trivial="unigrams",
    ),
    Workload(
        "gru_sums", "healthy", 3e-4, 3e-1,
        ("nets:Recurrent", {"cell": "gru", "width": 24, "n_out": 1, "n_features": 2}),
        ("data:running_sums", {"length": 10}), 16, ADAM, loss=MSE, max_train_steps=200, trivial="variance",
    ),
    Workload(
        "vae_sines", "healthy", 1e-4, 1e-1,
        ("nets:Vae", {"n_features": 32, "width": 64, "n_hidden": 4}), ("data:curves", {}), 32, ADAM,
        step="steps:evidence_bound", trivial="total_variance",
    ),
    Workload(
        "autoencoder_sines", "healthy", 1e-5, 3e-2,
        ("nets:Mlp", {"sizes": [32, 64, 6, 64, 32]}), ("data:curves", {}), 32, RMSPROP, loss=MSE, trivial="variance",
    ),
    Workload(
        "contrastive_views", "healthy", 3e-2, 3e1,
        ("nets:Twin", {"n_features": 24, "width": 48, "n_out": 16}), ("data:pairs", {}), 32, MOMENTUM,
        step="steps:contrast", trivial="log_batch",
    ),
    Workload(
        "tabular_embeddings", "healthy", 1e-3, 1.0,
        ("nets:Tabular", {"width": 48}), ("data:table", {}), 32, MOMENTUM, loss="torch.nn.BCEWithLogitsLoss",
        trivial="binary_entropy",
    ),
    Workload(
        "matrix_factors", "healthy", 1e-1, 1e2,
        ("nets:Factors", {"n_rows": 80, "n_columns": 60, "rank": 6}), ("data:low_rank", {}), 64, SGD, loss=MSE,
        max_train_steps=400, trivial="variance",
    ),
    Workload(
        "layernorm_mlp", "healthy", 1e-3, 3.0,
        ("nets:Mlp", {"sizes": [64, 64, 64, 64, 10], "norm": True, "activation": "gelu"}), ("data:digit_vectors", {}),
        16, MOMENTUM, max_train_steps=250,
    ),
)

FINETUNING = (
    Workload(
        "finetuned_digits", "finetuning", 1e-4, 1e-1,
        ("nets:trained_before", {"sizes": [64, 48, 48, 10], "source": "digits"}), ("data:digit_vectors", {}), 16,
        ADAMW, max_train_steps=200,
    ),
    Workload(
        "finetuned_outliers", "finetuning", 1e-4, 1e-1,
        ("nets:trained_before", {"sizes": [10, 48, 48, 1], "source": "gauss"}),
        ("data:regression", {"target": "outliers"}), 16, MOMENTUM, loss=MSE, max_train_steps=200, trivial="variance",
    ),
    Workload(
        "finetuned_regression", "finetuning", 1e-4, 3e-1,
        ("nets:trained_before", {"sizes": [10, 48, 48, 1], "source": "gauss"}),
        ("data:regression", {"target": "gauss"}), 16, ADAM, loss=MSE, max_train_steps=200, trivial="variance",
    ),
    Workload(
        "finetuned_digits_momentum", "finetuning", 3e-4, 1.0,
        ("nets:trained_before", {"sizes": [64, 48, 48, 48, 10], "source": "digits"}), ("data:digit_vectors", {}), 32,
        MOMENTUM, max_train_steps=200,
    ),
)

COLLAPSE = (
    Workload(
        "postnorm_characters", "collapse", 3e-4, 1e-1,
        ("nets:Transformer", {"vocabulary": 20, "length": 24, "width": 16, "depth": 6, "norm": "post"}),
        ("data:characters", {}), 8, ADAM, max_train_steps=150, step="steps:next_symbol", trivial="unigrams",
    ),
    Workload(
        "postnorm_majority", "collapse", 3e-4, 1e-1,
        ("nets:Transformer", {"vocabulary": 5, "length": 16, "width": 16, "depth": 6, "norm": "post", "n_out": 5}),
        ("data:majority_symbol", {}), 16, ADAMW, max_train_steps=150,
    ),
    Workload(
        "deep_conv_large_init", "collapse", 1e-4, 1e-1,
        ("nets:ConvNet", {"depth": 10, "width": 6, "norm": False, "gain": 1.9}), ("data:digit_images", {}), 16,
        MOMENTUM, max_train_steps=250,
    ),
    Workload(
        "deep_relu_mlp", "collapse", 1e-4, 1e-1,
        ("nets:Mlp", {"sizes": [64, 64, 64, 64, 64, 64, 64, 64, 10], "gain": 1.5}), ("data:digit_vectors", {}), 16,
        ADAM,
    ),
    Workload(
        "narrow_relu_blobs", "collapse", 1e-3, 1.0,
        ("nets:Mlp", {"sizes": [12, 12, 12, 12, 8], "gain": 2.5}),
        ("data:blobs", {"n_classes": 8, "n_features": 12, "spread": 0.7}), 16, SGD,
    ),
    Workload(
        "residual_no_norm", "collapse", 1e-4, 1e-1,
        ("nets:ResidualNet", {"n_features": 64, "width": 32, "n_blocks": 8, "n_classes": 10}),
        ("data:digit_vectors", {}), 32, MOMENTUM,
    ),
    Workload(
        "dead_output_counts", "collapse", 1e-4, 3e-1,
        ("nets:ReluRegressor", {"sizes": [10, 32, 32, 1]}), ("data:regression", {"target": "counts"}), 16, ADAM,
        loss=MSE, trivial="variance",
    ),
    Workload(
        "deep_tanh_mlp", "collapse", 1e-3, 3.0,
        ("nets:Mlp", {"sizes": [64, 40, 40, 40, 40, 40, 10], "activation": "tanh", "gain": 1.0}),
        ("data:digit_vectors", {}), 16, MOMENTUM,
    ),
    Workload(
        "lstm_majority", "collapse", 3e-4, 1.0,
        ("nets:Recurrent", {"cell": "lstm", "width": 24, "n_out": 5, "vocabulary": 5}), ("data:majority_symbol", {}),
        16, ADAM,
    ),
    Workload(
        "tanh_rnn_memory", "collapse", 1e-4, 1e-1,
        ("nets:Recurrent", {"cell": "rnn", "width": 32, "n_out": 8, "vocabulary": 8, "gain": 1.5}),
        ("data:first_symbol", {"length": 6}), 16, RMSPROP, max_train_steps=400,
    ),
    Workload(
        "conv_adam_no_norm", "collapse", 1e-4, 1e-1,
        ("nets:ConvNet", {"depth": 7, "width": 6, "norm": False, "gain": 1.6}), ("data:digit_images", {}), 16, ADAMW,
        max_train_steps=250,
    ),
)

NOT_THE_RATE = (
    Workload(
        "missing_value", "not_the_rate", 1e-4, 1e-1,
        ("nets:Mlp", {"sizes": [12, 32, 5]}), ("data:rows_with_nan", {}), 8, ADAM,
    ),
    Workload(
        "log_of_zero", "not_the_rate", 1e-4, 1e-1,
        ("nets:Mlp", {"sizes": [10, 32, 1]}), ("data:half_zero_log_targets", {}), 4, MOMENTUM, loss="steps:log_error",
        trivial=None,
    ),
    Workload(
        "ramped_divergence", "not_the_rate", 1e-4, 1e-2,
        ("nets:Vae", {"n_features": 32, "width": 64, "n_hidden": 6}), ("data:curves", {}), 32, ADAMW,
        step="steps:ramped_bound", trivial=None,
    ),
    Workload(
        "growing_noise", "not_the_rate", 1e-3, 3e-2,
        ("nets:Mlp", {"sizes": [64, 64, 10]}), ("data:digit_vectors", {}), 32, MOMENTUM, step="steps:growing_noise",
    ),
    Workload(
        "unrelated_labels", "not_the_rate", 1e-4, 1e-2,
        ("nets:Mlp", {"sizes": [16, 32, 6]}), ("data:unrelated_labels", {}), 32, ADAM,
    ),
    Workload(
        "detached_output", "not_the_rate", 1e-3, 1.0,
        ("nets:Detached", {"sizes": [64, 48, 10]}), ("data:digit_vectors", {}), 32, SGD, max_train_steps=150,
    ),
    Workload(
        "own_step_size", "not_the_rate", 1e-5, 1e-1,
        ("nets:Mlp", {"sizes": [64, 48, 10]}), ("data:digit_vectors", {}), 32,
        {"class_path": "benchmarks.trials.steps:OwnRate"}, max_train_steps=200,
    ),
    Workload(
        "inner_optimizer", "not_the_rate", 1e-4, 1.0,
        ("nets:Tabular", {"width": 32}), ("data:table", {}), 32, {"class_path": "benchmarks.trials.steps:Wrapped"},
        loss="torch.nn.BCEWithLogitsLoss", max_train_steps=200, trivial="binary_entropy",
    ),
    Workload(
        "model_made_once", "not_the_rate", 1e-3, 1e-1,
        ("nets:made_once", {"sizes": [64, 48, 10]}), ("data:digit_vectors", {}), 32, SGD, max_train_steps=150,
    ),
    Workload(
        "unseeded_weights", "not_the_rate", 1e-3, 1e-1,
        ("nets:unseeded", {"sizes": [64, 48, 10]}), ("data:digit_vectors", {}), 32, SGD, max_train_steps=150,
    ),
)

# fmt: on
ZOO = (*NOISE, *HEALTHY, *FINETUNING, *COLLAPSE, *NOT_THE_RATE, *FRESH, *FRESH_2)
BY_NAME = {w.name: w for w in ZOO}


def split_counts() -> Counter[tuple[Kind, Half]]:
    """How many workloads of each kind lie in each part."""
    return Counter((w.kind, w.half) for w in ZOO)
