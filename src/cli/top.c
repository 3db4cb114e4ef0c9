/* SPDX-License-Identifier: MIT */
/* `pipepoll top`: asks a running `pipepoll run` each second, and draws what it says.
 *
 * Signals are blocked and read from a descriptor, so each is met between two drawings: the terminal
 * is as it was before whatever ends or stops us. Nothing is drawn that has not been put together
 * whole, so a slow terminal shows no half of a screen. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/wall_clock.h"
#include "cli/ask.h"
#include "cli/top_options.h"
#include "cli/top_screen.h"
#include "daemon/colour.h"
#include "daemon/steady.h"

enum { SCREEN_BYTES = 1 << 20, FRAME_BYTES = SCREEN_BYTES + (1 << 14), WRITE_MS = 1000 };
enum { COLUMNS = 80, ROWS = 24, COLUMNS_MAX = 1000, ROWS_MAX = 500 };

struct top {
    struct top_options options;
    struct ask_answer answer; /* the last that was understood; the model is made of it */
    struct top_model model;
    int64_t answered_ms;       /* Unix time: when that was */
    struct pipepoll_error why; /* of the last that was not; empty: it was */
    char *screen, *frame;      /* SCREEN_BYTES, FRAME_BYTES */
    int signals;               /* a descriptor */
    struct termios before;
    size_t page;
    int ended_by; /* a signal; 0: none, or q */
    bool is_drawn, is_over;
};

/* --- asking --- */

/* What was shown stays when there is no answer. */
static int take(struct top *t, struct ask_answer *answer)
{
    struct top_model model;
    int r = top_model_read(&model, answer->body, answer->len, &t->why);
    if (r) {
        top_model_deinit(&model);
        free(answer->body);
        return r;
    }
    top_model_deinit(&t->model);
    free(t->answer.body);
    t->model = model;
    t->answer = *answer;
    t->answered_ms = wall_clock_ms();
    t->why.text[0] = '\0';
    return PIPEPOLL_OK;
}

static int look(struct top *t)
{
    const struct ask question = { .address = t->options.where.at,
                                  .token_file = t->options.where.token_file,
                                  .path = "/status.json" };
    struct ask_answer answer = { .body = NULL };
    int r = ask(&answer, &question, &t->why);
    if (r)
        return r;
    if (answer.status == 200)
        return take(t, &answer);
    r = ask_refuse(&answer, t->options.where.at, &t->why);
    free(answer.body);
    return r;
}

/* --- drawing --- */

/* Whoever shares the terminal may have made it one that does not block. What it does not take for a
 * while is left out: the next drawing is whole again. */
static bool wait_for_room(void)
{
    struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };
    return poll(&p, 1, WRITE_MS) > 0;
}

static void write_out(str text)
{
    while (text.len) {
        ssize_t n = write(STDOUT_FILENO, text.ptr, text.len);
        if (n < 0 && errno != EINTR && (errno != EAGAIN || !wait_for_room()))
            return;
        if (n > 0)
            text = str_skip(text, (size_t)n);
    }
}

static struct top_window window_of(const struct top *t)
{
    struct winsize size;
    struct top_window w = { .columns = COLUMNS,
                            .rows = ROWS,
                            .coloured = colour_is_wanted(STDOUT_FILENO),
                            .page = t->page,
                            .told = str_of(t->why.text),
                            .told_since_s = t->answered_ms / 1000,
                            .keys = "q: end   space, arrows: all targets, page by page" };
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row) {
        w.columns = size.ws_col < COLUMNS_MAX ? size.ws_col : COLUMNS_MAX;
        w.rows = size.ws_row < ROWS_MAX ? size.ws_row : ROWS_MAX;
    }
    return w;
}

/* Each line is erased before it is written: behind one as wide as the window the cursor stands on
 * its last column still, which would go. The cursor does not leave the last line. */
static void put_frame(struct buf *out, str screen)
{
    buf_put(out, STR("\033[H"));
    for (str rest = screen; rest.len;) {
        size_t end = str_find(rest, '\n');
        buf_put(out, end < rest.len ? STR("\033[K") : STR("\033[J"));
        buf_put(out, (str) { rest.ptr, end });
        if (end < rest.len)
            buf_put(out, STR("\r\n"));
        rest = str_skip(rest, end < rest.len ? end + 1 : end);
    }
}

/* One write, so that a terminal shows no half of it. */
static void draw(struct top *t)
{
    struct top_window w = window_of(t);
    struct buf screen = { .at = t->screen, .cap = SCREEN_BYTES };
    struct buf frame = { .at = t->frame, .cap = FRAME_BYTES };
    size_t pages = top_screen_pages(&t->model, &w);
    w.page = t->page = t->page < pages ? t->page : pages;
    top_screen_put(&screen, &t->model, &w);
    put_frame(&frame, buf_str(&screen));
    write_out(buf_str(&frame));
}

static void enter(struct top *t)
{
    struct termios raw = t->before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    write_out(STR("\033[?1049h\033[?25l\033[2J"));
    t->is_drawn = true;
}

static void leave_screen(struct top *t)
{
    if (!t->is_drawn)
        return;
    t->is_drawn = false;
    write_out(STR("\033[?25h\033[?1049l"));
    tcsetattr(STDIN_FILENO, TCSANOW, &t->before);
}

/* --- keys and signals --- */

/* Of a terminal without lines 0 is that there is no key: after a stop what woke us may be gone. */
static void on_keys(struct top *t, short events)
{
    char keys[64];
    ssize_t n = read(STDIN_FILENO, keys, sizeof keys);
    bool is_gone = n == 0 ? !(events & POLLIN) || (events & POLLHUP)
                          : n < 0 && errno != EAGAIN && errno != EINTR;
    if (is_gone)
        t->is_over = true;
    for (ssize_t i = 0; i < n; i++) {
        bool is_arrow = i + 2 < n && keys[i] == '\033' && keys[i + 1] == '[';
        char key = is_arrow ? keys[i + 2] : keys[i];
        i += is_arrow ? 2 : 0;
        if (key == 'q' || key == 'Q')
            t->is_over = true;
        else if (key == ' ' || (is_arrow && (key == 'B' || key == 'C' || key == '6')))
            t->page++;
        else if (is_arrow && (key == 'A' || key == 'D' || key == '5'))
            t->page -= t->page > 0;
    }
}

/* The terminal is given back while we stand still. */
static void stop(struct top *t)
{
    sigset_t set;
    leave_screen(t);
    sigemptyset(&set);
    sigaddset(&set, SIGTSTP);
    signal(SIGTSTP, SIG_DFL);
    raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &set, NULL); /* here we stop, and go on */
    sigprocmask(SIG_BLOCK, &set, NULL);
    enter(t);
}

static void on_signals(struct top *t)
{
    struct signalfd_siginfo info;
    while (read(t->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGTSTP)
            stop(t);
        else if (info.ssi_signo == SIGCONT)
            enter(t); /* a shell may have set the terminal as it likes it */
        else if (info.ssi_signo != SIGWINCH)
            t->ended_by = (int)info.ssi_signo;
    }
    t->is_over = t->is_over || t->ended_by;
}

static int open_signals(struct top *t)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH, SIGCONT };
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaddset(&set, numbers[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    t->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return t->signals < 0 ? -1 : 0;
}

/* --- the two ways --- */

/* Until it is time to ask again; each key and signal is drawn at once. */
static void wait_until(struct top *t, int64_t until_ms)
{
    struct pollfd fds[] = { { .fd = t->signals, .events = POLLIN },
                            { .fd = STDIN_FILENO, .events = POLLIN } };
    for (int64_t left_ms; !t->is_over && (left_ms = until_ms - steady_ms()) > 0;) {
        if (poll(fds, 2, (int)left_ms) <= 0)
            continue;
        if (fds[0].revents)
            on_signals(t);
        if (fds[1].revents)
            on_keys(t, fds[1].revents);
        if (!t->is_over)
            draw(t);
    }
}

static int fail(const char *why)
{
    fprintf(stderr, "pipepoll top: %s\n", why);
    return EXIT_OTHER;
}

static int run_screen(struct top *t)
{
    t->screen = malloc(SCREEN_BYTES);
    t->frame = malloc(FRAME_BYTES);
    if (!t->screen || !t->frame)
        return fail("out of memory");
    if (open_signals(t))
        return fail(strerror(errno));
    if (tcgetattr(STDIN_FILENO, &t->before))
        return fail(strerror(errno));
    enter(t);
    while (!t->is_over) {
        int64_t next_ms = steady_ms() + t->options.interval_ms;
        draw(t);
        wait_until(t, next_ms);
        if (!t->is_over)
            look(t);
    }
    leave_screen(t);
    close(t->signals);
    return t->ended_by ? 128 + t->ended_by : EXIT_FINE;
}

/* All there is, as wide as it is. */
static int print_once(struct top *t)
{
    const struct top_window w = { .columns = 1024, .rows = SIZE_MAX };
    size_t size = SCREEN_BYTES + (t->model.listed + t->model.incident_count) * 4096;
    char *text = malloc(size);
    struct buf whole = { .at = text, .cap = size };
    if (!text)
        return fail("out of memory");
    top_screen_put(&whole, &t->model, &w);
    printf("%.*s\n", STR_ARG(buf_str(&whole)));
    free(text);
    bool is_up = t->model.is_alive && t->model.is_ready;
    return command_finish(is_up ? EXIT_FINE : EXIT_FAILED);
}

static bool is_screen(const struct top *t)
{
    const char *terminal = getenv("TERM");
    return !t->options.once && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO) && terminal &&
           terminal[0] && strcmp(terminal, "dumb") != 0;
}

static int run(struct top *t)
{
    if (look(t))
        return fail(t->why.text);
    return is_screen(t) ? run_screen(t) : print_once(t);
}

static int run_top(const struct command *self, int argc, char **argv)
{
    struct flags f = flags_of(self, argc, argv);
    struct top t = { .page = 0 };
    int code;
    if (!top_options_read(&t.options, &f, &code))
        return code;
    code = ask_where_find(&t.options.where, self);
    code = code ? code : run(&t);
    ask_where_deinit(&t.options.where);
    top_model_deinit(&t.model);
    free(t.answer.body);
    free(t.screen);
    free(t.frame);
    return code;
}

const struct command command_top = {
    .name = STR_INIT("top"),
    .summary = "show how a running `run` stands, on a screen that follows it",
    .about =
        "Asks its /status.json each second: whether it is well and why not, polls and pickup,\n"
        "jobs and handlers, the causes by which targets fail, and the targets, those that fail\n"
        "first. More targets than there are rows are told by region. The window may change its\n"
        "size. NO_COLOR and TERM=dumb are honoured; where stdout is no terminal, and with --once,\n"
        "all of it is printed once.\n",
    .flags = top_flags,
    .flag_count = TOP_FLAG_COUNT,
    .operand = STR_INIT("--config"),
    .more =
        "Keys: q ends it; space and arrows page through all targets.\n\n"
        "Examples:\n"
        "  pipepoll top pipepoll.ini\n"
        "  pipepoll top --once --at unix:/run/pipepoll/http | head\n\n"
        "Exit codes: 0 ended by q, or printed of one that is ready, as of `pipepoll health`: "
        "WELL,\n"
        "or NOT WELL for some of its targets; 1 printed of one that is NOT READY or HANGS; 252\n"
        "wrong usage; 255 nobody answers there, or not as expected; 130 and others: ended by a\n"
        "signal.\n",
    .run = run_top,
};
