"""What is drawn of a model, before any ink: steps, folded blocks, courses of the signal, rows of the table."""

from __future__ import annotations

from dataclasses import replace

import pytest
from model_samples import MIXED, MODELS, Row, layer, model, site, transformer

from lrdoctor.reports.html.architecture import PROBABLE, model_view
from lrdoctor.reports.html.chain import FIRST_STEPS, LAST_STEPS, Add, Chain, Layer, Segment, chain
from lrdoctor.reports.html.chain_text import branch_lines, described
from lrdoctor.reports.html.scales import courses, stretches

PLAIN = Add(
    modules=("a",),
    where="net.py:12",
    ends_with="linear",
    scales=(0.5,),
    has_norm_after=False,
    is_gated=False,
    is_zero=False,
    is_dead=False,
    is_probable=False,
    is_projected=False,
)


def one(*steps: Layer | Add) -> tuple[Segment, ...]:
    """Each of the steps once."""
    return tuple(Segment((step,)) for step in steps)


def post(part: str, *scales: float) -> Add:
    modules = tuple(f"blocks.{i}.{part}" for i in range(len(scales)))
    return replace(PLAIN, modules=modules, scales=pytest.approx(scales), has_norm_after=True)


CHAINS: list[tuple[str, Row, Chain]] = [
    ("nothing", model(), Chain(())),
    ("layers", model(layer("a"), layer("b", "conv2d")), Chain(one(Layer("linear", ("a",)), Layer("conv2d", ("b",))))),
    (
        "layers alike",
        model(*(layer(f"layers.{2 * i}") for i in range(3)), layer("head")),
        Chain((Segment((Layer("linear", ("layers.0", "layers.2", "layers.4")),), 3), *one(Layer("linear", ("head",))))),
    ),
    (
        "every kind",
        model(*MIXED),
        Chain(
            one(
                Layer("conv2d", ("stem",)),
                replace(PLAIN, is_projected=True, is_probable=True, projection=Layer("conv2d", ("down",))),
                replace(PLAIN, modules=("b",), is_gated=True, is_zero=True, scales=(0.0,)),
                replace(PLAIN, modules=("c",), is_zero=True, is_dead=True, scales=(0.0,)),
                replace(PLAIN, modules=("d",), has_norm_after=True, ends_with="relu"),
                Layer("linear", ("head",)),
            )
        ),
    ),
    (
        "blocks of two adds",
        model(*transformer(3), layer("head")),
        Chain(
            (
                Segment((post("attention", 0.1, 0.3, 0.5), post("mlp", 0.2, 0.4, 0.6)), 3),
                *one(Layer("linear", ("head",))),
            )
        ),
    ),
    (
        "projections fold with their blocks",
        model(
            *(
                part
                for i in range(2)
                for part in (layer(f"{i}.skip", "conv2d"), site(f"{i}", skip="projection"), site(f"{i}.id"))
            )
        ),
        Chain(
            (
                Segment(
                    (
                        replace(
                            PLAIN,
                            modules=("0", "1"),
                            scales=(0.5, 0.5),
                            is_projected=True,
                            projection=Layer("conv2d", ("0.skip", "1.skip")),
                        ),
                        replace(PLAIN, modules=("0.id", "1.id"), scales=(0.5, 0.5)),
                    ),
                    2,
                ),
            )
        ),
    ),
    (
        "a shared block names its module once",
        model(site("a"), site("a", call=1)),
        Chain((Segment((replace(PLAIN, scales=(0.5, 0.5)),), 2),)),
    ),
    ("a scale that is not known", model(site("a", branch_scale=None)), Chain(one(replace(PLAIN, scales=(None,))))),
    ("an add inside a branch", MODELS["add inside a branch"], Chain(one(PLAIN), inside=1)),
    ("unknown operations", MODELS["unknown"], Chain(one(Layer("linear", ("a",))), unknown=5)),
    (
        "a report that does not number sites",
        MODELS["before sites were numbered"],
        Chain(one(replace(PLAIN, where="", ends_with="unknown", scales=(None,)))),
    ),
]


@pytest.mark.parametrize(("of", "expected"), [row[1:] for row in CHAINS], ids=[row[0] for row in CHAINS])
def test_what_is_drawn(of: Row, expected: Chain) -> None:
    assert chain(of) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"where": "net.py:13"},
        {"skip": "projection"},
        {"last_operation": "conv2d"},
        {"gate": "gate"},
        {"post_norm": True},
        {"branch_scale": 0.0},
        {"is_dead": True},
        {"is_probable": True},
        {"module": "other.1"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_blocks_that_differ_are_not_folded(changes: Row) -> None:
    drawn = chain(model(site("blocks.0"), site("blocks.1") | changes))
    assert [segment.times for segment in drawn.first] == [1, 1]


@pytest.mark.parametrize("changes", [{"branch_scale": 0.7}, {"call": 3}, {"norm": "n"}, {"zeroable": []}], ids=str)
def test_blocks_that_differ_in_numbers_alone_are_folded(changes: Row) -> None:
    drawn = chain(model(site("blocks.0"), site("blocks.1", **changes)))
    assert [segment.times for segment in drawn.first] == [2]


@pytest.mark.parametrize(("n", "left_out"), [(FIRST_STEPS + LAST_STEPS, 0), (60, 12)])
def test_a_long_model_is_drawn_at_both_ends(n: int, left_out: int) -> None:
    letters = [site(f"layer_{'x' * i}") for i in range(n)]
    drawn = chain(model(*letters))
    names = [step.modules[0] for step in drawn.steps]
    assert drawn.n_left_out == left_out
    kept = letters if not left_out else [*letters[:FIRST_STEPS], *letters[-LAST_STEPS:]]
    assert names == [each["module"] for each in kept]


def test_words_of_a_branch() -> None:
    add = next(step for step in chain(model(*transformer(12))).steps if isinstance(step, Add))
    words = ["branch ends with linear", "||f(x)|| / ||x|| = 0.1..2.3", "in blocks.0.attention and 11 more"]
    assert branch_lines(add) == words
    dead = next(step for step in chain(model(*MIXED)).steps if isinstance(step, Add) and step.is_dead)
    assert branch_lines(dead)[-1] == "dead"


def test_the_drawing_in_words() -> None:
    assert described(chain(model(*MIXED))) == (
        "Input; conv2d (stem); "
        "residual add (a), with a projection on the skip, whose branch ends with linear at scale 0.5, probable; "
        "residual add (b), whose branch ends with linear at scale 0, 0 at init, gated; "
        "residual add (c), whose branch ends with linear at scale 0, dead; "
        "residual add (d), whose branch ends with relu at scale 0.5, the sum is normalized; "
        "linear (head); output."
    )
    assert described(chain(MODELS["post-norm"])).startswith("Input; 12 times: residual add (blocks.0.attention and 11")
    assert described(chain(MODELS["unknown"])).endswith("5 unknown operations, whose places are not known.")


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ((1.0, 2.0), [(1, [1.0, 2.0])]),
        ((1.0, None, 2.0), [(1, [1.0]), (3, [2.0])]),
        ((float("nan"), 1.0, float("inf"), float("-inf")), [(2, [1.0])]),
        ((0.0, -1.0), []),
    ],
    ids=["all", "missing", "not finite", "no place on a log axis"],
)
def test_what_cannot_be_shown_leaves_a_gap(
    values: tuple[float | None, ...], shown: list[tuple[int, list[float]]]
) -> None:
    activations, _ = courses(model(*(layer("a", activation=value) for value in values)))
    assert stretches(activations.values) == shown


def test_growth_is_told_as_the_terminal_tells_it() -> None:
    assert [each.growth for each in courses(model(layer("a")))] == ["last / first 3x", "first / last not known"]


def test_rows_of_the_sites() -> None:
    view = model_view(model(*MIXED))
    assert view is not None
    cells = [(row.cells, row.kind) for row in view.tables[0].rows]
    assert cells == [
        (("net.py:12", "a", "1", "projection", "0.5", "linear", "no", "down.weight", "probable"), ""),
        (("net.py:12", "b", "1", "identity", "0", "linear", "no", "down.weight", "gated, 0 at init"), ""),
        (("net.py:12", "c", "1", "identity", "0", "linear", "no", "no: the branch is 0 already", "dead"), "warning"),
        (("net.py:12", "d", "1", "identity", "0.5", "relu", "yes", "no: its last operation is relu", ""), "warning"),
    ]
    assert view.folded == ()


def test_every_add_of_a_model_with_equal_ones_is_folded_away() -> None:
    view = model_view(model(*transformer(12)))
    assert view is not None
    assert [len(table.rows) for table in view.tables] == [1]
    assert view.tables[0].rows[0].cells[7] == "down.weight"
    assert [len(table.rows) for table in view.folded] == [24]


@pytest.mark.parametrize(
    ("zeroable", "said"),
    [
        ((["a.x", "a.b"], ["b.x"]), "x, b"),
        ((["a.x"], []), "1 of 2: it is used elsewhere too"),
        (([], []), "no: it is used elsewhere too"),
    ],
    ids=["all", "some", "none"],
)
def test_what_may_start_at_zero(zeroable: tuple[list[str], list[str]], said: str) -> None:
    names = zip("ab", zeroable, strict=True)
    sites = [site(m, zeroable=of, why_not="" if of else "it is used elsewhere too") for m, of in names]
    view = model_view(model(*sites))
    assert view is not None
    assert view.tables[0].rows[0].cells[7] == said


def test_what_probable_means_is_said_where_it_stands() -> None:
    told = [PROBABLE in (view.notes if view else ()) for view in map(model_view, (model(*MIXED), model(site("a"))))]
    assert told == [True, False]


def test_nobody_looked() -> None:
    assert model_view(None) is None
