/* SPDX-License-Identifier: MIT */
/* What every engine takes and what none does, in one place: who writes must be able to tell a queue
 * that is full from a message that will never go. */
#include "fleet/engine.h"

static bool is_word_char(char c)
{
    char low = ascii_lower(c);
    return ascii_is_digit(c) || (low >= 'a' && low <= 'z') || c == '-' || c == '_';
}

static bool is_word(str word, bool is_filter)
{
    if (is_filter && str_eq(word, STR("*")))
        return true;
    for (size_t i = 0; i < word.len; i++)
        if (!is_word_char(word.ptr[i]))
            return false;
    return word.len > 0;
}

bool engine_is_key(str key, bool is_filter)
{
    if (key.len > ENGINE_KEY_MAX)
        return false;
    for (;;) {
        size_t len = str_find(key, '.');
        if (!is_word((str) { key.ptr, len }, is_filter))
            return false;
        if (len == key.len)
            return true;
        key = str_skip(key, len + 1);
    }
}

static bool is_visible(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < 0x21 || s.ptr[i] > 0x7e)
            return false;
    return true;
}

bool engine_can_write(const struct engine_message *m)
{
    return engine_is_key(m->key, false) && m->body.len <= ENGINE_BODY_MAX &&
           m->once.len <= ENGINE_KEY_MAX && is_visible(m->once);
}
