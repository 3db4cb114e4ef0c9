/* SPDX-License-Identifier: MIT */
/* Any bytes as a shared file of AWS or a configuration. */
#include "base/ini.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = copy_of(data, size);
    struct ini in;
    struct ini_item item;
    uint32_t line = 1;
    size_t items = 0;
    ini_init(&in, (str) { text, size });
    for (ini_next(&in, &item); item.kind != INI_END; ini_next(&in, &item)) {
        check_inside(item.name, (str) { text, size });
        check_inside(item.value, (str) { text, size });
        check((item.kind == INI_BAD) == (item.fault != INI_FINE));
        check(*ini_fault_text(item.fault) != '\0');
        check(item.line >= line && item.column >= 1 && ++items <= size + 1);
        line = item.line;
    }
    ini_next(&in, &item);
    check(item.kind == INI_END);
    free(text);
    return 0;
}
