"""The zoo: small workloads, each an ordinary spec with a fixed grid of rates, and which part of the zoo it belongs to.

Every curve of the grid is labelled by eye (labels.csv), and every sweep has its right verdict (verdicts.yaml). The
*split* was fixed before anything was labelled or judged: thresholds may be looked at on the half `developed` only.
The half `held_out` was looked at once, and rules were mended after it; so was the part `fresh`, which was written
later and labelled before anything had judged it. Both are looked at by now and developed on. The part `fresh2` was
written, trained and labelled after that, again before anything had judged it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml

Kind = Literal["noise", "healthy", "finetuning", "collapse", "not_the_rate"]
Half = Literal["developed", "held_out", "fresh", "fresh2"]

SEEDS = (0, 1, 2)
N_RATES = 7
FIRST_HALF: dict[Kind, int] = {"noise": 0, "healthy": 1, "finetuning": 0, "collapse": 1, "not_the_rate": 0}
"""kind -> whether its first workload in the order of ZOO is developed (0) or held out (1); then they alternate.

So both halves have every kind, and which workload is in which follows from the order in which they were written down.
A new one goes to a part of its own: anywhere else it would belong to one that has been looked at.
"""


@dataclass(frozen=True)
class Workload:
    """One workload of the zoo.

    Args:
        name: unique; the spec's name and that of its folder.
        kind: what it is there for. Not its verdict: a `healthy` workload breaks at a high enough rate.
        low, high: the least and the greatest rate; N_RATES lie evenly between them on a log scale.
        model, data: class path below this package, such as "nets:Mlp", and its init_args.
        batch_size: None where the data come in batches.
        loss: a class path below this package, or a full one.
        optimizer: as in a spec.
        max_train_steps: of every trial.
        step: a step hook below this package.
        trivial: how the loss of the best constant prediction follows from the training targets, see `trivial.py`;
            None where there is no such thing.
    """

    name: str
    kind: Kind
    low: float
    high: float
    model: tuple[str, dict[str, Any]]
    data: tuple[str, dict[str, Any]]
    batch_size: int | None
    optimizer: dict[str, Any]
    loss: str = "torch.nn.CrossEntropyLoss"
    max_train_steps: int = 300
    step: str | None = None
    schedule: dict[str, Any] = field(default_factory=lambda: {"name": "constant"})
    trivial: str | None = "entropy"

    @property
    def rates(self) -> tuple[float, ...]:
        """The fixed grid, three digits each."""
        return tuple(float(f"{r:.3g}") for r in np.geomspace(self.low, self.high, N_RATES))

    @property
    def eval_every(self) -> int:
        """Updates between two evaluations: ten a trial."""
        return self.max_train_steps // 10

    @property
    def half(self) -> Half:
        """See FIRST_HALF; what is in FRESH or FRESH_2 is in neither of the two."""
        if self.name in {w.name for w in FRESH}:
            return "fresh"
        if self.name in {w.name for w in FRESH_2}:
            return "fresh2"
        position = [w.name for w in ZOO if w.kind == self.kind].index(self.name)
        return "developed" if (position + FIRST_HALF[self.kind]) % 2 == 0 else "held_out"

    def spec(self) -> dict[str, Any]:
        """The spec as a mapping."""
        data = {"class_path": _path(self.data[0]), "init_args": self.data[1]}
        spec = {
            "name": self.name,
            "model": {"class_path": _path(self.model[0]), "init_args": self.model[1]},
            "data": data if self.batch_size is None else {**data, "batch_size": self.batch_size},
            "loss": {"class_path": _path(self.loss)},
            "step": _path(self.step) if self.step else None,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "max_train_steps": self.max_train_steps,
            "eval_every": self.eval_every,
            "seeds": list(SEEDS),
            "device": "cpu",
            "sweep": {"values": list(self.rates)},
        }
        return {key: value for key, value in spec.items() if value is not None}

    def write(self, folder: Path) -> Path:
        """Writes the spec as YAML into the folder, as NAME.yaml, and returns its path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.yaml"
        path.write_text(yaml.safe_dump(self.spec(), sort_keys=False))
        return path


def _path(short: str) -> str:
    """ "nets:Mlp" -> "benchmarks.trials.nets:Mlp"; what is no module of this package stays as it is."""
    return f"benchmarks.trials.{short}" if ":" in short else short


SGD: dict[str, Any] = {"name": "sgd"}
MOMENTUM: dict[str, Any] = {"name": "momentum", "momentum": 0.9}
ADAM: dict[str, Any] = {"name": "adam"}
ADAMW: dict[str, Any] = {"name": "adamw", "weight_decay": 0.01}
RMSPROP: dict[str, Any] = {"name": "rmsprop"}
MSE = "torch.nn.MSELoss"

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

FRESH = (
    Workload(
        "gamma_claims", "noise", 1e-4, 1e-1,
        ("nets:Mlp", {"sizes": [8, 32, 32, 1]}), ("fresh:gamma_targets", {}), 4, ADAM, loss="fresh:gamma",
        trivial="gamma",
    ),
    Workload(
        "rare_labels_batch_2", "noise", 3e-3, 3.0,
        ("nets:Mlp", {"sizes": [16, 32, 12]}), ("fresh:rare_labels", {}), 2, MOMENTUM,
        loss="torch.nn.BCEWithLogitsLoss", trivial="label_entropies",
    ),
    Workload(
        "huber_cauchy", "noise", 1e-3, 1.0,
        ("nets:Mlp", {"sizes": [8, 48, 48, 1]}), ("fresh:cauchy_targets", {}), 8, MOMENTUM,
        loss="torch.nn.HuberLoss", trivial=None,
    ),
    Workload(
        "gru_characters", "healthy", 1e-3, 1.0,
        ("fresh:SymbolGru", {"vocabulary": 20, "width": 32}), ("data:characters", {}), 16, ADAM, max_train_steps=150,
        step="steps:next_symbol", trivial="unigrams",
    ),
    Workload(
        "hourglass_denoising", "healthy", 1e-4, 3e-1,
        ("fresh:Hourglass", {"width": 6}), ("fresh:blurred_digits", {}), 16, ADAMW, loss=MSE, max_train_steps=200,
        trivial="variance",
    ),
    Workload(
        "mixer_digits", "healthy", 1e-3, 3.0,
        ("fresh:Mixer", {"width": 16, "depth": 2}), ("data:digit_images", {}), 32, MOMENTUM, max_train_steps=200,
    ),
    Workload(
        "adagrad_words", "healthy", 3e-3, 3.0,
        ("fresh:WordBag", {"vocabulary": 400, "width": 16, "n_topics": 6}), ("fresh:bags_of_words", {}), 32,
        {"class_path": "torch.optim.Adagrad"},
    ),
    Workload(
        "deep_tanh_conv", "collapse", 1e-3, 1.0,
        ("fresh:TanhConv", {"depth": 8, "width": 6, "gain": 1.2}), ("data:digit_images", {}), 16, MOMENTUM,
        max_train_steps=250,
    ),
    Workload(
        "postnorm_first_symbol", "collapse", 1e-4, 1e-1,
        ("nets:Transformer", {"vocabulary": 8, "length": 12, "width": 16, "depth": 5, "norm": "post", "n_out": 8}),
        ("data:first_symbol", {"length": 12}), 16, RMSPROP, max_train_steps=200,
    ),
    Workload(
        "lstm_large_gain", "collapse", 1e-3, 1.0,
        ("nets:Recurrent", {"cell": "lstm", "width": 24, "n_out": 8, "vocabulary": 8, "gain": 3.0}),
        ("data:first_symbol", {"length": 6}), 16, ADAMW,
    ),
    Workload(
        "renamed_classes", "not_the_rate", 3e-3, 1e-1,
        ("nets:Mlp", {"sizes": [64, 48, 10]}), ("data:digit_vectors", {}), 32, MOMENTUM, step="fresh:renamed_classes",
    ),
    Workload(
        "inputs_scaled_away", "not_the_rate", 1e-4, 1e-2,
        ("nets:Mlp", {"sizes": [12, 32, 6]}), ("fresh:scaled_away", {}), 32, ADAM, max_train_steps=200,
    ),
)

FRESH_2 = (
    Workload(
        "focal_boxes", "noise", 3e-4, 3e-1,
        ("nets:Mlp", {"sizes": [12, 32, 32, 1]}), ("fresh2:crowded_scenes", {}), 8, ADAM, loss="fresh2:focal",
        trivial=None,
    ),
    Workload(
        "jackpot_values", "noise", 1e-4, 1e-1,
        ("nets:Mlp", {"sizes": [8, 48, 1], "activation": "tanh"}), ("fresh2:discounted_returns", {}), 4, RMSPROP,
        loss=MSE, trivial="variance",
    ),
    Workload(
        "word_neighbours", "noise", 3e-2, 3e1,
        ("fresh2:WordPairs", {"vocabulary": 300, "width": 12}), ("fresh2:neighbours", {}), 16, SGD,
        step="fresh2:told_apart", trivial=None,
    ),
    Workload(
        "pinball_demand", "noise", 1e-4, 1e-1,
        ("nets:Mlp", {"sizes": [12, 32, 3]}), ("fresh2:demand", {}), 8, {"name": "nadam"}, loss="fresh2:pinball",
        trivial=None,
    ),
    Workload(
        "mixup_digits", "healthy", 1e-3, 1.0,
        ("nets:Mlp", {"sizes": [64, 64, 10], "norm": True}), ("data:digit_vectors", {}), 16, MOMENTUM,
        step="fresh2:mixed_up",
    ),
    Workload(
        "spot_segmentation", "healthy", 3e-3, 3.0,
        ("fresh2:Segmenter", {"width": 6}), ("fresh2:spots", {}), 16, ADAMW, loss="fresh2:overlap",
        max_train_steps=150, trivial=None,
    ),
    Workload(
        "two_tasks", "healthy", 1e-4, 3e-1,
        ("fresh2:TwoHeads", {"width": 32}), ("fresh2:grades_and_sizes", {}), 16, ADAM, step="fresh2:weighed_tasks",
        trivial=None,
    ),
    Workload(
        "ctc_frames", "healthy", 3e-3, 3.0,
        ("fresh2:Listener", {"width": 16, "n_symbols": 5}), ("fresh2:spoken_digits", {}), 16, ADAM,
        max_train_steps=150, step="fresh2:transcribed", trivial=None,
    ),
    Workload(
        "heavy_decay", "healthy", 3e-4, 3e-1,
        ("nets:Mlp", {"sizes": [64, 64, 64, 10]}), ("data:digit_vectors", {}), 32,
        {"name": "adamw", "weight_decay": 1.0},
    ),
    Workload(
        "triplet_clips", "healthy", 3e-2, 3e1,
        ("fresh2:Embedder", {"sizes": [16, 32, 8]}), ("fresh2:clips", {}), 16, MOMENTUM,
        step="fresh2:triplets", trivial=None,
    ),
    Workload(
        "dropout_autoencoder", "healthy", 1e-4, 1e-1,
        ("nets:Mlp", {"sizes": [32, 64, 16, 64, 32], "dropout": 0.3}), ("data:curves", {}), 16, ADAM,
        loss="torch.nn.L1Loss", trivial=None,
    ),
    Workload(
        "full_batch_waves", "healthy", 3e-3, 3.0,
        ("nets:Mlp", {"sizes": [1, 32, 32, 1], "activation": "tanh"}), ("fresh2:waves", {}), 300, SGD, loss=MSE,
        max_train_steps=400, trivial="variance",
    ),
    Workload(
        "long_memory_spirals", "healthy", 1e-3, 1.0,
        ("nets:Mlp", {"sizes": [2, 32, 32, 3]}), ("fresh2:spirals", {}), 32, {"name": "momentum", "momentum": 0.98},
    ),
    Workload(
        "gradual_vae", "healthy", 3e-4, 3e-1,
        ("fresh2:BitVae", {"n_features": 24, "width": 48, "n_hidden": 4}), ("fresh2:patterns", {}), 16, ADAM,
        step="fresh2:gradual_bound", trivial=None,
    ),
    Workload(
        "dying_units", "collapse", 1e-3, 1.0,
        ("fresh2:DyingMlp", {"sizes": [1, 12, 12, 12, 12, 1], "bias": -0.05}), ("fresh2:waves", {}), 16, MOMENTUM,
        loss=MSE, max_train_steps=400, trivial="variance",
    ),
    Workload(
        "brier_digits", "collapse", 1e-2, 1e2,
        ("nets:Mlp", {"sizes": [64, 48, 10]}), ("data:digit_vectors", {}), 16, SGD, loss="fresh2:brier", trivial=None,
    ),
    Workload(
        "unused_code", "collapse", 3e-4, 3e-1,
        ("fresh2:BitVae", {"n_features": 24, "width": 48, "n_hidden": 6}), ("fresh2:patterns", {}), 16, ADAM,
        step="fresh2:heavy_bound", trivial=None,
    ),
    Workload(
        "dead_words", "collapse", 1e-3, 3.0,
        ("fresh2:RectifiedWords", {"vocabulary": 400, "width": 16, "n_topics": 6}), ("fresh:bags_of_words", {}), 16,
        MOMENTUM,
    ),
    Workload(
        "sharp_lookup", "collapse", 1e-3, 1.0,
        ("fresh2:SoftLookup", {"width": 8, "sharpness": 3.0}), ("fresh2:keys_and_values", {}), 16, ADAMW, loss=MSE,
        trivial="variance",
    ),
    Workload(
        "growing_penalty", "not_the_rate", 3e-3, 1e-1,
        ("nets:Mlp", {"sizes": [64, 48, 10]}), ("data:digit_vectors", {}), 32, MOMENTUM,
        step="fresh2:growing_penalty", trivial=None,
    ),
)

# fmt: on
ZOO = (*NOISE, *HEALTHY, *FINETUNING, *COLLAPSE, *NOT_THE_RATE, *FRESH, *FRESH_2)
BY_NAME = {w.name: w for w in ZOO}


def split_counts() -> Counter[tuple[Kind, Half]]:
    """How many workloads of each kind lie in each part."""
    return Counter((w.kind, w.half) for w in ZOO)
