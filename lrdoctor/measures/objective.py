"""What a loss means: whether a rise of it is a failure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from lrdoctor.core.run import Run

Kind = Literal["minimized", "reinforcement", "adversarial"]

GIVEN = "objective"
GIVEN_WHY = "objective_reason"
"""Keys of a run's provenance, where the user said it."""


def _with(words: str) -> re.Pattern[str]:
    """One of them somewhere in the name."""
    return re.compile(rf"(^|_)({'|'.join(words.split())})($|_)")


def _only(words: str) -> re.Pattern[str]:
    """One of them is the name."""
    return re.compile(rf"^((train|training|eval|test)_)?({'|'.join(words.split())})$")


SIGNS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        "reinforcement",
        _with(
            "rewards? ep_rew ep_rew_mean eprewmean ep_ret (ep|episode|episodic|average|avg|mean)_returns? qf_loss "
            "qf1_loss q_values actor_loss loss_actor policy_loss loss_policy pg_loss policy_gradient_loss value_loss "
            "vf_loss approx_kl approxkl td_loss td_error exploration_rate advantages? env_steps env_interacts"
        ),
    ),
    ("reinforcement", _only("returns?")),
    (
        "adversarial",
        _with(
            "discriminator gan d_real d_fake g_adv net_?g net_?d gen_loss_total generator_loss generator_total_loss "
            "loss_generator"
        ),
    ),
    ("adversarial", _only("generator")),
    ("reinforcement", _with("critic")),
)
"""Names of columns, words joined by `_`, of which one alone shows it, in the order in which they are asked: who learns
from rewards may have a discriminator, and a GAN may have a critic."""

PAIRS: tuple[tuple[Kind, tuple[re.Pattern[str], ...]], ...] = (
    (
        "reinforcement",
        (
            _with("q_loss loss_q"),
            _with("pi_loss loss_pi"),
            _with("v_loss loss_v"),
            _only("epsilon eps"),
            _only("episodes?"),
            _only("((avg|average|mean)_)?scores?"),
        ),
    ),
    (
        "adversarial",
        (
            _with(
                "g_loss(es)? loss(es)?_g gen_loss loss_gen gloss lossg err_g errg g_err cost_g costg g_cost gen_cost "
                "^g$ ^g_[ab]$"
            ),
            _with(
                "d_loss(es)? loss(es)?_d disc_loss loss_disc dloss lossd err_d errd d_err cost_d costd d_cost "
                "disc_cost ^d$ ^d_[ab]$"
            ),
            _with("adv_loss loss_adv adversarial_loss loss_adversarial"),
        ),
    ),
)
"""Names that also mean something else, so that two of different meaning are asked: `pi_loss` may be physics-informed,
`q_loss` a quantizer's, `v_loss` of the validation, `epsilon` of privacy, `d_loss` of a depth, `gen_loss` of generated
text, `adv_loss` of adversarial examples."""

NO_SIGN = _with("reward_loss loss_reward reward_model sim_max_reward avg_sum_reward avg_max_reward")
"""Rewards that a model predicts, and those of robots that imitate: nobody learns from them."""

UNLESS: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = (
    (_with("chosen rejected margins? accuracies"), _with("(?<!rlhf_)rewards?")),
    (_with("mlm masked_lm rtd electra"), _with("gen generator disc discriminator")),
)
"""What shows something else, and the names that are no signs beside it: preference optimization (such as DPO) and
reward models minimize a loss on fixed data, and who tells replaced tokens (ELECTRA) has no opponent."""

WHY: Mapping[Kind, str] = {
    "reinforcement": "in reinforcement learning the data change with the policy, so a rise of the loss is no failure",
    "adversarial": "two networks play against each other, so a rise of either loss is no failure",
    "minimized": "",
}


@dataclass(frozen=True)
class Objective:
    kind: Kind
    reason: str
    """What shows it."""


def of(run: Run) -> Objective:
    """What the user said, else what the columns of the log show; minimized where they show nothing."""
    given = run.provenance.get(GIVEN)
    if given in ("minimized", "reinforcement", "adversarial"):
        return Objective(given, str(run.provenance.get(GIVEN_WHY, "given by the user")))
    columns = run.provenance.get("columns") or {}
    names = [*run.curves, *(str(column) for column in columns.values() if column)]
    return _of_names(tuple(dict.fromkeys(names)))


@cache
def _of_names(names: tuple[str, ...]) -> Objective:
    telling = _telling({name: _words(name) for name in names})
    for kind, sign in SIGNS:
        if (name := _first(sign, telling)) is not None:
            return Objective(kind, f"column {name!r}")
    for kind, signs in PAIRS:
        pair = [name for sign in signs if (name := _first(sign, telling)) is not None]
        if len(set(pair)) > 1:
            return Objective(kind, f"columns {pair[0]!r} and {pair[1]!r}")
    return Objective("minimized", "")


def _telling(plain: Mapping[str, str]) -> dict[str, str]:
    """The names that may be signs, with their words."""
    none = [NO_SIGN, *(sign for other, sign in UNLESS if _first(other, plain) is not None)]
    return {name: words for name, words in plain.items() if not any(sign.search(words) for sign in none)}


def _first(sign: re.Pattern[str], plain: Mapping[str, str]) -> str | None:
    return next((name for name, words in plain.items() if sign.search(words)), None)


def _words(name: str) -> str:
    """`rollout/epRewMean` is `rollout_ep_rew_mean`."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")
