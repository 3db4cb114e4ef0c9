/* SPDX-License-Identifier: MIT */
/* The system's resolver, played: link this, and getaddrinfo() answers what the test says, on
 * whatever thread it is asked. Names that nobody spoke of have no address: nothing is sent. */
#ifndef TESTS_NAMES_H
#define TESTS_NAMES_H

/* Forget all. No look-up may hang. Let a name that still hangs at the end of a test be that test's
 * own: another look-up of it, in the next one, might get the same answer. */
void names_reset(void);
/* Answer look-ups of `name` with these addresses (a list by blanks), also those that hang. */
void names_say(const char *name, const char *addresses);
/* Answer them with an EAI_ code; errno is set first. */
void names_fail(const char *name, int code, int error);
/* Let them hang from now on, until one of the two above is called. */
void names_hang(const char *name);

/* How many look-ups of it were begun; NULL: of all names. */
unsigned names_asked(const char *name);
/* Blocks until as many were begun. */
void names_await(const char *name, unsigned count);

#endif
