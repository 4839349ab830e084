"""The ratios of ./bench/run as a picture.

    picture.py BUILD

Reads BUILD/results/*.json and writes BUILD/ratios.svg: a panel for each comparison, a line for each of its ratios, on a scale
on which twice as much is always as far. A dot is the median, the bar through it the spread, an upright mark the target.
"""
import json
import math
import pathlib
import sys
from xml.sax.saxutils import escape

import report

LABELS, WIDTH, LINE = 430, 560, 18     # pixels: for names, for the scale, for each ratio
RIVAL, OURS, MET, MISSED = "#8a8f98", "#1f5fbf", "#2a8f4f", "#c8372d"


def ratios_of(results):
    """The figures of one comparison that are ratios and can be drawn."""
    return [figure for figure in results["figures"] if figure["unit"] == "x" and 0 < figure["median"] < math.inf]


def scale_of(figures, targets):
    """A function from ratio to pixel, and the powers of ten between which it lies."""
    numbers = [figure["median"] for figure in figures] + [targets[figure["name"]]["value"] for figure in figures if figure["name"] in targets]
    low = math.floor(math.log10(min(numbers)))
    high = max(low + 1, math.ceil(math.log10(max(numbers))))
    return (lambda ratio: LABELS + WIDTH * (math.log10(max(ratio, 10.0 ** low)) - low) / (high - low)), range(low, high + 1)


def text(x, y, said, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(said)}</text>'


def upright(x, top, bottom, colour, width):
    return f'<line x1="{x:.1f}" y1="{top:.1f}" x2="{x:.1f}" y2="{bottom:.1f}" stroke="{colour}" stroke-width="{width}"/>'


def panel(results, top):
    """The lines of one comparison, and where the next may begin."""
    figures = ratios_of(results)
    targets = {target["name"]: target for target in results["targets"]}
    at, powers = scale_of(figures, targets)
    about = f"{results['machine']['cpu']} x {results['machine']['cpus']}, {results['compiler']}, {results['flags']}"
    note = ", a try and no measurement" if results["short"] else ""
    lines = [text(10, top + 18, results["name"], 'font-size="15" font-weight="bold"'), text(LABELS, top + 18, about + note, 'fill="#666"')]
    first, last = top + 44, top + 44 + LINE * len(figures)
    for power in powers:
        lines += [upright(at(10.0 ** power), first - 4, last, "#e3e5e8" if power else "#9aa0a8", 1),
                  text(at(10.0 ** power), first - 8, f"{10.0 ** power:g}", 'text-anchor="middle" fill="#666"')]
    for number, figure in enumerate(figures):
        y, median, spread = first + LINE * (number + 0.5), figure["median"], figure["spread"]
        target = targets.get(figure["name"])
        ours = figure["name"].startswith("muster") or "_muster" in figure["name"]
        lines.append(text(LABELS - 60, y + 4, figure["name"], 'text-anchor="end"'))
        lines.append(text(LABELS - 8, y + 4, report.shown(median), 'text-anchor="end" fill="#444"'))
        lines.append(f'<line x1="{at(median - spread):.1f}" y1="{y:.1f}" x2="{at(median + spread):.1f}" y2="{y:.1f}" stroke="{OURS if ours else RIVAL}"/>')
        lines.append(f'<circle cx="{at(median):.1f}" cy="{y:.1f}" r="4" fill="{OURS if ours else RIVAL}"/>')
        if target:
            lines.append(upright(at(target["value"]), y - 7, y + 7, MET if report.is_met(target, figure) else MISSED, 3))
    return lines, last + 20


def picture(all_results):
    """The whole SVG, from the results of some comparisons."""
    lines, top = [], 10
    for results in all_results:
        if ratios_of(results):
            drawn, top = panel(results, top)
            lines += drawn
    width = LABELS + WIDTH + 40
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top:.0f}" font-family="sans-serif" font-size="11">',
                      f'<rect width="{width}" height="{top:.0f}" fill="white"/>', *lines, "</svg>", ""])


if __name__ == "__main__":
    build = pathlib.Path(sys.argv[1])
    (build / "ratios.svg").write_text(picture([json.loads(file.read_text()) for file in sorted((build / "results").glob("*.json"))]))
    print(f"The ratios as a picture: {build / 'ratios.svg'}")
