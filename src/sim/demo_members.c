/* SPDX-License-Identifier: MIT */
/* Each has a config file that differs by its name and its state. Few jobs at once, so that some go
 * by the queue. That they lose a server is no news to who has it killed: they tell errors alone. */
#include "sim/demo_members.h"

#include <signal.h>
#include <sys/wait.h>

static void on_ended(void *ctx, int64_t code, int signal)
{
    struct demo_member *one = ctx;
    one->all->ended(one->all->ctx, one, code, signal);
}

static int write_one(const struct demo_member *one, const struct demo_servers *servers,
                     const struct demo_options *o, const struct demo_at *at,
                     struct pipepoll_error *why)
{
    char state[16];
    snprintf(state, sizeof state, "state-%c", one->letter);
    FILE *f = demo_folder_create(one->folder.config, why);
    if (!f)
        return PIPEPOLL_ESYSTEM;
    demo_folder_put_process(f, &one->folder, state, o, at);
    fprintf(f,
            "max-jobs = 4\nlog-level = error\nuser-agent-app-id = " DEMO_MEMBER_APP "%c\n"
            "[fleet]\nmember = %c\nreplicas = %d\ntakeover = fast\nqueue-size = 64MiB\nservers = ",
            one->letter, one->letter, DEMO_SERVERS);
    for (size_t i = 0; i < DEMO_SERVERS; i++)
        fprintf(f, "%snats://%s", i ? ", " : "", servers->at[i].listen);
    fputc('\n', f);
    demo_folder_put_work(f, o);
    return demo_folder_finish(f, one->folder.config, why);
}

int demo_members_write(struct demo_members *m, const struct demo_folder *folder,
                       const struct demo_servers *servers, const struct demo_options *o,
                       const struct demo_at *at, struct pipepoll_error *why)
{
    int r = PIPEPOLL_OK;
    for (size_t i = 0; !r && i < DEMO_MEMBERS; i++) {
        struct demo_member *one = &m->at[i];
        one->all = m;
        one->letter = (char)('a' + (int)i);
        one->run.ended = on_ended;
        one->run.ctx = one;
        one->folder = *folder;
        snprintf(one->folder.config, sizeof one->folder.config, "%s/%c.ini", folder->path,
                 one->letter);
        r = write_one(one, servers, o, at, why);
    }
    return r;
}

int demo_members_start(struct demo_member *one, uv_loop_t *loop, struct pipepoll_error *why)
{
    one->is_killed = false;
    return demo_run_start(&one->run, loop, &one->folder, why);
}

void demo_members_kill(struct demo_member *one)
{
    one->is_killed = true;
    demo_run_signal(&one->run, SIGKILL);
}

bool demo_members_are_running(const struct demo_members *m)
{
    for (size_t i = 0; i < DEMO_MEMBERS; i++)
        if (m->at[i].run.is_running)
            return true;
    return false;
}

void demo_members_signal(struct demo_members *m, int number)
{
    for (size_t i = 0; i < DEMO_MEMBERS; i++)
        demo_run_signal(&m->at[i].run, number);
}

void demo_members_end(struct demo_members *m)
{
    demo_members_signal(m, SIGKILL);
    for (size_t i = 0; i < DEMO_MEMBERS; i++)
        if (m->at[i].run.is_running && !m->at[i].run.to_close)
            waitpid(m->at[i].run.process.pid, NULL, 0);
}
