/* SPDX-License-Identifier: MIT */
/* A fuzz target as a plain test: each seed, each of its beginnings, and the seed with each of its
 * bytes changed. Usage: fuzz_X FOLDER... */
#include <dirent.h>
#include <stdio.h>

#include "fuzz/fuzz.h"

enum { SEED_MAX = 1 << 16 };

static void replay(uint8_t *seed, size_t size)
{
    static const uint8_t others[] = { 0, '\n', '\r', ' ', ':', ',', '0', '"', 0xff };
    for (size_t len = 0; len <= size; len++)
        LLVMFuzzerTestOneInput(seed, len);
    for (size_t i = 0; i < size; i++)
        for (size_t k = 0; k < sizeof others; k++) {
            uint8_t before = seed[i];
            seed[i] = others[k];
            LLVMFuzzerTestOneInput(seed, size);
            seed[i] = before;
        }
}

static unsigned replay_folder(const char *folder)
{
    static uint8_t seed[SEED_MAX];
    unsigned count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        FILE *f = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
        if (!f)
            continue;
        replay(seed, fread(seed, 1, sizeof seed, f));
        fclose(f);
        count++;
    }
    if (dir)
        closedir(dir);
    printf("%s: %u seeds\n", folder, count);
    return count;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    for (int i = 1; i < argc; i++)
        count += replay_folder(argv[i]);
    return count == 0;
}
