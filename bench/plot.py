#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A picture of CPU per poll against polls in flight, for every client that bench/run.py measured.

    python3 bench/run.py --only poll --only peers --json figures.json
    python3 bench/plot.py figures.json bench/cpu-per-poll.svg

Both axes are logarithmic. Each line has its name, and colours suit light and dark pages alike.
"""
import html
import json
import math
import statistics
import sys

WIDTH, HEIGHT = 860, 470
LEFT, RIGHT, TOP, BOTTOM = 70, 650, 62, 400

COLOURS = {'pipepoll': '#e8590c', 'h2load': '#868e96', 'boto3': '#2f9e44',
           'AWS SDK for JavaScript v3': '#ae3ec9', 'AWS SDK for Go v2': '#1c7ed6'}
# A grey that reads on white and on black: a picture is not told which page it is on.
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #7d8590 }
.title { font-size: 16px; font-weight: 600 }
.grid { stroke: #8c959f; stroke-opacity: .28 }
.name { font-weight: 600 }
"""


def median_us(rounds):
    return statistics.median(r['cpu_us_per_poll'] for r in rounds)


def read_lines(report):
    """By client: points of (in flight, us), those of pipepoll and h2load from the same run."""
    lines = {'pipepoll': {}, 'h2load': {}}
    for row in report.get('peers') or []:
        lines.setdefault(row['client'], {})[row['in_flight']] = median_us(row['rounds'])
        lines['pipepoll'][row['in_flight']] = median_us(row['pipepoll'])
    for row in report['poll']:
        for name in ('pipepoll', 'h2load'):
            if row[name]:
                lines[name][row['in_flight']] = median_us(row[name])
    return {name: sorted(points.items()) for name, points in lines.items() if points}


class Axes:
    def __init__(self, lines):
        points = [point for line in lines.values() for point in line]
        self.x_least, self.x_most = (f(x for x, _ in points) for f in (min, max))
        # From and to half a decade, so that the lines fill the picture.
        self.y_least = 10 ** (math.floor(2 * math.log10(min(y for _, y in points))) / 2)
        self.y_most = 10 ** (math.ceil(2 * math.log10(max(y for _, y in points))) / 2)

    def x(self, value):
        return LEFT + (RIGHT - LEFT) * self._share(value, self.x_least, self.x_most)

    def y(self, value):
        return BOTTOM - (BOTTOM - TOP) * self._share(value, self.y_least, self.y_most)

    @staticmethod
    def _share(value, least, most):
        return math.log(value / least) / math.log(most / least)

    def grid(self, xs):
        decades = (10 ** e for e in range(math.floor(math.log10(self.y_least)),
                                          math.floor(math.log10(self.y_most)) + 1))
        for value in (step * decade for decade in decades for step in (1, 3)):
            if not self.y_least * 0.94 <= value <= self.y_most:  # 3 is nearly half a decade
                continue
            y = self.y(value)
            yield f'<path class="grid" d="M{LEFT} {y:.1f}H{RIGHT}"/>'
            yield text(LEFT - 8, y + 4, f'{value:,}', 'end')
        for value in xs:
            yield f'<path class="grid" d="M{self.x(value):.1f} {TOP}V{BOTTOM}"/>'
            yield text(self.x(value), BOTTOM + 20, f'{value:,}', 'middle')


def text(x, y, words, anchor='start', more=''):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{html.escape(words)}</text>'


def spread_out(wanted, apart):
    """The same places from the top down, moved as little as keeps them apart."""
    placed = []
    for y in sorted(wanted):
        placed.append(max(y, placed[-1] + apart) if placed else y)
    return dict(zip(sorted(wanted), placed))


def draw_line(axes, name, points):
    at = [(axes.x(x), axes.y(y)) for x, y in points]
    colour = COLOURS.get(name, '#868e96')
    width = 3 if name == 'pipepoll' else 2
    dash = ' stroke-dasharray="6 4"' if name == 'h2load' else ''
    yield (f'<polyline fill="none" stroke="{colour}" stroke-width="{width}"{dash} points="'
           + ' '.join(f'{x:.1f},{y:.1f}' for x, y in at) + '"/>')
    for x, y in at:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'


def draw_names(axes, lines):
    """Beside the right edge, each with a figure that its line has at its end."""
    ends = {name: axes.y(points[-1][1]) for name, points in lines.items()}
    placed = spread_out(set(ends.values()), 19)
    for name, points in lines.items():
        colour = COLOURS.get(name, '#868e96')
        x, y = axes.x(points[-1][0]), placed[ends[name]]
        yield text(x + 10, y + 4, name, more=f' class="name" style="fill: {colour}"')


def draw(report):
    lines = read_lines(report)
    axes = Axes(lines)
    xs = sorted({x for points in lines.values() for x, _ in points})
    where = report['place']
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img">',
        '<title>CPU per poll against polls in flight</title>',
        f'<style>{STYLE}</style>',
        text(LEFT, 26, 'CPU per poll, microseconds (less is better)', more=' class="title"'),
        text(LEFT, 46, 'TLS 1.3 over loopback, connections kept; h2load signs, verifies and parses '
             'nothing; logarithmic axes'),
        *axes.grid(xs),
        text((LEFT + RIGHT) / 2, BOTTOM + 42, 'polls in flight', 'middle'),
        *(part for name, points in lines.items() for part in draw_line(axes, name, points)),
        *draw_names(axes, lines),
        text(LEFT, HEIGHT - 6, f'{where["date"][:10]}, {where["cpu"]}, client on one core'),
        '</svg>',
    ]
    return '\n'.join(parts) + '\n'


def main():
    if len(sys.argv) != 3:
        print('usage: plot.py FIGURES.json PICTURE.svg', file=sys.stderr)
        return 2
    with open(sys.argv[1]) as figures:
        picture = draw(json.load(figures))
    with open(sys.argv[2], 'w') as out:
        out.write(picture)
    return 0


if __name__ == '__main__':
    sys.exit(main())
