/* SPDX-License-Identifier: MIT */
/* A VFS on top of SQLite's own. For the power cut each write and truncation keeps what it replaced,
 * until the file is synced. The shared memory beside a database is no file that survives. */
#include "lib/faulty_disk.h"

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct undo {
    struct undo *next;
    sqlite3_int64 at, old_size;
    int len; /* of old */
    char old[];
};

struct file {
    sqlite3_file base;
    sqlite3_file *real;
    struct undo *undo; /* the last first */
    struct file *next;
};

static struct faulty_disk *disk;
static sqlite3_vfs *real_vfs;
static struct file *files; /* under the lock, as the count */
static sqlite3_mutex *lock;

static void cut_power(void)
{
    for (struct file *f = files; f; f = f->next)
        for (struct undo *u = f->undo; u; u = u->next) {
            if (u->len)
                f->real->pMethods->xWrite(f->real, u->old, u->len, u->at);
            f->real->pMethods->xTruncate(f->real, u->old_size);
        }
    kill(getpid(), SIGKILL);
}

static enum disk_act ask(void)
{
    sqlite3_mutex_enter(lock);
    int number = disk->count++;
    sqlite3_mutex_leave(lock);
    enum disk_act act = disk->ask ? disk->ask(disk, number) : DISK_WORKS;
    if (act == DISK_CUT) {
        sqlite3_mutex_enter(lock);
        cut_power();
    }
    return act;
}

/* SQLITE_OK, or the error of an operation that is not done. */
static int refusal(int code)
{
    switch (ask()) {
    case DISK_TEARS:
        kill(getpid(), SIGKILL);
        return code;
    case DISK_FULL:
        errno = ENOSPC;
        return code;
    case DISK_FAILS:
        errno = EIO;
        return code;
    default:
        return SQLITE_OK;
    }
}

/* --- a file --- */

static struct file *file_of(sqlite3_file *file)
{
    return (struct file *)file;
}

static void forget_undo(struct file *f)
{
    while (f->undo) {
        struct undo *u = f->undo;
        f->undo = u->next;
        free(u);
    }
}

static void keep_undo(struct file *f, sqlite3_int64 at, sqlite3_int64 end)
{
    sqlite3_int64 size = 0;
    f->real->pMethods->xFileSize(f->real, &size);
    sqlite3_int64 len = (end < size ? end : size) - at;
    struct undo *u = calloc(1, sizeof *u + (size_t)(len > 0 ? len : 0));
    u->at = at;
    u->old_size = size;
    u->len = (int)(len > 0 ? len : 0);
    if (u->len)
        f->real->pMethods->xRead(f->real, u->old, u->len, at);
    sqlite3_mutex_enter(lock);
    u->next = f->undo;
    f->undo = u;
    sqlite3_mutex_leave(lock);
}

static int on_close(sqlite3_file *file)
{
    struct file *f = file_of(file);
    sqlite3_mutex_enter(lock);
    for (struct file **at = &files; *at; at = &(*at)->next)
        if (*at == f) {
            *at = f->next;
            break;
        }
    sqlite3_mutex_leave(lock);
    forget_undo(f);
    return f->real->pMethods ? f->real->pMethods->xClose(f->real) : SQLITE_OK;
}

static int on_read(sqlite3_file *file, void *to, int len, sqlite3_int64 at)
{
    return file_of(file)->real->pMethods->xRead(file_of(file)->real, to, len, at);
}

static int on_write(sqlite3_file *file, const void *from, int len, sqlite3_int64 at)
{
    struct file *f = file_of(file);
    enum disk_act act = ask();
    if (act == DISK_FULL)
        return SQLITE_FULL;
    if (act == DISK_FAILS) {
        errno = EIO;
        return SQLITE_IOERR_WRITE;
    }
    keep_undo(f, at, at + len);
    if (act != DISK_TEARS)
        return f->real->pMethods->xWrite(f->real, from, len, at);
    f->real->pMethods->xWrite(f->real, from, len / 2, at);
    kill(getpid(), SIGKILL);
    return SQLITE_IOERR_WRITE;
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int rc = refusal(SQLITE_IOERR_TRUNCATE);
    if (rc)
        return rc;
    keep_undo(file_of(file), size, INT64_MAX);
    return file_of(file)->real->pMethods->xTruncate(file_of(file)->real, size);
}

static int on_sync(sqlite3_file *file, int flags)
{
    struct file *f = file_of(file);
    int rc = refusal(SQLITE_IOERR_FSYNC);
    if (!rc && !disk->skips_sync)
        rc = f->real->pMethods->xSync(f->real, flags);
    if (rc)
        return rc;
    sqlite3_mutex_enter(lock);
    forget_undo(f);
    sqlite3_mutex_leave(lock);
    return SQLITE_OK;
}

static int on_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return file_of(file)->real->pMethods->xFileSize(file_of(file)->real, size);
}

static int on_lock(sqlite3_file *file, int level)
{
    return file_of(file)->real->pMethods->xLock(file_of(file)->real, level);
}

static int on_unlock(sqlite3_file *file, int level)
{
    return file_of(file)->real->pMethods->xUnlock(file_of(file)->real, level);
}

static int on_check_reserved(sqlite3_file *file, int *out)
{
    return file_of(file)->real->pMethods->xCheckReservedLock(file_of(file)->real, out);
}

static int on_file_control(sqlite3_file *file, int op, void *arg)
{
    return file_of(file)->real->pMethods->xFileControl(file_of(file)->real, op, arg);
}

static int on_sector_size(sqlite3_file *file)
{
    return file_of(file)->real->pMethods->xSectorSize(file_of(file)->real);
}

static int on_characteristics(sqlite3_file *file)
{
    return file_of(file)->real->pMethods->xDeviceCharacteristics(file_of(file)->real);
}

static int on_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    int rc = extend ? refusal(SQLITE_IOERR_SHMSIZE) : SQLITE_OK;
    return rc ? rc
              : file_of(file)->real->pMethods->xShmMap(file_of(file)->real, page, size, extend,
                                                       out);
}

static int on_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return file_of(file)->real->pMethods->xShmLock(file_of(file)->real, offset, n, flags);
}

static void on_shm_barrier(sqlite3_file *file)
{
    file_of(file)->real->pMethods->xShmBarrier(file_of(file)->real);
}

static int on_shm_unmap(sqlite3_file *file, int deletes)
{
    return file_of(file)->real->pMethods->xShmUnmap(file_of(file)->real, deletes);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_file_size,
    .xLock = on_lock,
    .xUnlock = on_unlock,
    .xCheckReservedLock = on_check_reserved,
    .xFileControl = on_file_control,
    .xSectorSize = on_sector_size,
    .xDeviceCharacteristics = on_characteristics,
    .xShmMap = on_shm_map,
    .xShmLock = on_shm_lock,
    .xShmBarrier = on_shm_barrier,
    .xShmUnmap = on_shm_unmap,
};

/* --- the disk --- */

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    struct file *f = file_of(file);
    *f = (struct file) { .real = (sqlite3_file *)(f + 1) };
    int rc = refusal(SQLITE_CANTOPEN);
    if (!rc)
        rc = real_vfs->xOpen(real_vfs, name, f->real, flags, out);
    if (rc)
        return rc;
    f->base.pMethods = &methods;
    sqlite3_mutex_enter(lock);
    f->next = files;
    files = f;
    sqlite3_mutex_leave(lock);
    return SQLITE_OK;
}

static int on_delete(sqlite3_vfs *vfs, const char *name, int syncs)
{
    int rc = refusal(SQLITE_IOERR_DELETE);
    return rc ? rc : real_vfs->xDelete(real_vfs, name, disk->skips_sync ? 0 : syncs);
}

static sqlite3_vfs vfs;

void faulty_disk_install(struct faulty_disk *d)
{
    disk = d;
    if (!real_vfs) {
        real_vfs = sqlite3_vfs_find(NULL);
        lock = sqlite3_mutex_alloc(SQLITE_MUTEX_RECURSIVE);
        vfs = *real_vfs;
        vfs.szOsFile = real_vfs->szOsFile + (int)sizeof(struct file);
        vfs.zName = "faulty";
        vfs.xOpen = on_open;
        vfs.xDelete = on_delete;
    }
    sqlite3_vfs_register(&vfs, 1);
}

void faulty_disk_remove(void)
{
    sqlite3_vfs_register(real_vfs, 1);
}
