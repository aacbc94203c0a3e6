"""timm's models, each with what its source says of it, written down before it was first looked at."""

from __future__ import annotations

from published import Row, large, pictures

WELL_KNOWN_OF_TIMM = [
    Row("resnet18", {}, (8, 0, 0), pictures, "all branches are 0 at initialization"),
    Row("convnext_atto", {"depths": (1, 1, 2, 1), "dims": (8, 16, 16, 32)}, (5, 0, 5), pictures),
    Row(
        "vit_tiny_patch16_224",
        {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2},
        (4, 0, 4),
        pictures,
    ),
    Row(
        "swinv2_tiny_window8_256",
        {
            "img_size": 32,
            "patch_size": 2,
            "embed_dim": 16,
            "depths": (2, 2),
            "num_heads": (2, 2),
            "window_size": 4,
            "drop_path_rate": 0.1,
        },
        (8, 0, 0),
        pictures,
        "a norm last, which is 0 at initialization",
    ),
]

TIMM = [
    Row("convnextv2_atto", {"depths": (1, 1, 2, 1), "dims": (8, 16, 16, 32)}, (5, 0, 5), pictures),
    Row(
        "maxvit_rmlp_pico_rw_256",
        {"img_size": 64, "depths": (1, 1, 1, 1), "embed_dim": (32, 32, 64, 64)},
        (20, 0, 20),
        large,
        "in a block one of convolutions, and two for windows and for the grid",
    ),
    Row("mobilevit_xxs", {}, (21, 0, 18), large, "three of convolutions end with a norm; nine blocks of attention"),
    Row(
        "efficientformer_l1",
        {"depths": (1, 1, 1, 2), "embed_dims": (16, 16, 32, 32), "num_vit": 1},
        (10, 0, 6),
        lambda: pictures(224, 2),
        "four branches pool(x) - x have a layer scale and no layer; four of convolutions end with a norm",
        found=(6, 0, 2),
    ),
    Row(
        "davit_tiny",
        {"depths": (1, 1), "embed_dims": (16, 32), "num_heads": (2, 2)},
        (16, 0, 16),
        pictures,
        "two of the four in a block give the positions, x + conv(x)",
    ),
    Row(
        "cait_xxs24_224",
        {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2},
        (7, 0, 7),
        pictures,
        "the first add of the class token is to a parameter",
    ),
    Row(
        "pit_ti_224",
        {"img_size": 64, "base_dims": [16, 16, 16], "depth": [1, 1, 1], "heads": [2, 2, 2]},
        (6, 0, 6),
        large,
    ),
    Row(
        "ghostnet_050",
        {},
        (16, 0, 16),
        large,
        "one a block, five with two convolutions on the skip; branches end with a concatenation",
    ),
    Row(
        "res2net50_26w_4s",
        {"layers": (2, 1, 1, 1)},
        (5, 0, 0),
        pictures,
        "sums of different groups of channels within a block are none",
    ),
    Row("hgnetv2_b0", {}, (1, 0, 1), large, "only the second block of a stage has a skip"),
    Row("ese_vovnet19b_dw", {}, (0, 0, 0), large, "concatenations; its stages have one block, without a skip"),
    Row("rexnet_100", {}, (11, 0, 0), large, "added to the first channels only"),
    Row("mambaout_femto", {"depths": (1, 1, 1, 1), "dims": (16, 16, 32, 32)}, (4, 0, 4), large),
    Row(
        "tiny_vit_5m_224",
        {"depths": (2, 1, 1, 1), "embed_dims": (16, 16, 32, 32), "num_heads": (2, 2, 2, 2)},
        (8, 0, 6),
        large,
        "two of convolutions end with a norm",
    ),
    Row(
        "dpn48b",
        {"k_sec": (2, 1, 1, 1)},
        (5, 0, 5),
        large,
        "its skips are parts of the channels; the inputs and gates of a recurrence are too, and are no skips",
        found=(0, 0, 0),
    ),
    Row("dla46_c", {}, (12, 0, 0), large, "at the beginning of a stage the skip has a maximum pooling"),
    Row(
        "sequencer2d_s",
        {"layers": [1, 1, 1, 1], "embed_dims": [16, 32, 32, 32], "hidden_sizes": [8, 8, 8, 8]},
        (8, 0, 8),
        pictures,
        "recurrent layers in the place of attention",
    ),
]
