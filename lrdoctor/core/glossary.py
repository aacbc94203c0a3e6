"""What the words of the reports mean: `lrdoctor rules --glossary` and docs/glossary.md print it."""

from __future__ import annotations

from collections.abc import Mapping

GLOSSARY: Mapping[str, str] = {
    "step": "One optimizer update, counted from 0.",
    "base learning rate": (
        "The learning rate that the schedule multiplies: its peak where the schedule is warmup and decay."
    ),
    "lr*, the best learning rate": (
        "The swept rate with the best median objective over the seeds, among those that are feasible and learn."
    ),
    "objective": (
        "What is minimized: the best validation loss of a run (as if its best checkpoint were kept), or the best "
        "training loss where there is no validation data."
    ),
    "trial": (
        "One training run with settings that lrdoctor chose: a learning rate, a seed, a warmup, a clipping threshold."
    ),
    "study": "All trials of one training, kept in one folder; a command on that folder runs only what is missing.",
    "seed": "Decides the initial weights and the order of the batches. Trials of several seeds show what is chance.",
    "sweep": "Training at each of a row of learning rates, to find lr* and where training becomes unstable.",
    "infeasible": (
        "A trial that does not train: its loss becomes non-finite, or rises and does not come back. A rate is "
        "infeasible unless it trains in a majority of the seeds."
    ),
    "unstable": (
        "Infeasible, or with a rise of the loss that comes back. A log is unstable where a rule of severity error"
        " fires; a study where lr* sits at the edge."
    ),
    "inconclusive": "Nothing could be said; the reason stands beside it. It never counts as stable.",
    "unstable_base_learning_rate": "The lowest learning rate at which a majority of the seeds is unstable.",
    "stability margin": (
        "unstable_base_learning_rate / lr*: how far above the best rate training stays stable. Up to 2 the best "
        "rate sits at the edge; up to 10 instability may still limit it (the tuning playbook's checks at 5x and "
        "10x)."
    ),
    "edge": "The learning rate above which training is unstable.",
    "interval (90 %)": (
        "Where a figure lies over all seeds that one might have taken, nine times in ten. One seed gives none."
    ),
    "LR sensitivity": (
        "Mean over the swept rates of the final loss (at most that of the untrained model) above the lowest one: "
        "how much a wrong learning rate costs (Wortsman et al. 2023)."
    ),
    "probe, the short run": (
        "The first updates at twice lr*, with both losses at every step: some models blow up and come back "
        "between two ordinary evaluations."
    ),
    "control": "The untrained weights on the same batches: what the data do to a loss curve by themselves.",
    "early": "Within the first updates: 500 steps, or three times the warmup where that is longer.",
    "rise": "A loss that goes up by more than its noise explains; recovered where it comes back.",
    "spike": "A rise of a few steps.",
    "divergence": "A rise that does not come back, or a value that is not finite.",
    "plateau, stuck": (
        "A loss that stays where it is though there is more to learn: outputs that no longer depend on the input,"
        " or the level that other rates leave."
    ),
    "gradient norm": "L2 norm of the gradients of all parameters, before clipping.",
    "clipping threshold": (
        "A gradient with a larger norm is scaled down to it. The playbook's first choice is the 90th percentile "
        "of the norms at lr*."
    ),
    "warmup_steps": (
        "Updates over which the learning rate goes from 0 to the base learning rate, put before the schedule."
    ),
    "post_warmup_steps": (
        "Updates at the constant rate after the ramp in the search for a warmup; twice warmup_steps or more."
    ),
    "residual add": (
        "A sum x + f(x), f being the branch. Norm(x + f(x)), a norm after the sum, is known to cause instability."
    ),
    "fix": (
        "A change to try, in the playbook's order: warmup, gradient clipping, another optimizer, the "
        "architecture, and last a lower learning rate."
    ),
    "verified": (
        "Fresh seeds, which the search did not use, confirm the fix: stable, nothing lost, and a lower loss or "
        "more room."
    ),
    "unconfirmed": "The search found a gain that fresh seeds do not show.",
    "rejected": "Tried, and without a gain.",
    "fresh seeds": "Seeds that no choice was made by, so that what they show is no luck of the search.",
    "finding, rule": (
        "A rule is one thing that is looked for, with a code such as LRD201; a finding is where it was seen. "
        "`lrdoctor rules CODE` prints the rule's page."
    ),
    "skipped": "A check that could not be made, with its reason. It never counts as passed.",
}
"""Term -> its meaning, from what is trained to what is concluded."""
