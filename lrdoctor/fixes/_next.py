"""What to run next, so that a log shows what it hides and a fix is proven and not believed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding, Skip, SkipKind
from lrdoctor.core.run import Run
from lrdoctor.fixes._log import LOSS_EVENTS, about, events, is_broken_from_the_start, is_early, rates_of
from lrdoctor.fixes._norms import norms_of

DEAD = (
    "The loss does not move, so nothing was learned: check that the labels match the inputs and are not all masked out "
    "of the loss, that optimizer.step() is called, that the parameters have requires_grad and are the optimizer's, "
    "and that the learning rate is not 0."
)
RESUME = (
    "The loss jumps where the run was resumed: save and restore the state of optimizer, scheduler, random generators "
    "and data loader with the model, then resume once more from the same checkpoint. No fix of the training cures this."
)
FROM_THE_START = (
    "The loss is not finite from the first logged point on, before any learning rate could do it: look for nan in the "
    "inputs, in the initialization and in a loss computed in half precision."
)
LATE_NAN = (
    "The loss became non-finite late and without a rise before it, which a learning rate seldom does. First look at "
    "the batch of that step: evaluate the last good checkpoint on it, and on others; if it alone is not finite, it is "
    "the data. Then run it under torch.autograd.set_detect_anomaly(True): it names the operation, such as log(0), a "
    "division by 0 or the square root of 0. In float32: if it is finite there, half precision overflowed."
)
TRAINS_NOT = (
    "The loss does not fall, so nothing was learned and nothing can be said of stability: try to learn ten samples by "
    "heart. If that fails too, look at labels, frozen parameters, the optimizer's parameters and the rate; if not, "
    "train at ten times and at a tenth of the learning rate."
)
GRADIENT = (
    "Log the unclipped gradient norm at every step: torch.nn.utils.get_total_norm computes it, and clip_grad_norm_ "
    "returns it."
)
CLIPPED = "The logged gradient norms look clipped: log what clip_grad_norm_ returns, which is the norm before clipping."
NAN_FILTER = (
    "Set logging_nan_inf_filter=False in TrainingArguments: by default the Trainer leaves non-finite losses out of "
    "what it logs."
)
RAW = "Log the raw loss of every step, and judge that log: these values are {how}, which hides what is short."
PROVE = (
    "Prove a fix on your training: `lrdoctor treat -- python train.py`, with your own command behind the --, tries the "
    "fixes in this order and judges each. Without a script: `lrdoctor init my-model`, put model and data into "
    "my-model/workload.py, and `lrdoctor treat my-model/lrdoctor.yaml`."
)


def next_steps(run: Run, findings: Iterable[Finding], skips: Iterable[Skip]) -> tuple[str, ...]:
    """What to do with a judged log besides the fixes, most urgent first; nothing for a healthy one that shows all.

    Args:
        run: the log.
        findings: what was found in it.
        skips: what could not be checked. Where the early window is unseen that asks for the short run, where the values
            are blurred for the raw ones.
    """
    mine = tuple(f for f in findings if f.run in (None, run.name))
    kinds = {skip.kind for skip in skips if skip.run in (None, run.name)}
    return tuple(_steps(run, mine, kinds))


def _steps(run: Run, found: tuple[Finding, ...], kinds: Set[SkipKind]) -> Iterator[str]:
    # a resume and a dead run are told whatever their severity; fixes are proven only where one is called for
    seen = {f.instability for f in found}
    if "dead" in seen:
        yield f"{DEAD} The logged one is 0 throughout." if _never_above_0(run.curve("learning_rate")) else DEAD
    elif "does_not_train" in kinds:
        yield TRAINS_NOT
    if "resume" in seen:
        yield RESUME
    if "non_finite" in seen and is_broken_from_the_start(run):
        yield FROM_THE_START
        return  # nothing else can be learned from this run
    if _is_late_and_sudden(run, found):
        yield LATE_NAN
    if "early_unseen" in kinds:
        yield _short_run(run)
    yield from _better_log(run, found, kinds)
    if any(f.instability in LOSS_EVENTS | {"gradient"} for f in about(run, found)):
        yield PROVE


def _is_late_and_sudden(run: Run, found: tuple[Finding, ...]) -> bool:
    """Whether the loss became non-finite after the early window and nothing was seen to go wrong before it."""
    first = min(
        (f.first_step or 0 for f in found if f.instability == "non_finite" and f.severity == "error"), default=0
    )
    before = [f for f in events(run, found) if f.instability != "non_finite" and (f.first_step or 0) <= first]
    return first > 0 and not is_early(run, first) and not before


def _never_above_0(rate: Curve) -> bool:
    return bool(len(rate)) and not bool((rate.value > 0).any())


def _short_run(run: Run) -> str:
    rates = rates_of(run)
    twice = f" ({2 * rates.peak:.3g})" if rates is not None and not rates.is_rising else ""
    keys = " (Trainer: logging_steps=1, max_steps=500)" if run.has_trainer_filter else ""
    return (
        f"The first updates cannot be seen in this log: train 500 steps at twice the learning rate{twice}, log the "
        f"loss and the unclipped gradient norm at every step{keys}, and judge that log with `lrdoctor diagnose`."
    )


def _better_log(run: Run, found: tuple[Finding, ...], kinds: Set[SkipKind]) -> Iterator[str]:
    """What the next log should hold that this one does not."""
    if events(run, found) and not len(run.grad_norm):
        yield GRADIENT
    elif about(run, found) and norms_of(run, found).are_clipped:
        yield CLIPPED
    if run.has_trainer_filter:
        yield NAN_FILTER
    how = _not_raw(run)
    if how and ("blurred" in kinds or run.provenance.get("sampled")):
        yield RAW.format(how=how)


def _not_raw(run: Run) -> str:
    """How the logged losses differ from the raw ones, "" when nothing is known to."""
    known = run.provenance
    averaged = known.get("averaged")
    over = "means over an epoch" if averaged == "epoch" else f"means over {averaged} steps" if averaged else ""
    smoothed = f"smoothed (beta about {known['smoothed']:.2g})" if known.get("smoothed") else ""
    sampled = f"thinned out ({known['sampled']})" if known.get("sampled") else ""
    return ", ".join(part for part in (over, smoothed, sampled) if part)
