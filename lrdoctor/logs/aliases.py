"""Which column means what, by the names that loggers and people use.

Names are compared normalised: lower case, words joined by `_`. The user's mapping wins over the tables below, and a
format that knows its own column wins over guesses. Where two columns are equally good for the training loss, nothing
is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

from lrdoctor.errors import LogError, NoLogError


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


MEANINGS: Mapping[str, tuple[str, ...]] = {
    "step": _names(
        "step global_step trainer_global_step _step iteration iter num_updates update updates batch batch_idx s it "
        "n_iter training_iteration num_steps train_step optimizer_step current_steps steps global_steps iterations "
        "n_updates training_step update_step global_update optim_step opt_step gradient_step grad_step train_iter "
        "global_iter global_iteration cur_step iters n_step batch_num batch_number learning_iteration"
    ),
    "samples": _names(
        "tokens consumed_tokens num_input_tokens_seen consumed_samples samples timesteps_total total_timesteps "
        "timesteps time_total_timesteps total_env_interacts totalenvinteracts env_steps num_env_steps frames examples "
        "time_token time_sample"
    ),
    "episode": _names("episode episodes n_episodes num_episodes total_episodes episode_idx total_steps"),
    "epoch": _names("epoch epochs ep current_epoch trainer_epoch time_epoch epoch_num"),
    "train_loss": _names(
        "train_loss_step loss train_loss training_loss tr_loss trl loss_train lm_loss loss_train_total "
        "loss_metrics_global_avg_loss train_samples_train_loss total_loss loss_total train_total_loss batch_loss "
        "ce_loss cross_entropy objective train_batch_loss train_cross_entropy_loss train_crossentropyloss nll_loss "
        "cost loss_step step_loss train_step_loss train_ce_loss train_nll_loss train_lm_loss train_cross_entropy"
    ),
    "epoch_loss": _names("train_loss_epoch epoch_loss train_epoch_loss loss_epoch avg_train_loss"),
    "val_loss": _names(
        "val_loss valid_loss validation_loss eval_loss loss_val loss_valid loss_eval test_loss dev_loss tel "
        "val_loss_epoch validation_metrics_loss lm_loss_validation loss_eval_total metrics_eval_crossentropy "
        "loss_test best_loss"
    ),
    "learning_rate": _names(
        "lr learning_rate lr_0 lr_group0 lr_pg0 current_lr optim_lr optimizer_lr train_lr train_learning_rate "
        "train_samples_lr opt_lr learningrate last_lr base_lr lrs rate"
    ),
    "grad_norm": _names(
        "grad_norm gradient_norm global_grad_norm gnorm grad_l2 grad_norm_total total_grad_norm optim_total_grad_norm "
        "l2_norm_grad_global grad_2_0_norm_total train_grad_norm train_global_norm grads_norm optim_grad_norm "
        "grad_norm_global gradnorm unclipped_grad_norm grad_norm_before_clip total_norm norm"
    ),
}
"""Meaning -> normalised names, in order of preference."""

X_KINDS = ("step", "samples", "episode", "epoch")
"""What rows are counted by, the best first."""

KNOWN_LOSSES = (*MEANINGS["train_loss"], *MEANINGS["epoch_loss"])

USER_KEYS = {
    "loss": "train_loss", "train_loss": "train_loss", "val_loss": "val_loss", "lr": "learning_rate",
    "learning_rate": "learning_rate", "grad_norm": "grad_norm", "step": "step", "epoch": "epoch",
}  # fmt: skip
"""What --columns calls a meaning."""

CRITIC_LOSS = _names(
    "q_loss loss_q lossq qf_loss critic_loss loss_critic qf1_loss td_loss value_loss vf_loss loss_vf "
    "value_function_loss loss_value_function loss_qf"
)
"""Reinforcement learning without a total: the critic's loss is a regression, the actor's loss is signed and drifts."""
OF_POLICY, OF_VALUES = frozenset({"loss_pi", "pi_loss"}), _names("loss_v v_loss")
"""Short names that mean this only side by side."""

GENERATOR = _names("generator")
"""A table of a GAN's two losses under these bare names; the generator is what such a run is trained for."""
OF_GENERATOR = frozenset({"g", "gen", "generator", "netg", "lossg", "gloss", "errg", "costg"})
OF_DISCRIMINATOR = frozenset({"d", "dis", "disc", "discriminator", "netd", "lossd", "dloss", "critic", "errd", "costd"})
OF_OPPONENTS = frozenset({"err", "errs", "cost", "costs", *OF_GENERATOR, *OF_DISCRIMINATOR})
"""Words of a GAN's two losses where neither is called one: `errG`, `D_cost`, or nothing but `G` and `D`."""
GAN = re.compile(r"^(loss_)?(g|d)_?([ab])?(_gan|_real|_fake)?$|^(loss_)?(cycle|idt|cyc|identity)_?[ab]?$")
"""The losses of CycleGAN and pix2pix."""
PARTS = frozenset({"net", "real", "fake", "total", "train", "training"})
"""Words beside those: `errD_real`, `errNetG`."""

BELOW = re.compile(r"^(?:(?:train|training|losses|metrics|agent|learner|update)_)+(?=.)")
"""Parts of a log under which losses stand."""

EVALUATION = frozenset({"val", "valid", "validation", "eval", "evaluation", "test", "dev", "tel", "best", "holdout"})
TRAINING = frozenset({"train", "training", "tr"})
TOTAL = frozenset({"total", "sum", "overall", "full"})
AVERAGED = frozenset(
    {
        "avg",
        "average",
        "averaged",
        "mean",
        "running",
        "run",
        "smooth",
        "smoothed",
        "ema",
        "moving",
        "avr",
        "epoch",
        "ave",
    }
)
"""Words of a loss that is a mean over steps; where the same loss is there without, that is the one to judge."""
OF_A_STEP = frozenset({"step", "batch", "iter", "iteration", "current", "cur", "raw", "inst", "instant"})
LOSS_WORDS = frozenset({"loss", "losses", "nll", "objective"})
ERROR_WORDS = (
    frozenset({"xent", "crossentropy", "ce", "elbo", "bpb", "bpc", "nll"}),
    frozenset({"rmse", "mse", "mae", "error"}),
    frozenset({"perplexity", "ppl"}),
)
"""What is as good as a loss, the best first: a perplexity is the exponential of a cross-entropy beside it."""
NOT_THE_LOSS = frozenset(
    _names(
        "scale scaler scaling weight weights coef coeff coefficient lr func fn type threshold limit count n num "
        "skipped delta std stddev var variance min max time ratio change diff improvement patience accuracy acc grad "
        "norm"
    )
)
"""Words beside `loss` that make it something else: a loss scale is no loss."""
NO_LOSS = frozenset(
    _names(
        "lr rate acc accuracy top1 top5 reward return score f1 auc bleu rouge wer cer precision recall map iou "
        "dice psnr ssim fid norm grad gradient momentum beta scale scaler mem memory gpu cpu util count num size "
        "id seed rank len length throughput speed mfu tflops tps fps eta duration elapsed seconds sec secs minutes "
        "hours time timestamp date runtime wall clip clipped skipped temperature entropy kl param params weight "
        "weights progress percent r2 examples samples tokens epoch epochs step steps iter iteration"
    )
)
"""Words of columns that are no loss, even where they are the only one."""

TIME = re.compile(
    r"^(time|timestamp|_timestamp|_runtime|runtime|wall_?time|wallclock.*|elapsed.*|relative_time.*|date|datetime|"
    r"eta|hours?|minutes?|seconds?|duration|tps|mfu|tflops|memory.*|mem|.*_per_sec(ond)?s?|.*_time|time_.*|.*_duration|"
    r"samples_per_.*|tokens_per_.*|throughput)$"
)
LR_LIKE = re.compile(
    r"^(lr[_\d].*|.*_lr\d*|.*_lr_(group|pg)?_?\d+|learning_?rate_.*|.*_learning_?rate|learningrate\d*)$"
)
NOT_A_RATE = frozenset(
    {"log", "scale", "mult", "multiplier", "factor", "scheduler", "schedule", "decay", "ratio", "loss"}
)
UNNAMED = re.compile(r"^(\(unnamed\)|unnamed_\d+|index)$")
BATCH_LIKE = frozenset({"batch", "batch_idx", "it", "i", "iter", "iters", "minibatch", "batches", "batch_num"})
"""Counters that usually begin again in every epoch."""


@cache
def normalise(name: str) -> str:
    """`train/Loss`, `trainLoss` and ` Train loss ` are all `train_loss`."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip())
    leading = "_" if name.startswith("_") else ""  # W&B's `_step` is not its `step`
    return leading + re.sub(r"[^\w%()]+|[()]+|_+", "_", name.lower()).strip("_").replace("__", "_")


@cache
def x_of(name: str) -> str | None:
    """step, samples, episode or epoch when the name counts them; index for a column of row numbers."""
    plain = normalise(name) if not UNNAMED.match(name.lower()) else name.lower()
    if UNNAMED.match(plain):
        return "index"
    return next((kind for kind in X_KINDS if plain in MEANINGS[kind]), None)


def is_called_a_loss(name: str) -> bool:
    """Whether a name says that its column is a loss, of training or not."""
    return bool(_words(name) & LOSS_WORDS and not _words(name) & NOT_THE_LOSS)


@cache
def is_time(name: str) -> bool:
    return bool(TIME.match(normalise(name)))


def is_known(name: str) -> bool:
    """Whether a name stands in the tables of meanings."""
    plain = normalise(name)
    return any(plain in names for names in MEANINGS.values())


def is_train_loss(plain: str) -> bool:
    return plain in MEANINGS["train_loss"]


def user_mapping(columns: Mapping[str, str] | None, names: Sequence[str], where: str) -> dict[str, str]:
    """The user's mapping in our words, with the log's spelling of the names.

    Raises:
        LogError: a key is unknown, the log has no such column, or one column is to be two curves.
    """
    found: dict[str, str] = {}
    for key, wanted in (columns or {}).items():
        if key not in USER_KEYS:
            raise LogError(f"--columns {key}={wanted}: unknown key {key!r}, expected one of {', '.join(USER_KEYS)}")
        same = [name for name in names if name == wanted] or [n for n in names if normalise(n) == normalise(wanted)]
        if not same:
            raise NoLogError(f"{where}: no column {wanted!r} (--columns {key}={wanted}); it has {listed(names)}")
        meaning = USER_KEYS[key]
        if meaning in MEANINGS and any(found.get(other) == same[0] for other in MEANINGS):
            raise LogError(f"{where}: --columns {key}={wanted}: this column is given for another key too; give another")
        found[meaning] = same[0]
    return found


def choose(
    names: Sequence[str], empty: Sequence[str], given: Mapping[str, str], where: str
) -> tuple[dict[str, str], list[str]]:
    """Meaning -> column for train_loss, val_loss, learning_rate and grad_norm, and what is to be said about it.

    A log of a validation loss alone has no train_loss.

    Args:
        names: the columns that hold anything, in the log's order.
        empty: the other columns.
        given: what is known already.
        where: the log's name, for messages.

    Raises:
        LogError: no column, or more than one, can be the training loss.
    """
    chosen = {meaning: name for meaning, name in given.items() if meaning in MEANINGS}
    free = [name for name in names if name not in chosen.values()]
    notes: list[str] = []
    for meaning in ("val_loss", "learning_rate", "grad_norm"):
        if meaning not in chosen and (name := _by_alias(free, MEANINGS[meaning]) or _like(free, meaning)) is not None:
            chosen[meaning] = name
    if "train_loss" not in chosen:
        rest = [name for name in names if name not in chosen.values()]
        if (name := _by_alias(rest, KNOWN_LOSSES)) is not None:
            chosen["train_loss"] = name
        elif (name := _by_alias(empty, KNOWN_LOSSES)) is not None:
            raise NoLogError(f"{where}: column {name!r} is empty in every row, there is no training loss")
        else:
            _guess(rest, chosen, where, notes)
    return chosen, notes


def _guess(names: Sequence[str], chosen: dict[str, str], where: str, notes: list[str]) -> None:
    """Adds the training loss where no column is known as one, or leaves the validation loss to be judged alone."""
    try:
        chosen["train_loss"] = _guessed_loss(names, "val_loss" in chosen, where, notes)
    except NoLogError:
        if "val_loss" not in chosen:
            raise
        notes.append(f"{chosen['val_loss']} is judged: the log has no training loss")


def _by_alias(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    plain: dict[str, str] = {}
    for name in names:
        plain.setdefault(normalise(name), name)
    return next((plain[alias] for alias in wanted if alias in plain), None)


@cache
def _words(name: str) -> frozenset[str]:
    plain = normalise(name).replace("cross_entropy", "crossentropy").replace("x_ent", "xent")
    return frozenset(plain.split("_"))


def _like(names: Sequence[str], meaning: str) -> str | None:
    """A column that is not in the tables but says what it is."""
    if meaning == "learning_rate":
        return next((n for n in names if LR_LIKE.match(normalise(n)) and not _words(n) & NOT_A_RATE), None)
    if meaning == "val_loss":
        losses = [name for name in names if is_called_a_loss(name) and _words(name) & EVALUATION]
        return next((name for name in losses if "test" not in _words(name)), losses[0] if losses else None)
    return None


def _guessed_loss(names: Sequence[str], has_validation: bool, where: str, notes: list[str]) -> str:
    """The training loss among columns of which none is known as one."""
    if (name := _of_critic(names)) is not None:
        notes.append(f"{name} is taken as the training loss: the log has no total, and this is the critic's")
        return name
    for words in (LOSS_WORDS, *ERROR_WORDS):
        losses = [n for n in names if _words(n) & words and not _words(n) & (EVALUATION | NOT_THE_LOSS)]
        losses = _not_averaged(losses)
        for preferred in (TRAINING, TOTAL, words):
            best = [name for name in losses if _words(name) & preferred]
            if len(best) == 1:
                notes.append(f"{best[0]} is taken as the training loss")
                return best[0]
        if (name := _of_generator(losses)) is not None:
            notes.append(f"{name} is taken as the training loss: of two networks that play against each other")
            return name
        if losses:
            raise LogError(
                f"{where}: {len(losses)} columns are equally good for the training loss: {listed(losses)}; "
                f"say which: --columns loss={_quoted(losses[0])}, or --columns loss={_quoted(losses[1])}"
            )
    opponents = [n for n in names if _words(n) & OF_OPPONENTS and not _words(n) & (EVALUATION | NOT_THE_LOSS)]
    if (name := _of_generator([n for n in opponents if _words(n) <= OF_OPPONENTS | PARTS])) is not None:
        notes.append(f"{name} is taken as the training loss: of two networks that play against each other")
        return name
    return _last_resort(names, has_validation, where, notes)


def _of_critic(names: Sequence[str]) -> str | None:
    """The critic's loss, whatever part of the log it is written under: `train/critic_loss`, `losses/qf1_loss`."""
    bare = {name: BELOW.sub("", normalise(name)) for name in names}
    wanted = CRITIC_LOSS + (OF_VALUES if OF_POLICY & set(bare.values()) else ())
    return next((n for a in wanted for n in names if a in (normalise(n), bare[n])), None)


def _of_generator(losses: Sequence[str]) -> str | None:
    """The generator's loss where the others are the discriminator's, or CycleGAN's further ones."""
    of_generator = [name for name in losses if _words(name) & OF_GENERATOR]
    others = [name for name in losses if name not in of_generator]
    if not of_generator or not others:
        return None
    if all(_words(name) & OF_DISCRIMINATOR or GAN.match(normalise(name)) for name in others):
        return of_generator[0]
    return None


def _not_averaged(losses: Sequence[str]) -> list[str]:
    """The losses without the means over steps of those that are there for every step, too."""
    stems: dict[frozenset[str], list[str]] = {}
    for name in losses:
        stems.setdefault(frozenset(_words(name) - AVERAGED - OF_A_STEP), []).append(name)
    kept = []
    for alike in stems.values():
        raw = [name for name in alike if not _words(name) & AVERAGED]
        kept += raw or alike
    return [name for name in losses if name in kept]


def _last_resort(names: Sequence[str], has_validation: bool, where: str, notes: list[str]) -> str:
    """The generator's loss, or the only column that could be a loss; beside a validation loss nothing is guessed."""
    possible = [n for n in names if x_of(n) is None and not is_time(n) and not _words(n) & (NO_LOSS | EVALUATION)]
    alone = possible[0] if len(possible) == 1 and not has_validation else None
    name = _by_alias(possible, GENERATOR) or alone
    if name is None:
        raise NoLogError(
            f"{where}: no column is known as the training loss; it has {listed(names)}; "
            f"say which, as in --columns loss={_quoted(possible[0]) if possible else 'NAME'}"
        )
    notes.append(f"{name} is taken as the training loss: no column is called one")
    return name


def listed(names: Sequence[str], most: int = 12) -> str:
    """The names for a message, the first dozen of them."""
    shown = ", ".join(repr(name[:60]) for name in names[:most])
    return (shown or "none") + (f" and {len(names) - most} more" if len(names) > most else "")


def _quoted(name: str) -> str:
    return f'"{name}"' if re.search(r"[^\w./:-]", name) else name
