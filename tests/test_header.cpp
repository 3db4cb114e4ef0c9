/* The public header stands alone in C++ too: compiled, not run. */
#include "pipepoll.h"
#include "pipepoll.h" /* a second time does no harm */

namespace
{
struct worker : pipepoll_sink { /* embedding in C++ is inheriting */
    int jobs;
};
} // namespace

int header_open(pipepoll **out, uv_loop_s *loop);

int header_open(pipepoll **out, uv_loop_s *loop)
{
    static worker sink;
    pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    sink.deliver = [](pipepoll_sink *self, pipepoll_target *, const pipepoll_answer *answer) {
        static_cast<worker *>(self)->jobs += static_cast<int>(answer->job_count);
    };
    o.sink = &sink;
    return pipepoll_open(out, loop, &o, nullptr);
}
