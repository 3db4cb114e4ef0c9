/* A lone station shares the home loop and writes straight to the output. Several have a thread each
 * and hand their lines over by relays, which are pumped into the output as it has room. Either way
 * a station's credit is the room of what it puts its lines into. */
#include "daemon/stations.h"

#include <stdlib.h>

#include "base/log.h"
#include "daemon/event.h"
#include "daemon/relay.h"

/* A loop of the crew and what it has. */
struct post {
    struct stations *all;
    uint32_t index;
    struct station station;
    struct relay relay; /* unused by a lone station */
    struct pipepoll_error why;
    int result; /* of the opening of the station */
    size_t unhealthy, throttled;
};

static bool is_alone(const struct stations *s)
{
    return s->options.loops == 1;
}

/* --- the two outlets of a station: the output itself, or a relay to it --- */

static size_t direct_room(void *ctx)
{
    return output_room(((struct post *)ctx)->all->options.output);
}

static size_t direct_backlog(void *ctx)
{
    return output_backlog(((struct post *)ctx)->all->options.output);
}

static bool direct_put(void *ctx, str line)
{
    return output_put(((struct post *)ctx)->all->options.output, line);
}

static bool direct_put_extra(void *ctx, str line)
{
    return output_put_extra(((struct post *)ctx)->all->options.output, line);
}

static size_t relayed_room(void *ctx)
{
    return relay_room(&((struct post *)ctx)->relay);
}

static size_t relayed_backlog(void *ctx)
{
    return relay_backlog(&((struct post *)ctx)->relay);
}

static bool relayed_put(void *ctx, str line)
{
    struct post *p = ctx;
    bool taken = relay_put(&p->relay, line);
    crew_report(p->all->crew);
    return taken;
}

static bool relayed_put_extra(void *ctx, str line)
{
    struct post *p = ctx;
    bool taken = relay_put_extra(&p->relay, line);
    crew_report(p->all->crew);
    return taken;
}

/* --- from the relays to the output --- */

static bool put_line(void *ctx, str line)
{
    return output_put(((struct stations *)ctx)->options.output, line);
}

static void finish(struct stations *s)
{
    s->done = true;
    if (s->crew)
        crew_close(s->crew);
    s->closed(s->closed_ctx);
}

/* Each relay in turn is the first, lest one takes all the room there is. */
static void pump(void *ctx)
{
    struct stations *s = ctx;
    uint32_t count = is_alone(s) || s->done ? 0 : s->options.loops;
    bool empty = true;
    for (uint32_t n = 0; n < count; n++) {
        uint32_t i = (s->first_pumped + n) % count;
        if (relay_drain(&s->posts[i].relay, put_line, s))
            crew_nudge(s->crew, i);
        empty = relay_is_empty(&s->posts[i].relay) && empty;
    }
    s->first_pumped++;
    if (s->left && empty && !s->done)
        finish(s);
}

void stations_on_room(struct stations *s)
{
    if (is_alone(s))
        station_wake(&s->posts[0].station);
    else
        pump(s);
}

/* Not at once: the output may be in the middle of telling so. */
void stations_on_broken(struct stations *s)
{
    if (s->crew && !s->done)
        crew_report(s->crew);
}

static void on_nudged(void *ctx, uint32_t i)
{
    station_wake(&((struct stations *)ctx)->posts[i].station);
}

/* --- the beginning --- */

size_t stations_outlet_size(uint32_t loops, uint32_t max_in_flight)
{
    return loops == 1 ? station_outlet_size(max_in_flight)
                      : STATION_BACKLOG_MAX + EVENT_LINE_MAX + 1;
}

static uint32_t in_flight_of(const struct stations *s, uint32_t i)
{
    uint32_t all = s->options.config->max_in_flight, loops = s->options.loops;
    return all / loops + (i < all % loops);
}

static void on_station_closed(void *ctx)
{
    struct post *p = ctx;
    crew_leave(p->all->crew, p->index);
}

static int init_post(struct stations *s, uint32_t i)
{
    static const struct outlet direct = { direct_room, direct_backlog, direct_put, direct_put_extra,
                                          NULL };
    static const struct outlet relayed = { relayed_room, relayed_backlog, relayed_put,
                                           relayed_put_extra, NULL };
    struct post *p = &s->posts[i];
    p->all = s;
    p->index = i;
    p->station.outlet = is_alone(s) ? direct : relayed;
    p->station.outlet.ctx = p;
    p->station.closed = on_station_closed;
    p->station.ctx = p;
    p->station.console = *s->options.console;
    p->station.board = &s->board;
    if (is_alone(s))
        return PIPEPOLL_OK;
    return relay_init(&p->relay, station_outlet_size(in_flight_of(s, i)),
                      station_outlet_extra_size());
}

static void open_post(void *ctx, uint32_t i)
{
    struct stations *s = ctx;
    struct post *p = &s->posts[i];
    p->result = station_open(&p->station, crew_loop(s->crew, i), s->options.config,
                             in_flight_of(s, i), &p->why);
}

static void on_left(void *ctx)
{
    struct stations *s = ctx;
    s->left = true;
    pump(s);
}

int stations_open(struct stations *s, const struct stations_options *o, struct pipepoll_error *why)
{
    *s = (struct stations) { .options = *o };
    const struct crew_options crew = { .home = o->home,
                                       .loops = o->loops,
                                       .nudged = on_nudged,
                                       .reported = pump,
                                       .left = on_left,
                                       .ctx = s };
    s->posts = calloc(o->loops, sizeof *s->posts);
    int r = s->posts ? health_board_init(&s->board, o->config->ca_bundle) : PIPEPOLL_ENOMEM;
    for (uint32_t i = 0; !r && i < o->loops; i++)
        r = init_post(s, i);
    if (r)
        return explain(why, r, "out of memory");
    r = crew_open(&s->crew, &crew, why);
    if (r)
        return r;
    crew_each(s->crew, open_post);
    for (uint32_t i = 0; !r && i < o->loops; i++) {
        r = s->posts[i].result;
        if (r && why)
            *why = s->posts[i].why;
    }
    return r;
}

/* --- change --- */

static void change_post(void *ctx, uint32_t i)
{
    struct stations *s = ctx;
    struct station *station = &s->posts[i].station;
    station->console = *s->options.console;
    roster_change(&station->roster, &s->shares[i], &s->next[i]);
}

int stations_change(struct stations *s, struct plan *plan, struct stations_change *out)
{
    int r = split_plan(&s->split, plan, s->next, s->options.loops);
    if (r)
        return r;
    crew_each(s->crew, change_post);
    *out = (struct stations_change) { .added = 0 };
    for (uint32_t i = 0; i < s->options.loops; i++) {
        const struct roster *roster = &s->posts[i].station.roster;
        out->added += roster->added;
        out->removed += roster->removed;
        out->kept += roster->kept;
        out->idle += s->next[i].count == 0;
        s->shares[i] = s->next[i];
    }
    return PIPEPOLL_OK;
}

static void refresh_post(void *ctx, uint32_t i)
{
    struct stations *s = ctx;
    station_refresh(&s->posts[i].station);
}

void stations_refresh(struct stations *s)
{
    crew_each(s->crew, refresh_post);
}

/* --- the end --- */

static void close_post(void *ctx, uint32_t i)
{
    struct post *p = &((struct stations *)ctx)->posts[i];
    if (p->station.roster.poller)
        station_close(&p->station);
    else
        on_station_closed(p);
}

void stations_close(struct stations *s, void (*closed)(void *ctx), void *ctx)
{
    s->closed = closed;
    s->closed_ctx = ctx;
    if (s->crew)
        crew_each(s->crew, close_post);
    else
        finish(s);
}

uint32_t stations_in_flight(const struct stations *s)
{
    uint32_t in_flight = 0;
    for (uint32_t i = 0; s->posts && i < s->options.loops; i++)
        in_flight += s->posts[i].station.in_flight;
    return in_flight;
}

size_t stations_backlog(const struct stations *s)
{
    size_t bytes = 0;
    for (uint32_t i = 0; s->posts && !is_alone(s) && i < s->options.loops; i++)
        bytes += relay_backlog(&s->posts[i].relay);
    return bytes;
}

struct stations_work stations_work(const struct stations *s)
{
    struct stations_work all = { 0 };
    for (uint32_t i = 0; s->posts && i < s->options.loops; i++) {
        const struct pipepoll_stats *one = &s->posts[i].station.last;
        all.polls += one->polls;
        all.jobs += one->jobs;
        all.failures += one->failures;
        all.targets += one->targets;
        all.unhealthy += s->posts[i].unhealthy;
        all.throttled += s->posts[i].throttled;
        all.in_flight += one->in_flight;
        all.parked += one->parked;
        if (one->max_lateness_ms > all.max_lateness_ms)
            all.max_lateness_ms = one->max_lateness_ms;
    }
    return all;
}

static void note_post(void *ctx, uint32_t i)
{
    struct stations *s = ctx;
    station_note(&s->posts[i].station);
    s->posts[i].unhealthy = roster_count(&s->shares[i], HEALTH_ILL);
    s->posts[i].throttled = roster_count(&s->shares[i], HEALTH_THROTTLED);
}

void stations_note(struct stations *s)
{
    crew_each(s->crew, note_post);
}

uint32_t stations_give_up(struct stations *s)
{
    for (uint32_t i = 0; s->posts && !is_alone(s) && i < s->options.loops; i++)
        relay_drain(&s->posts[i].relay, put_line, s);
    return stations_in_flight(s);
}

void stations_tell_health(struct stations *s, const struct console *log, bool last)
{
    health_board_tell(&s->board, log, last);
}

void stations_deinit(struct stations *s)
{
    health_board_deinit(&s->board);
    for (uint32_t i = 0; s->posts && i < s->options.loops; i++)
        relay_deinit(&s->posts[i].relay);
    free(s->posts);
    split_deinit(&s->split);
    *s = (struct stations) { .left = false };
}
