/* SPDX-License-Identifier: MIT */
/* What somebody with sqlite3 does to folder.file. */
#ifndef TESTS_FOLDER_SQL_H
#define TESTS_FOLDER_SQL_H

#include <sqlite3.h>

#include "lib/journal_script.h"

static inline void folder_sql(const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(folder.file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

#endif
