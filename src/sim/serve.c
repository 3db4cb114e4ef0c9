/* SPDX-License-Identifier: MIT */
/* `pipepoll sim`: the simulated CodePipeline by itself, for clients in any language. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "base/buf.h"
#include "base/log.h"
#include "config/config_file.h"
#include "daemon/main_loop.h"
#include "sim/request_log.h"
#include "sim/serve_options.h"

struct server {
    struct main_loop home;
    struct sim *sim;
    bool is_ending;
    const char *client_tokens_file; /* NULL: none */
    struct request_log log;
    char *cert_pem, *key_pem; /* of --cert and --key */
};

/* --- files ----------------------------------------------------------------------------------- */

/* Whole or not at all: who waits for the file must never read half of it. */
static int write_file(const char *path, const char *text, struct pipepoll_error *why)
{
    char temporary[4096];
    struct buf name = BUF_ON(temporary);
    buf_printf(&name, "%s.%ld", path, (long)uv_os_getpid());
    const char *temporary_path = buf_cstr(&name);
    FILE *f = name.overflow ? NULL : fopen(temporary_path, "wx");
    if (!f)
        return explain(why, PIPEPOLL_ESYSTEM, "cannot write %s: %s", path,
                       name.overflow ? "the name is too long" : config_file_error(path, errno));
    bool ok = fputs(text, f) >= 0;
    ok = fclose(f) == 0 && ok;
    if (ok && rename(temporary_path, path) == 0)
        return 0;
    int r = explain(why, PIPEPOLL_ESYSTEM, "cannot write %s: %s", path, strerror(errno));
    (void)remove(temporary_path);
    return r;
}

static int write_files(const struct server *s, const struct serve_options *c,
                       struct pipepoll_error *why)
{
    char digits[16];
    struct buf port = BUF_ON(digits);
    buf_printf(&port, "%u\n", sim_port(s->sim));
    int r = 0;
    if (c->ca_file && sim_ca_pem(s->sim))
        r = write_file(c->ca_file, sim_ca_pem(s->sim), why);
    if (!r && c->port_file)
        r = write_file(c->port_file, buf_cstr(&port), why);
    return r;
}

/* The whole file as a text. */
static int read_text(char **out, const char *path, struct pipepoll_error *why)
{
    size_t cap = 0;
    FILE *f = fopen(path, "rb");
    if (!f)
        return explain(why, PIPEPOLL_ESYSTEM, "cannot read %s: %s", path,
                       config_file_error(path, errno));
    errno = 0;
    ssize_t len = getdelim(out, &cap, '\0', f);
    fclose(f);
    if (len <= 0)
        return explain(why, PIPEPOLL_ESYSTEM, "cannot read %s: %s", path,
                       errno ? strerror(errno) : "it is empty");
    return 0;
}

static int read_certificate(struct server *s, const struct serve_options *c, struct sim_options *o,
                            struct pipepoll_error *why)
{
    if (!c->cert_file)
        return 0;
    int r = read_text(&s->cert_pem, c->cert_file, why);
    if (!r)
        r = read_text(&s->key_pem, c->key_file, why);
    if (!r) {
        o->cert_pem = str_of(s->cert_pem);
        o->key_pem = str_of(s->key_pem);
    }
    return r;
}

static int read_client_tokens(struct server *s, struct pipepoll_error *why)
{
    char *text = NULL;
    struct pipepoll_error bare;
    int r = read_text(&text, s->client_tokens_file, why);
    if (!r) {
        r = sim_client_tokens_set(s->sim, str_of(text), &bare);
        if (r)
            explain(why, PIPEPOLL_ESYSTEM, "%s: %s", s->client_tokens_file, bare.text);
    }
    free(text);
    return r ? PIPEPOLL_ESYSTEM : 0;
}

static str key_id_of(const struct serve_options *c)
{
    return c->options.access_key_id.len ? c->options.access_key_id : STR("AKIDEXAMPLE");
}

/* --- the server ------------------------------------------------------------------------------ */

static void on_sim_closed(void *ctx)
{
    struct server *s = ctx;
    main_loop_close(&s->home);
}

static void server_close(struct server *s)
{
    if (s->is_ending)
        return;
    s->is_ending = true;
    if (s->sim)
        sim_close(s->sim, on_sim_closed, s);
    else
        on_sim_closed(s);
}

/* What the file said before counts on where it is wrong now. */
static void read_again(struct server *s)
{
    struct pipepoll_error why;
    if (read_client_tokens(s, &why))
        fprintf(stderr, "pipepoll sim: %s; the client tokens from before still count\n", why.text);
    else
        fprintf(stderr, "pipepoll sim: read %s again\n", s->client_tokens_file);
}

static void on_signal(void *ctx, int number)
{
    (number == SIGHUP ? read_again : server_close)(ctx);
}

static int server_furnish(struct server *s, const struct serve_options *c,
                          struct pipepoll_error *why)
{
    int r = sim_action_type_add(s->sim, &c->scope, why); /* also where not strict: it is checked */
    if (!r && s->client_tokens_file)
        r = read_client_tokens(s, why);
    for (size_t i = 0; !r && i < c->faults_count; i++)
        r = sim_faults_set(s->sim, &c->faults[i].where, &c->faults[i].faults, why);
    if (!r && c->jobs)
        r = sim_jobs_add(s->sim, &c->scope, c->jobs, why);
    return r ? r : write_files(s, c, why);
}

static int server_open(struct server *s, const struct serve_options *c, struct pipepoll_error *why)
{
    struct sim_options o = c->options;
    int r = read_certificate(s, c, &o, why);
    s->log = (struct request_log) { .access_key_id = key_id_of(c), .all = c->log };
    o.served = request_log_served;
    o.ctx = &s->log;
    if (!r)
        r = sim_open(&s->sim, &s->home.loop, &o, why);
    if (!r)
        r = server_furnish(s, c, why);
    return r;
}

/* The secret key only where everybody knows it. */
static int announce(const struct server *s, const struct serve_options *c,
                    struct pipepoll_error *why)
{
    const struct sim_options *o = &c->options;
    str key = key_id_of(c);
    printf("listening on %s\naccess key: %.*s / %s%s\n", sim_url(s->sim), STR_ARG(key),
           o->secret_access_key.len ? "the secret key of --secret-key"
                                    : "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
           o->session_token.len ? ", with the session token of --session-token" : "");
    if (c->ca_file)
        printf("clients must trust: %s\n", c->ca_file);
    if (fflush(stdout) || ferror(stdout))
        return explain(why, PIPEPOLL_ESYSTEM, "stdout does not take where it listens: %s",
                       strerror(errno));
    if (o->tls && !c->ca_file && !c->cert_file)
        fputs("pipepoll sim: no client trusts this certificate yet; --ca-file FILE writes what "
              "they need\n",
              stderr);
    return 0;
}

static int serve(const struct serve_options *c, struct pipepoll_error *why)
{
    struct server s = { .home = { .on_signal = on_signal, .ctx = &s },
                        .client_tokens_file = c->client_tokens_file };
    const int numbers[] = { SIGINT, SIGTERM, s.client_tokens_file ? SIGHUP : 0, 0 };
    int r = main_loop_open(&s.home, numbers, why);
    if (r)
        return r;
    r = server_open(&s, c, why);
    if (!r)
        r = announce(&s, c, why);
    if (r)
        server_close(&s);
    main_loop_run(&s.home);
    free(s.cert_pem);
    free(s.key_pem);
    return r;
}

static int run_sim(const struct command *self, int argc, char **argv)
{
    struct flags f = flags_of(self, argc, argv);
    struct serve_options c;
    struct pipepoll_error why;
    int read = serve_options_read(&c, &f, &why);
    if (read == FLAGS_HELP || read == FLAGS_BAD)
        return flags_exit(read);
    int r = read == SERVE_OPTIONS_WRONG ? PIPEPOLL_EINVAL : serve(&c, &why);
    if (r == PIPEPOLL_EINVAL)
        return command_misuse(self, "%s", why.text);
    if (r)
        fprintf(stderr, "pipepoll sim: %s\n", why.text);
    return r ? EXIT_OTHER : EXIT_FINE;
}

const struct command command_sim = {
    .name = STR_INIT("sim"),
    .summary = COMMAND_SIM_SUMMARY,
    .about =
        "Serve a simulated AWS CodePipeline until Ctrl-C: the ten operations on jobs, of third "
        "parties\n"
        "and custom ones. It verifies signatures, checks input as the API's model says, hands out\n"
        "jobs, and keeps track of who claims them and of their results. One port serves all "
        "regions:\n"
        "a request's region is the one it is signed for. Its URL is printed on one line when it\n"
        "listens.\n",
    .flags = serve_flags,
    .flag_count = SERVE_FLAG_COUNT,
    .more =
        "While it runs (curl -X METHOD URL/_sim/... -d JSON):\n"
        "  POST jobs {\"region\":\"eu-west-1\",\"provider\":\"Acme\",\"count\":3}\n"
        "  POST jobs {\"configuration\":{\"Project\":\"p1\"},\"clientId\":\"a UUID\"}\n"
        "  GET jobs/ID                               a job's state, result and credentials\n"
        "  POST acknowledge {\"jobId\":\"...\"}         acknowledged and succeeded at once\n"
        "  POST action-types {\"provider\":\"Acme\"}\n"
        "  POST action-types {\"owner\":\"Custom\",\"queryable\":\"Project\"}, and then\n"
        "  POST jobs {\"owner\":\"Custom\",\"configuration\":{\"Project\":\"p1\"}}\n"
        "  PUT faults {\"region\":\"eu-west-1\",\"latency\":200}   GET faults   DELETE faults\n"
        "  PUT faults {\"operation\":\"AcknowledgeJob\",\"lose-rate\":0.5}\n"
        "  GET ledger?since=0                        GET stats\n"
        "Jobs that are over are known until 100000 others are, for a day, with 64 MiB of results.\n"
        "\n"
        "Example:\n"
        "  pipepoll sim --listen 127.0.0.1:8443 --tls --ca-file /tmp/sim.pem --jobs 3 &\n"
        "  export AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_CA_BUNDLE=/tmp/sim.pem\n"
        "  export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n"
        "  aws codepipeline poll-for-third-party-jobs --endpoint-url https://127.0.0.1:8443 \\\n"
        "    --region us-east-1 \\\n"
        "    --action-type-id category=Build,owner=ThirdParty,provider=Acme,version=1\n"
        "or in Python:\n"
        "  import boto3\n"
        "  c = boto3.client('codepipeline', 'us-east-1', endpoint_url='https://127.0.0.1:8443')\n"
        "  print(c.poll_for_third_party_jobs(actionTypeId=dict(\n"
        "      category='Build', owner='ThirdParty', provider='Acme', version='1'))['jobs'])\n",
    .has_loop = true,
    .run = run_sim,
};
