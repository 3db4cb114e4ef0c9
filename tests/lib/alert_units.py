# SPDX-License-Identifier: MIT
"""Made-up numbers for each alert: the minute from which it fires, series that make it so, and
series that come close and must not. A series without a job is of the pipepoll that is watched; up
is 1 unless it is given, and None is no series. Values are as promtool writes them, one a minute."""


def always(value):
    return f"{value}+0x240"


def after(minutes, value, before=0):
    """before, and value from that minute on."""
    return f"{before}+0x{minutes - 1} {value}+0x240"


def jump(value):
    """A counter's, in the fifth minute."""
    return after(5, value)


def targets(state, value=1):
    return {f'pipepoll_targets{{region="r",state="{state}"}}': always(value)}


def failing(outcome, value=1):
    return {f'pipepoll_targets_failing{{region="r",outcome="{outcome}"}}': always(value)}


def ended(**outcomes):
    return {f'pipepoll_jobs_ended_total{{outcome="{name.replace("_", "-")}"}}': values
            for name, values in outcomes.items()}


def runs(**outcomes):
    return {f'pipepoll_handler_runs_total{{handler="h",outcome="{name}"}}': values
            for name, values in outcomes.items()}


def pickup(within_10, within_30):
    return {'pipepoll_pickup_seconds_bucket{le="10.0"}': jump(within_10),
            'pipepoll_pickup_seconds_bucket{le="30.0"}': jump(within_30),
            'pipepoll_pickup_seconds_bucket{le="+Inf"}': jump(within_30),
            "pipepoll_pickup_seconds_count": jump(within_30)}


def of(**values):
    return {f"pipepoll_{name}": value if isinstance(value, str) else always(value)
            for name, value in values.items()}


def files(count):
    return {"process_open_fds": always(count), "process_max_fds": always(100), **of(alive=1)}


SOURCE = '{source="s"}'
THROTTLED = 'pipepoll_budget_throttled_total{identity="i",region="r"}'
SKEW = 'pipepoll_clock_skew_seconds{region="r"}'
STARTS = "process_start_time_seconds"

UNITS = {
    "PipepollAbsent": (10, {"up": None}, {}, {"up": always(0)}),
    "PipepollDown": (5, {"up": after(2, 0, before=1)}, {"up": "1 0 0 0 1+0x240"},
                     {'up{job="node"}': always(0)}),
    "PipepollHangs": (2, of(alive=after(1, 0, before=1)), of(alive="1 0 1+0x240")),
    "PipepollNotReady": (5, of(alive=1, ready=0, ending=0), of(alive=1, ready=0, ending=1),
                         of(alive=0, ready=0, ending=0), of(alive=1, ready=1, ending=0)),
    "PipepollRestarts": (3, {STARTS: "1 2 3 4+0x240", **of(alive=1)},
                         {STARTS: "1 2 3+0x240", **of(alive=1)}, {STARTS: "1 2 3 4+0x240"}),
    "PipepollConfigRefused": (1, of(config_refused=1), of(config_refused=0)),
    "PipepollFilesNearLimit": (10, files(91), files(90),
                               {**files(91), "pipepoll_alive": None}),

    "PipepollTargetsLate": (2, targets("late"), targets("late", 0), targets("well")),
    "PipepollCredentialsRefused": (2, failing("credentials"), failing("credentials", 0),
                                   failing("denied")),
    "PipepollTargetsRefused": (5, failing("denied"), failing("denied", 0), failing("service")),
    "PipepollUnreachable": (5, failing("untrusted"), failing("transport", 0), failing("denied")),
    "PipepollServiceFails": (5, failing("protocol"), failing("service", 0), failing("transport")),
    "PipepollThrottled": (35, {THROTTLED: "0 0 0 0 0 10+1x235"}, {THROTTLED: always(10)},
                          {THROTTLED: jump(100)}),
    "PipepollPickupSlow": (15, pickup(37, 40), pickup(39, 40), pickup(0, 10)),
    "PipepollClockSkew": (15, {SKEW: always(-61)}, {SKEW: always(60)}),

    "PipepollCredentialsMissing": (2, {"pipepoll_credentials_usable" + SOURCE: always(0)},
                                   {"pipepoll_credentials_usable" + SOURCE: always(1)},
                                   {"pipepoll_credentials_usable" + SOURCE: always(0),
                                    **failing("credentials")}),
    "PipepollCredentialsNotRenewed": (5, {"pipepoll_credentials_degraded" + SOURCE: always(1)},
                                      {"pipepoll_credentials_degraded" + SOURCE: always(0)}),
    # 1000 s from the beginning: in the 13th minute 220 s are left.
    "PipepollCredentialsExpire": (
        14, {"pipepoll_credentials_expiry_timestamp_seconds" + SOURCE: always(1000)},
        {"pipepoll_credentials_expiry_timestamp_seconds" + SOURCE: "300+60x240"}),

    "PipepollJobsLost": (2, of(jobs_lost_total=after(2, 1)), of(jobs_lost_total=0)),
    "PipepollOutputStuck": (5, of(output_unwritten_bytes=32769), of(output_unwritten_bytes=32768)),
    "PipepollResultsNotDelivered": (5, ended(rejected=jump(1)), ended(rejected=always(3)),
                                    ended(succeeded=jump(9), over=jump(9))),
    "PipepollResultsStuck": (
        10, {'pipepoll_jobs{state="sending"}': always(1), **ended(failed=always(7))},
        {'pipepoll_jobs{state="sending"}': always(1), **ended(failed="0+1x240")},
        {'pipepoll_jobs{state="sending"}': always(0), **ended(failed=always(7))},
        {'pipepoll_jobs{state="running"}': always(1), **ended(failed=always(7))}),
    "PipepollRacesLost": (20, ended(lost_race=jump(20), succeeded=jump(5)),
                          ended(lost_race=jump(20), succeeded=jump(20)),
                          ended(lost_race=jump(8), succeeded=jump(0))),
    "PipepollClientTokenUnknown": (5, ended(no_token=jump(1)), ended(no_token=always(1))),
    "PipepollHandlerFails": (10, runs(failed=jump(9), succeeded=jump(3), stopped=jump(0)),
                             runs(failed=jump(5), succeeded=jump(5), stopped=jump(0)),
                             runs(failed=jump(3), succeeded=jump(1), stopped=jump(0))),
    "PipepollSlotsFull": (
        30, {'pipepoll_jobs{state="found"}': always(1), 'pipepoll_jobs{state="running"}': always(3),
             **of(jobs_max=4)},
        {'pipepoll_jobs{state="running"}': always(3), **of(jobs_max=4)},
        {'pipepoll_jobs{state="running"}': always(0), **of(jobs_max=0)}),

    "PipepollJournalFails": (1, of(journal_well=0), of(journal_well=1)),
    "PipepollJournalSlow": (5, of(journal_lag_seconds=2, journal_well=1),
                            of(journal_lag_seconds=1, journal_well=1),
                            of(journal_lag_seconds=2, journal_well=0)),
    "PipepollJournalRefuses": (5, of(journal_refused_total=jump(1)),
                               of(journal_refused_total=1)),
    "PipepollJournalLarge": (60, of(journal_size_bytes=1073741825),
                             of(journal_size_bytes=1073741824)),

    "PipepollFleetEngineAway": (2, of(fleet_engine_ready=0), of(fleet_engine_ready=1)),
    "PipepollFleetTargetsUnheld": (2, of(fleet_targets_unheld=2, fleet_engine_ready=1),
                                   of(fleet_targets_unheld=0, fleet_engine_ready=1)),
    # From 0 on: in the fifth minute it is 300 s old, and not over that.
    "PipepollFleetQueueStuck": (6, of(fleet_held_oldest_timestamp_seconds=0),
                                of(fleet_held_oldest_timestamp_seconds="0+60x240")),
}
