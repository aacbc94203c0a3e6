"""The parts of the zoo that were written, trained and labelled after the first one had been looked at."""

from __future__ import annotations

from benchmarks.trials.workload import ADAM, ADAMW, MOMENTUM, MSE, RMSPROP, SGD, Workload

# fmt: off
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
