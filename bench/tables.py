"""How the figures are printed, and when they are too noisy to be believed."""
import statistics
import sys

NOISY = 0.15  # a reference that spreads wider than this tells nothing

POLL_HEADING = (
    'end to end: TLS 1.3 verified, signed, sent, parsed, dispatched; '
    'median (least..most) of {rounds}\n'
    '           |            CPU, us per poll             |                   '
    '|     polls/s     | latency, ms |   memory, MB\n'
    ' in flight |      h2load             pipepoll        |       ratio       '
    '| h2load pipepoll |   p50   p99 | h2load pipepoll\n')


def progress(text):
    """What is being measured, to someone who watches."""
    if sys.stderr.isatty():
        print(f'\r{text:<40}' + ('' if text else '\r'), end='', file=sys.stderr, flush=True)


def _median(rounds, key, scale=1.0):
    return statistics.median(r[key] for r in rounds) * scale


def _with_range(values, digits):
    return (f'{statistics.median(values):.{digits}f} '
            f'({min(values):.{digits}f}..{max(values):.{digits}f})')


def _cpu(rounds):
    return _with_range([r['cpu_us_per_poll'] for r in rounds], 1) if rounds else 'absent'


def _pair(ours, floor, key, scale, digits):
    other = f'{_median(floor, key, scale):.{digits}f}' if floor else '-'
    return f'{other:>6} {_median(ours, key, scale):>8.{digits}f}'


def _latency(rounds):
    """The API tells whole milliseconds."""
    each = (_median(rounds, key) for key in ('p50_ms', 'p99_ms'))
    return ' '.join(f'{ms:>5.0f}' if ms >= 1 else f'{"<1":>5}' for ms in each)


def print_poll(rows):
    print(POLL_HEADING.format(rounds=len(rows[0]['pipepoll'])), end='')
    for row in rows:
        ours, floor = row['pipepoll'], row['h2load']
        ratio = _with_range(row['ratios'], 2) if floor else '-'
        print(f'{row["in_flight"]:>10} | {_cpu(floor):>18}  {_cpu(ours):>19} | {ratio:>17} '
              f'| {_pair(ours, floor, "polls_per_second", 1, 0)} | {_latency(ours):>11} '
              f'| {_pair(ours, floor, "resident_bytes", 1e-6, 1)}')
    print()


def poll_noise(rows):
    return [f'too noisy to tell at {row["in_flight"]} in flight: h2load itself spread over '
            f'{row["reference_spread"]:.0%} (more than {NOISY:.0%})'
            for row in rows if row.get('reference_spread', 0) > NOISY]


def micro_noise(table):
    """One line for the table's worst reference."""
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
    print(f'date     {where["date"]}')
    print(f'machine  {where["cpu"]}, {where["cores"]} cores, Linux {where["kernel"]}')
    print(f'pinned   {where["pinned"]}')
    if versions:
        print(f'client   pipepoll {versions["pipepoll"]}, libcurl {versions["libcurl"]}, '
              f'{versions["tls"]}, libuv {versions["libuv"]}')
    print(f'peers    {"; ".join(where["peers"])}')
    print('build    ' + ', '.join(f'{k} {v}' for k, v in sorted(report['options'].items())))
    for kind in ('gaps', 'noise'):
        for line in report[kind]:
            print(f'{kind:<8} {line}')
