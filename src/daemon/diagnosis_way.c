/* SPDX-License-Identifier: MIT */
/* Trouble on the way, to the service or to whoever gives out credentials: who is there, and who
 * stands between. A wrong clock is thought of before a proxy: it makes each certificate look
 * bad. */
#include <stdlib.h>

#include "daemon/diagnosis_parts.h"

void judge_untrusted(struct diagnosis *d, const struct probe *probe)
{
    str roots = probe->ca_bundle.len ? probe->ca_bundle : STR("the roots of this system");
    set_cause(d, "The certificate of %s could not be verified against %.*s: %s", probe->url,
              STR_ARG(roots), probe->message);
    set_fix(d,
            "If a proxy or firewall of yours opens TLS%s%s, give the PEM file of its CA by "
            "AWS_CA_BUNDLE or ca-bundle. Otherwise the clock is wrong or somebody listens: do "
            "not go on.",
            probe->issuer[0] ? ": the certificate was issued by " : "", probe->issuer);
}

/* The service has told its time before, and by that our clock is off to the side that makes such
 * certificates look bad: behind, not yet valid; ahead, expired. */
static bool clock_explains(const struct probe *probe, bool is_early)
{
    enum { FAR_OFF_MS = 60000 };
    return is_early ? probe->clock_skew_ms >= FAR_OFF_MS : probe->clock_skew_ms <= -FAR_OFF_MS;
}

static void judge_date_by_skew(struct diagnosis *d, const struct probe *probe, bool is_early)
{
    find_cause(d, PIPEPOLL_CAUSE_CLOCK);
    set_cause(d,
              "The clock of this machine is %.0f s %s the service's, so that the certificate of %s "
              "seems %s: %s",
              (double)llabs(probe->clock_skew_ms) / 1000, is_early ? "behind" : "ahead of",
              probe->url, is_early ? "not valid yet" : "to have expired", probe->message);
    set_fix(d, "Set the clock, for instance by chrony or systemd-timesyncd.");
}

/* There is no proxy to look for before the clock is right. */
void judge_date(struct diagnosis *d, const struct probe *probe)
{
    bool is_early = probe->cause == PIPEPOLL_CAUSE_NOT_YET_VALID;
    if (clock_explains(probe, is_early)) {
        judge_date_by_skew(d, probe, is_early);
        return;
    }
    if (is_early)
        find_cause(d, PIPEPOLL_CAUSE_CLOCK);
    else
        d->finding = (struct finding) { FINDING_STATUS, PIPEPOLL_EUNTRUSTED };
    set_cause(d, "The certificate of %s %s by the clock of this machine: %s", probe->url,
              is_early ? "is not valid yet" : "has expired", probe->message);
    if (is_early)
        set_fix(d, "The clock of this machine is wrong, in all likelihood: set it, for instance by "
                   "chrony or systemd-timesyncd. If it is right, the server's certificate is not "
                   "AWS's: do not go on.");
    else
        set_fix(d, "Compare the clock of this machine with another first, and set it if it is "
                   "wrong. If it is right, who answers there has to renew its certificate: AWS's "
                   "do not expire, but that of a proxy or firewall may.");
}

static const char *fix_of_open_port(const struct probe *probe)
{
    if (str_starts(str_of(probe->url), STR("http:")))
        return "The port is open, but who listens does not speak plain HTTP: if it speaks TLS, the "
               "endpoint URL must begin with https://.";
    return "The port is open, but the connection was ended: who listens does not speak TLS (if it "
           "is plain HTTP, the endpoint URL must begin with http://), or a firewall on the way "
           "ends it. Try again.";
}

static const char *fix_of_proxy(void)
{
    return "Check HTTPS_PROXY: its host, port, user and password; the proxy must allow CONNECT to "
           "this host. NO_PROXY goes past it.";
}

const char *fix_of_way(const struct probe *probe, enum pipepoll_cause cause)
{
    switch ((int)cause) {
    case PIPEPOLL_CAUSE_PLAIN_HTTP:
        return "Let the URL begin with http://, or name the port that speaks TLS. For AWS itself "
               "this is never right: then something on the way answers.";
    case PIPEPOLL_CAUSE_CLIENT_CERTIFICATE:
        return "AWS asks nobody for a certificate: the URL leads to a gateway that does. Name an "
               "endpoint that takes signatures alone, or let the gateway let this machine through.";
    case PIPEPOLL_CAUSE_PROXY_LOGIN:
        return "Give the proxy's user and password in HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT, "
               "with %40 for an @ in them; or go past it by NO_PROXY.";
    case PIPEPOLL_CAUSE_PROXY:
        return fix_of_proxy();
    case PIPEPOLL_CAUSE_BROKEN_OFF:
    case PIPEPOLL_CAUSE_TLS:
        return probe->proxy[0] ? fix_of_proxy() : fix_of_open_port(probe);
    case PIPEPOLL_CAUSE_DESCRIPTORS:
        return "Raise the limit of open files (ulimit -n, LimitNOFILE=), or lower max-connections; "
               "where it is the whole system's, raise fs.file-max.";
    case PIPEPOLL_CAUSE_MIDDLE_BOX:
        return "Ask whoever runs the proxy, firewall or login page on the way to let this host "
               "through, or go past it (HTTPS_PROXY, NO_PROXY, a VPC endpoint); check the endpoint "
               "URL if you set one.";
    default:
        if (probe->proxy[0])
            return fix_of_proxy();
        return "Check the name (a region that does not exist has no host), DNS, and that outgoing "
               "connections to this port are allowed; where there is a proxy, set HTTPS_PROXY.";
    }
}

static bool was_connected(enum pipepoll_cause cause)
{
    return cause == PIPEPOLL_CAUSE_BROKEN_OFF || cause == PIPEPOLL_CAUSE_TLS ||
           cause == PIPEPOLL_CAUSE_PLAIN_HTTP || cause == PIPEPOLL_CAUSE_CLIENT_CERTIFICATE;
}

void judge_way(struct diagnosis *d, const struct probe *probe)
{
    set_cause(d, "%s %s: %s", probe->url,
              was_connected(probe->cause) ? "took a connection, but not the poll"
                                          : "could not be reached",
              probe->message);
    set_fix(d, "%s", fix_of_way(probe, probe->cause));
}

void judge_slow(struct diagnosis *d, const struct probe *probe)
{
    const char *by = probe->proxy[0] ? ", by the proxy " : "";
    d->finding = (struct finding) { FINDING_STATUS, PIPEPOLL_ETIMEDOUT };
    if (probe->address[0]) {
        set_cause(d, "%s took the connection%s%s, but gave no whole answer in time.", probe->url,
                  by, probe->proxy);
        set_fix(d, "The service, or a proxy on the way, is slow or hangs. Try again; if it stays "
                   "so, look there.");
        return;
    }
    set_cause(d, "%s did not answer in time%s%s: %s", probe->url, by, probe->proxy,
              probe->message[0] ? probe->message : "nothing came at all");
    set_fix(d, "A firewall that drops packets looks like this: allow outgoing connections, set "
               "HTTPS_PROXY, or use a VPC endpoint.");
}
