"""The fixes that change the model itself: what can be changed without its author is changed in a copy, and swept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from lrdoctor.core.architecture import DEEP, Architecture
from lrdoctor.core.rewriting import SLOW, Rewrite, Rewriting
from lrdoctor.examine import range_test
from lrdoctor.examine.bench import FixRunner
from lrdoctor.procedures.treatment import Treatment
from lrdoctor.procedures.treatment_results import Swept, Tried

RESIDUALS, PLACEMENT, ZERO = "add_residuals_and_norm", "norm_placement", "zero_init_residual"
AGAIN = "apply it to the code and run treat again"


def residuals_and_norm(bench: FixRunner) -> Iterator[Tried]:
    """A norm at the end of every branch, where that is asked for; where residuals belong, only the author knows."""
    yield from _unless_barred(bench, RESIDUALS, _residuals_and_norm)


def norm_placement(bench: FixRunner) -> Iterator[Tried]:
    """x + Norm(f(x)) in place of Norm(x + f(x))."""
    yield from _unless_barred(bench, PLACEMENT, _norm_placement)


def zero_init(bench: FixRunner) -> Iterator[Tried]:
    """Zeroed last parameters; then factors that start at 0, which reach the branches that may not be zeroed too."""
    yield from _unless_barred(bench, ZERO, _zero_init)


def _unless_barred(
    bench: FixRunner, fix: str, of: Callable[[FixRunner, Architecture], Iterator[Tried]]
) -> Iterator[Tried]:
    """What is tried on a model that can be looked at and is not changed already."""
    own = bench.laboratory.spec.model_change
    if own is not None:
        why = f"the spec rewrites the model already ({own}), and takes one change: {AGAIN}"
        yield bench.not_tried(fix, why)
    elif bench.possible.model is None:
        yield bench.not_tried(fix, f"{bench.possible.failure}; {AGAIN}")
    else:
        yield from of(bench, bench.possible.model)


def _residuals_and_norm(bench: FixRunner, model: Architecture) -> Iterator[Tried]:
    if not model.sites:
        yield bench.not_tried(RESIDUALS, _by_hand(model))
    elif bench.add_norm:
        yield from _swept(bench, RESIDUALS, ["add_norm"])
    else:
        yield bench.not_tried(RESIDUALS, f"{_what_there_is(model)}; --add-norm tries one at the end of every branch")


def _norm_placement(bench: FixRunner, model: Architecture) -> Iterator[Tried]:
    if model.post_norm_sites:
        yield from _swept(bench, PLACEMENT, ["move_norm"])
    else:
        yield bench.not_tried(PLACEMENT, "no residual sum is normalized")


def _zero_init(bench: FixRunner, model: Architecture) -> Iterator[Tried]:
    if model.sites:
        yield from _swept(bench, ZERO, ["zero_init", "rezero"])
    else:
        yield bench.not_tried(ZERO, "no residual add was recognised")


def _by_hand(model: Architecture) -> str:
    depth = model.depth_outside_residuals
    return (
        f"no residual add was recognised over {depth} layer{'' if depth == 1 else 's'}, and where residual connections "
        f"and norms belong is for the model's author to say: {AGAIN}"
    )


def _what_there_is(model: Architecture) -> str:
    if model.distinct_without_norm > DEEP:
        return f"there are residual connections, and {model.distinct_without_norm} layers without a norm between them"
    return f"there are residual connections, and no more than {DEEP} layers in a row without a norm"


def _swept(bench: FixRunner, fix: str, names: Sequence[Rewrite]) -> Iterator[Tried]:
    """The sweep of every one of these changes that can be made, until one restores all the room."""
    rewritings = [bench.possible.rewritings[name] for name in names]
    if not any(rewriting.is_made for rewriting in rewritings):
        yield bench.not_tried(fix, _why_not(rewritings[0]))
    for rewriting in rewritings:
        if rewriting.is_made:
            tried = _one(bench, fix, rewriting)
            yield tried
            if tried.promises_target and not bench.everything:
                return


def _one(bench: FixRunner, fix: str, rewriting: Rewriting) -> Swept:
    settings = {"rewrite": rewriting.name, "sites": rewriting.n_sites}
    # where no rate trains there is none to build a ladder on
    best = bench.study.best_learning_rate
    grid = None if best is not None else range_test.grid(bench.laboratory)
    tried = bench.swept(fix, Treatment(rewrite=rewriting.name), settings, grid=grid)
    tried = replace(tried, rewriting=rewriting)
    use = tried.rate_to_use
    if best is None or use is None or rewriting.name not in SLOW or not tried.reaches_beyond:
        return tried
    # judged too early, perhaps
    return bench.compared_longer(tried, best, use) if tried.may_lose else tried


def _why_not(rewriting: Rewriting) -> str:
    """Why the change was made nowhere."""
    if rewriting.failure or not rewriting.refused:
        return f"{rewriting.failure}; {AGAIN}"
    first = rewriting.refused[0]
    others = len({refusal.where for refusal in rewriting.refused} - {first.where})
    more = f", and {others} more line{'' if others == 1 else 's'}" if others else ""
    return f"it can be made nowhere: {first.where}: {first.why}{more}"
