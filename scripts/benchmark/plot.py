"""Plots as SVG, written by hand: bars for the clients, lines for the scale."""

from __future__ import annotations

import html
import math
import typing

FONT = 'font-family="sans-serif"'
OURS, THEIRS, GRID, TEXT = "#d1495b", "#8fa3b0", "#dddddd", "#222222"
COLOURS = ("#d1495b", "#00798c", "#edae49", "#30638e")


class Bars(typing.NamedTuple):
    """One panel: its title, and a value for each name; `ours` are drawn in the other colour."""

    title: str
    values: dict[str, float]
    ours: frozenset[str]


class Lines(typing.NamedTuple):
    """One panel of lines over a logarithmic axis: the points of each name, and what they are."""

    title: str
    unit: str
    points: dict[str, list[tuple[float, float]]]


def text(x: float, y: float, content: str, anchor: str = "start", **more: object) -> str:
    size = more.get("size", 11)
    weight = ' font-weight="bold"' if more.get("bold") else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" {FONT} font-size="{size}" fill="{TEXT}"'
        f' text-anchor="{anchor}"{weight}>{html.escape(content)}</text>'
    )


def line(x1: float, y1: float, x2: float, y2: float, colour: str = GRID, width: float = 1) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
        f' stroke="{colour}" stroke-width="{width}"/>'
    )


def document(width: float, height: float, parts: list[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}">',
            f'<rect width="{width:.0f}" height="{height:.0f}" fill="white"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def bars(panels: list[Bars], caption: str, columns: int = 3) -> str:
    """Horizontal bars on a logarithmic axis from 1, shortest first."""
    width, names_width, bar_height, gap = 360, 128, 15, 46
    parts = [text(12, 22, caption, size=13)]
    top = 40.0
    for start in range(0, len(panels), columns):
        row = panels[start : start + columns]
        for column, panel in enumerate(row):
            left = column * width
            parts.append(text(left + 12, top + 14, panel.title, size=13, bold=True))
            room = width - names_width - 50
            furthest = math.log10(max(10.0, *panel.values.values()))
            ordered = sorted(panel.values.items(), key=lambda pair: pair[1])
            for place, (name, value) in enumerate(ordered):
                y = top + 22 + place * bar_height
                length = max(1.0, room * math.log10(max(value, 1.02)) / furthest)
                colour = OURS if name in panel.ours else THEIRS
                parts.append(text(left + names_width - 4, y + 11, name, "end"))
                parts.append(
                    f'<rect x="{left + names_width}" y="{y + 1:.1f}" width="{length:.1f}"'
                    f' height="{bar_height - 3}" fill="{colour}"/>'
                )
                shown = f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"
                parts.append(text(left + names_width + length + 4, y + 11, shown))
        top += max(len(panel.values) for panel in row) * bar_height + gap
    return document(columns * width, top, parts)


def ticks(low: float, high: float) -> list[float]:
    """The powers of ten from the one at or below `low` to the one at or above `high`."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return [10.0**power for power in range(first, last + 1)]


def lines(panels: list[Lines], caption: str, columns: int = 2) -> str:
    """Lines over a logarithmic axis of counts; the other axis is linear and starts at zero."""
    width, height, left_edge, bottom_edge = 460, 290, 60, 40
    parts = [text(12, 22, caption, size=13)]
    for index, panel in enumerate(panels):
        left, top = index % columns * width + left_edge, index // columns * height + 62
        right, bottom = left + width - left_edge - 24, top + height - 62 - bottom_edge
        parts.append(text(left, top - 12, panel.title, size=13, bold=True))
        everything = [point for points in panel.points.values() for point in points]
        marks = ticks(min(x for x, _ in everything), max(x for x, _ in everything))
        highest = max(y for _, y in everything) * 1.15
        spacing = 10 ** math.floor(math.log10(highest))
        spacing = spacing / 2 if highest / spacing < 3 else spacing

        def across(
            x: float, left: float = left, right: float = right, m: list[float] = marks
        ) -> float:
            return left + (right - left) * math.log10(x / m[0]) / math.log10(m[-1] / m[0])

        def up(y: float, top: float = top, bottom: float = bottom, h: float = highest) -> float:
            return bottom - (bottom - top) * y / h

        for mark in marks:
            parts.append(line(across(mark), top, across(mark), bottom))
            parts.append(text(across(mark), bottom + 15, f"{mark:,.0f}", "middle"))
        for step in range(int(highest / spacing) + 1):
            level = step * spacing
            parts.append(line(left, up(level), right, up(level)))
            parts.append(text(left - 5, up(level) + 4, f"{level:g}", "end"))
        parts.append(text(left - 5, top - 2, panel.unit, "end"))
        for place, (name, points) in enumerate(panel.points.items()):
            colour = COLOURS[place % len(COLOURS)]
            path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in points)
            parts.append(
                f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
            )
            parts += [
                f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="3" fill="{colour}"/>'
                for x, y in points
            ]
            parts.append(
                f'<rect x="{left + 8 + place * 98}" y="{bottom + 22}" width="10" height="10"'
                f' fill="{colour}"/>'
            )
            parts.append(text(left + 22 + place * 98, bottom + 31, name))
    rows = math.ceil(len(panels) / columns)
    return document(columns * width, rows * height + 34, parts)
