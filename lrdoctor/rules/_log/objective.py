"""What a loss means: whether a rise of it is a failure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from lrdoctor.core.run import Run

Kind = Literal["minimized", "reinforcement", "adversarial"]

GIVEN = "objective"
GIVEN_WHY = "objective_reason"
"""Keys of a run's provenance, where the user said it."""


def _any_of(words: str) -> re.Pattern[str]:
    return re.compile(rf"(^|_)({'|'.join(words.split())})($|_)")


PREFERENCES = _any_of("chosen rejected margins accuracies")
"""Beside `rewards`: preference optimization, such as DPO, whose loss is one to be minimized."""

SIGNS: Mapping[Kind, re.Pattern[str]] = {
    "reinforcement": _any_of(
        "reward rewards episode_reward ep_rew ep_rew_mean ep_reward ep_return episode_return episodic_return "
        "eprewmean episode_reward_mean avg_reward mean_reward average_return returns qf_loss q_loss loss_q "
        "critic_loss loss_critic actor_loss loss_actor policy_loss loss_policy loss_pi pi_loss pg_loss "
        "policy_gradient_loss value_loss loss_value vf_loss v_loss loss_v entropy_loss clip_fraction clipfrac "
        "approx_kl approxkl td_loss td_error exploration_rate advantages advantage env_steps num_env_steps"
    ),
    "adversarial": _any_of(
        "generator discriminator gan gen_loss disc_loss loss_gen loss_disc g_loss d_loss loss_g loss_d lossg lossd "
        "gloss dloss g_adv d_real d_fake loss_d_real loss_d_fake adversarial adv_loss loss_adv wasserstein critic "
        "netg netd"
    ),
}
"""Names of columns, words joined by `_`, that only such training logs."""

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
    plain = {name: _words(name) for name in names}
    if any(PREFERENCES.search(word) for word in plain.values()):
        return Objective("minimized", "")
    for kind in SIGNS:
        found = _signs(kind, plain.items())
        if found:
            return Objective(kind, f"column {found[0]!r}")
    return Objective("minimized", "")


def _signs(kind: Kind, names: Iterable[tuple[str, str]]) -> list[str]:
    return [name for name, word in names if SIGNS[kind].search(word)]


def _words(name: str) -> str:
    """`rollout/epRewMean` is `rollout_ep_rew_mean`."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip())
    plain = re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")
    return plain.replace("cross_entropy", "crossentropy")  # which is not the entropy of a policy
