"""Draws docs/pictures/*.svg from out/bench.json, and from nothing else.

    python benchmarks/pictures.py [FOLDER]     FOLDER instead of docs/pictures

Knows what the parts of the benchmark keep in that file, and how a picture looks. Must not measure anything.

The same figures give the same bytes: no date, no random ids. Texts stay texts, the background is transparent, and every
colour stands out from white and from near black alike. What has not been measured is not drawn, and said.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "out" / "bench.json"
PICTURES = ROOT / "docs" / "pictures"

#: Contrast against white and against #0d1117: the text's is above 4.2 on both, the marks' above 3.
TEXT, OURS, PEER, FAINT = "#757b83", "#2f81f7", "#8b949e", "#8b949e40"
STYLE = mpl.RcParams(
    {
        "svg.fonttype": "none",
        "svg.hashsalt": "mapper",
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],
        "font.size": 10.5,
        "axes.titlesize": 10.5,
        "axes.titlelocation": "left",
        "axes.titlepad": 12,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "axes.edgecolor": TEXT,
        "axes.labelcolor": TEXT,
        "axes.titlecolor": TEXT,
        "text.color": TEXT,
        "xtick.color": TEXT,
        "ytick.color": TEXT,
        "grid.color": FAINT,
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "lines.linewidth": 1.8,
        "lines.markersize": 5,
        "path.simplify": False,
    }
)
WIDTH = 7.6  # inches
#: What an engine is called in a picture, where that is not its own name.
NAMES = {
    "by_pydantic": "pydantic",
    "floor": "floor: orjson alone",
    "naive": "jmespath + Cerberus, naive",
    "node_by_hand": "Node by hand, ajv",
    "plain": "jmespath + Cerberus, plain",
    "plain_by_hand": "jmespath + Cerberus, texts by hand",
    "rudder_template": "RudderStack template, ajv",
    "rudder_workflow": "RudderStack workflow, ajv",
    "segment_actions_core": "Segment actions-core",
    "segment_actions_core_batch": "Segment actions-core, batches",
}
CURVE: dict[str, Any] = {"marker": "o", "color": OURS, "clip_on": False}

Columns = Mapping[str, Any]


class StaleError(Exception):
    """Figures that do not belong together."""


def panels(count: int, height: float = 3.6) -> tuple[Figure, list[Axes]]:
    """A figure of so many panels side by side, ``height`` in inches."""
    figure = Figure(figsize=(WIDTH, height), layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1, wspace=0.04))
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def time_line(axes: Axes, columns: Columns, across: str, ceiling: float) -> None:
    """The CPU time of an event against a size; ``ceiling`` is the largest time of the picture, in microseconds."""
    unit, scale = ("ms", 1000.0) if ceiling >= 1000 else ("µs", 1.0)  # noqa: PLR2004 - a millisecond
    axes.plot(columns["sizes"], [spent / scale for spent in columns["cpu_us_per_event"]], **CURVE)
    axes.set(xlabel=across, ylabel=f"CPU time per event, {unit}", ylim=(0, 1.08 * ceiling / scale))
    axes.set_xlim(left=0)


def growth_alone(columns: Columns, what: str, across: str) -> Figure:
    """A picture of one curve that has an exponent."""
    figure, (axes,) = panels(1)
    time_line(axes, columns, across, max(columns["cpu_us_per_event"]))
    axes.set_title(f"{what}: exponent {columns['exponent']:.2f} from {columns['fitted_sizes'][0]} up (1 is linear)")
    return figure


def growth_fields(kept: Columns) -> Figure:
    """Time per event against the fields of the mapping."""
    return growth_alone(kept["growth"]["fields"], "Fields", "fields of the mapping, all filled")


def growth_traits(kept: Columns) -> Figure:
    """Time per event against the traits that no field reads."""
    return growth_alone(kept["growth"]["traits"], "Custom traits", "traits of the event that no field reads")


def growth_fallbacks_rules(kept: Columns) -> Figure:
    """Time per event against the fallbacks and the rules of each of its fields, to one scale."""
    fallbacks, rules = kept["growth"]["fallbacks"], kept["growth"]["rules"]
    ceiling = max(*fallbacks["cpu_us_per_event"], *rules["cpu_us_per_event"])
    figure, (left, right) = panels(2)
    time_line(left, fallbacks, "fallbacks per field, the last one filled", ceiling)
    time_line(right, rules, "rules per field, all kept", ceiling)
    left.set(title="Fallbacks", xticks=range(0, max(fallbacks["sizes"]) + 1, 4))
    right.set(title="Rules", xticks=rules["sizes"])
    return figure


def growth_events(kept: Columns) -> Figure:
    """Time and peak memory of the command against the lines of its file."""
    columns = kept["growth"]["events"]
    sizes, (start,), peaks = columns["sizes"], columns["start_cpu_s"], columns["peak_mib"]
    figure, (left, right) = panels(2)
    left.plot(sizes, columns["cpu_s"], **CURVE)
    left.axhline(start, color=PEER, linestyle="--")
    left.annotate("start-up", (sizes[-1], start), xytext=(0, 4), textcoords="offset points", ha="right")
    left.set(title=f"Time: exponent {columns['exponent']:.2f} without start-up", ylabel="CPU time, s", yscale="log")
    right.plot(sizes, peaks, **CURVE)
    right.set(title="Memory", ylabel="peak memory, MiB", ylim=(0, 1.3 * max(peaks)))
    left.yaxis.set_major_formatter("{x:g}")
    for axes in (left, right):
        axes.set(xlabel="events in the file", xscale="log")
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.minorticks_off()
    return figure


def peers(kept: Columns) -> Figure:
    """Events per CPU second of every engine, as parts of the floor's."""
    shares = sorted(engines(kept).items(), key=lambda pair: (pair[1], pair[0]))
    figure, (axes,) = panels(1, height=0.9 + 0.3 * len(shares))
    names = [NAMES.get(name, name.replace("_", " ")) for name, _ in shares]
    colors = [OURS if name == "ours" else PEER for name, _ in shares]
    bars = axes.barh(names, [share for _, share in shares], color=colors)
    axes.bar_label(bars, labels=[f"{share:.2g}" for _, share in shares], padding=4)
    axes.set(title="Events per CPU second", xlabel="times the floor (JSON in, JSON out, nothing between)")
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.1, y=0.02)
    return figure


def engines(kept: Columns) -> dict[str, float]:
    """How many times the floor's rate each engine has that was measured: the Node peers through their ratio to ours.

    Raises StaleError where ours has another speed in one part than in the other: they are not of one run.
    """
    own, beside = kept["in_memory"]["engines"], kept.get("peers", {}).get("engines", {})
    speeds = [rows["ours"]["events_per_cpu_second"] for rows in (own, beside) if rows]
    if max(speeds) > 2 * min(speeds):  # a busy machine moves it by less
        raise StaleError("the parts in_memory and peers are not of one run")
    rates = {name: row["x"] for name, row in own.items()}
    return {name: row["x"] * rates["ours"] for name, row in beside.items()} | rates


#: Each picture by its file's name.
DRAWN: dict[str, Callable[[Columns], Figure]] = {
    "growth_fields": growth_fields,
    "growth_traits": growth_traits,
    "growth_fallbacks_rules": growth_fallbacks_rules,
    "growth_events": growth_events,
    "peers": peers,
}


def draw(kept: Columns, folder: Path) -> list[str]:
    """Write what can be drawn from these figures, and return one line of text for each picture."""
    folder.mkdir(parents=True, exist_ok=True)
    said = []
    with mpl.rc_context(STYLE):
        for name, picture in DRAWN.items():
            path = folder / f"{name}.svg"
            try:
                figure = picture(kept)
            except KeyError as missing:
                said.append(f"{path.name}: not drawn, {missing} has not been measured")
                continue
            except StaleError as error:
                said.append(f"{path.name}: not drawn, {error}")
                continue
            figure.savefig(path, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
            said.append(f"{path.name}: drawn")
    return said


def main() -> None:
    """Draw all pictures."""
    parser = argparse.ArgumentParser(description="Draw the benchmark's pictures from out/bench.json.")
    parser.add_argument("folder", type=Path, nargs="?", default=PICTURES)
    folder = parser.parse_args().folder
    if not FIGURES.exists():
        raise SystemExit("out/bench.json is not there: run the benchmark first (make bench)")
    print("\n".join(draw(json.loads(FIGURES.read_text(encoding="utf-8")), folder)))


if __name__ == "__main__":
    main()
