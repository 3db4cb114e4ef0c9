/* SPDX-License-Identifier: MIT */
/* The journal's one table, with a row for each job: its columns in one list, so that the statements
 * made from it cannot drift apart. Another column is another format of journal_db.c. */
#ifndef STORE_JOURNAL_SCHEMA_H
#define STORE_JOURNAL_SCHEMA_H

#define JOURNAL_KEY_MAP(X)                                                                         \
    X(target, ANY NOT NULL)                                                                        \
    X(region, ANY NOT NULL)                                                                        \
    X(job_id, ANY NOT NULL)

/* What each note sets anew. */
#define JOURNAL_NOTE_MAP(X)                                                                        \
    X(state, INTEGER NOT NULL)                                                                     \
    X(client_id, ANY NOT NULL)                                                                     \
    X(claim, ANY NOT NULL)                                                                         \
    X(category, ANY NOT NULL)                                                                      \
    X(owner, ANY NOT NULL)                                                                         \
    X(provider, ANY NOT NULL)                                                                      \
    X(version, ANY NOT NULL)                                                                       \
    X(result, INTEGER NOT NULL)                                                                    \
    X(continuation_token, ANY)                                                                     \
    X(summary, ANY)                                                                                \
    X(execution_id, ANY)                                                                           \
    X(percent, INTEGER)                                                                            \
    X(revision, ANY)                                                                               \
    X(change_identifier, ANY)                                                                      \
    X(revision_summary, ANY)                                                                       \
    X(revision_created_s, INTEGER)                                                                 \
    X(failure_type, INTEGER)                                                                       \
    X(message, ANY)                                                                                \
    X(last_noted_ms, INTEGER NOT NULL)

#define JOURNAL_DEFINITION(name, type) #name " " #type ", "

#define JOURNAL_SCHEMA                                                                             \
    "CREATE TABLE jobs (" JOURNAL_KEY_MAP(JOURNAL_DEFINITION) JOURNAL_NOTE_MAP(                    \
        JOURNAL_DEFINITION) "first_noted_ms INTEGER NOT NULL, ended_ms INTEGER, outcome ANY, "     \
                            "variables ANY, UNIQUE (target, region, job_id)) STRICT; "             \
                            "CREATE INDEX jobs_ended ON jobs (ended_ms) WHERE ended_ms IS NOT "    \
                            "NULL; "

/* From format 1. A column is added after all others: a new file has it there, too. */
#define JOURNAL_MIGRATION "ALTER TABLE jobs ADD COLUMN variables ANY; "

#endif
