/* SPDX-License-Identifier: MIT */
/* The CodePipeline API: a signed request in, an answer out, and what goes wrong with it on the
 * way. */
#ifndef SIM_API_H
#define SIM_API_H

#include "sim/faults.h"
#include "sim/http_message.h"
#include "sim/service.h"
#include "sim/signature.h"

struct client_tokens;

struct api {
    struct service *service;                   /* borrowed */
    struct faults_table *faults;               /* borrowed */
    const struct client_tokens *client_tokens; /* borrowed */
    struct signature_credentials credentials;
    bool acknowledge_without_status;
    struct rng chance;      /* of faults */
    struct rng ids;         /* of requests */
    struct sim_stats stats; /* of these, all but the jobs_ members and connections */
    void (*handed_out)(void *ctx, str region, str job_id, uint64_t available_ns, uint64_t now_ns);
    void (*served)(void *ctx, const struct sim_served *what); /* may be NULL */
    void *ctx;
};

/* A request is complete, and counts from now on. Returns the latency of its round trip, in ms: half
 * of it shall pass before api_answer(), half before the reply is sent. */
uint32_t api_receive(struct api *a, const struct request *rq);
/* Decide what the request does and what it gets at that instant, by the faults as they are now.
 * Fill the reply, of which nothing is set yet. handed_out may call the service and set faults. */
void api_answer(struct api *a, const struct request *rq, struct instant when, struct reply *reply);

#endif
