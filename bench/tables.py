# SPDX-License-Identifier: MIT
"""How figures are printed (as Markdown, to be pasted), and when they are too noisy to be believed.
"""
import statistics
import sys

NOISY = 0.15  # a reference that spreads wider than this tells nothing


def progress(text):
    """What is being measured, to someone who watches."""
    if sys.stderr.isatty():
        print(f'\r{text:<60}' + ('' if text else '\r'), end='', file=sys.stderr, flush=True)


def turns(rounds, cases, what):
    """Each case once a round, so that a machine that slows down slows them all alike."""
    for turn in range(rounds):
        for case in cases:
            progress(f'round {turn + 1} of {rounds}: {case} {what}')
            yield case
    progress('')


def ranged(values, digits=1):
    """Median, and least..most."""
    return (f'{statistics.median(values):.{digits}f} '
            f'({min(values):.{digits}f}..{max(values):.{digits}f})')


def show(title, heading, rows):
    """A table; the first column to the left, the others to the right."""
    lines = [heading, *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heading))]
    lines.insert(1, ['-' * widths[0]] + ['-' * (width - 1) + ':' for width in widths[1:]])
    print(title + '\n')
    for line in lines:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
        print('| ' + ' | '.join(cells) + ' |')
    print(flush=True)


def noise(name, reference):
    """A line, in a list, when a reference spread too wide; reference may be empty."""
    if not reference:
        return []
    spread = (max(reference) - min(reference)) / statistics.median(reference)
    if spread <= NOISY:
        return []
    return [f'too noisy to tell: {name} spread over {spread:.0%} (more than {NOISY:.0%})']


def micro_noise(table):
    """One line for the worst reference of a table that a program of ours printed."""
    references = {case['against'] for case in table['cases'] if 'against' in case}
    spreads = {case['name']: (case['most'] - case['least']) / case['median']
               for case in table['cases'] if case['name'] in references}
    worst = max(spreads, key=spreads.get)
    if spreads[worst] <= NOISY:
        return []
    return [f'{table["what"]}: "{worst}" spread over {spreads[worst]:.0%} (more than {NOISY:.0%}): '
            'read the medians with care']


def print_place(report):
    where, versions = report['place'], report.get('versions')
    print(f'date      {where["date"]}, load {where["load"]:.1f} at the start')
    print(f'machine   {where["cpu"]}, {where["cores"]} cores, Linux {where["kernel"]}')
    print(f'pinned    {where["pinned"]}')
    if versions:
        print(f'client    pipepoll {versions["pipepoll"]}, libcurl {versions["libcurl"]}, '
              f'{versions["tls"]}, libuv {versions["libuv"]}')
    print(f'peers     {"; ".join(where["peers"])}')
    build = ', '.join(f'{k} {v}' for k, v in sorted(report['options'].items()))
    print(f'build     {where["compiler"]}, {build}')
    for kind in ('gaps', 'noise', 'failed'):
        for line in report[kind]:
            print(f'{kind:<9} {line}')
