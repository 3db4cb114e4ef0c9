/* SPDX-License-Identifier: MIT */
/* Time from getrusage(2); memory from /proc/self/statm, whose first two numbers are pages; open
 * descriptors are the entries of /proc/self/fd, less the one that reads them. */
#include "daemon/process_figures.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void fill_memory(struct status *out)
{
    unsigned long long all = 0, resident = 0;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return;
    if (fscanf(file, "%llu %llu", &all, &resident) == 2) {
        out->virtual_bytes = all * page;
        out->resident_bytes = resident * page;
    }
    fclose(file);
}

static uint32_t count_descriptors(void)
{
    uint32_t count = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return 0;
    for (const struct dirent *e; (e = readdir(dir)) != NULL;)
        count += e->d_name[0] != '.';
    closedir(dir);
    return count ? count - 1 : 0;
}

void process_figures_fill(struct status *out)
{
    struct rusage usage;
    struct rlimit limit;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        out->cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        out->max_fds = limit.rlim_cur > UINT32_MAX ? UINT32_MAX : (uint32_t)limit.rlim_cur;
    out->open_fds = count_descriptors();
    fill_memory(out);
}
