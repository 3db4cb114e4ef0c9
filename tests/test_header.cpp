/* SPDX-License-Identifier: MIT */
/* The public header stands alone in C++ too: compiled, not run. */
#include "pipepoll.h"
#include "pipepoll.h" /* a second time does no harm */
#include "pipepoll/worker.h"

namespace
{
struct worker : pipepoll_sink { /* embedding in C++ is inheriting */
    int jobs;
    uint64_t latency_us;
};
} // namespace

int header_open(pipepoll **out, uv_loop_s *loop);

int header_open(pipepoll **out, uv_loop_s *loop)
{
    static worker sink;
    static_cast<pipepoll_sink &>(sink) = PIPEPOLL_SINK_INIT;
    pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    sink.deliver = [](pipepoll_sink *self, pipepoll_target *, const pipepoll_answer *answer) {
        static_cast<worker *>(self)->jobs += static_cast<int>(answer->job_count);
        if (PIPEPOLL_HAS(answer, latency_us) && pipepoll_job_at(answer, 0))
            static_cast<worker *>(self)->latency_us += answer->latency_us;
    };
    o.sink = &sink;
    return pipepoll_open(out, loop, &o, nullptr);
}
