// Lets the files of SQLite fail, or the process die, at a chosen write; for every connection that is opened while this lives.
#pragma once

#include <atomic>     // writes
#include <cstring>    // memset
#include <stdexcept>  // runtime_error

#include <sqlite3.h>    // sqlite3_vfs_register
#include <unistd.h>     // _exit

class faulty_files {
public:
    enum class fault { none, full, broken, kill };

    static inline std::atomic<long> writes{0};       // since it was last set to 0
    static inline std::atomic<long> syncs{0};        // waits for the disk
    static inline std::atomic<long> at{-1};          // the write that fails, the first is 0; all that follow fail too
    static inline std::atomic<fault> how{fault::none};

    faulty_files() {
        real_ = sqlite3_vfs_find(nullptr);
        mine_ = *real_;
        mine_.zName = "faulty";
        mine_.szOsFile = static_cast<int>(sizeof(file)) + real_->szOsFile;
        mine_.xOpen = open;
        if (sqlite3_vfs_register(&mine_, 1) != SQLITE_OK) throw std::runtime_error{"no file system"};
        set(fault::none, -1);
    }
    faulty_files(faulty_files const&) = delete;
    ~faulty_files() {
        sqlite3_vfs_register(real_, 1);
        sqlite3_vfs_unregister(&mine_);
    }
    static void set(fault what, long write) {
        how = fault::none;
        writes = 0;
        at = write;
        how = what;
    }

private:
    struct file {    // the real one lies behind it
        sqlite3_file base;
        sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
    };
    static sqlite3_file* real(sqlite3_file* of) { return reinterpret_cast<file*>(of)->real(); }

    static int failing() {
        auto const now = writes.fetch_add(1);
        auto const what = how.load();
        if (what == fault::none || at < 0 || now < at) return SQLITE_OK;
        if (what == fault::kill) ::_exit(42);
        return what == fault::full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    }

    static int open(sqlite3_vfs*, char const* name, sqlite3_file* into, int flags, int* got) {
        static sqlite3_io_methods const methods = [] {
            sqlite3_io_methods m{};
            m.iVersion = 3;
            m.xClose = [](sqlite3_file* f) { return real(f)->pMethods ? real(f)->pMethods->xClose(real(f)) : SQLITE_OK; };
            m.xRead = [](sqlite3_file* f, void* to, int size, sqlite3_int64 from) { return real(f)->pMethods->xRead(real(f), to, size, from); };
            m.xWrite = [](sqlite3_file* f, void const* bytes, int size, sqlite3_int64 to) {
                int const code = failing();
                return code == SQLITE_OK ? real(f)->pMethods->xWrite(real(f), bytes, size, to) : code;
            };
            m.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) { return real(f)->pMethods->xTruncate(real(f), size); };
            m.xSync = [](sqlite3_file* f, int how_much) { return ++syncs, real(f)->pMethods->xSync(real(f), how_much); };
            m.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) { return real(f)->pMethods->xFileSize(real(f), size); };
            m.xLock = [](sqlite3_file* f, int lock) { return real(f)->pMethods->xLock(real(f), lock); };
            m.xUnlock = [](sqlite3_file* f, int lock) { return real(f)->pMethods->xUnlock(real(f), lock); };
            m.xCheckReservedLock = [](sqlite3_file* f, int* out) { return real(f)->pMethods->xCheckReservedLock(real(f), out); };
            m.xFileControl = [](sqlite3_file* f, int op, void* arg) { return real(f)->pMethods->xFileControl(real(f), op, arg); };
            m.xSectorSize = [](sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); };
            m.xDeviceCharacteristics = [](sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); };
            m.xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
                return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
            };
            m.xShmLock = [](sqlite3_file* f, int offset, int n, int lock_flags) { return real(f)->pMethods->xShmLock(real(f), offset, n, lock_flags); };
            m.xShmBarrier = [](sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); };
            m.xShmUnmap = [](sqlite3_file* f, int remove) { return real(f)->pMethods->xShmUnmap(real(f), remove); };
            m.xFetch = [](sqlite3_file*, sqlite3_int64, int, void** out) { return *out = nullptr, SQLITE_OK; };
            m.xUnfetch = [](sqlite3_file*, sqlite3_int64, void*) { return SQLITE_OK; };
            return m;
        }();
        std::memset(real(into), 0, static_cast<std::size_t>(real_->szOsFile));
        int const code = real_->xOpen(real_, name, real(into), flags, got);
        into->pMethods = real(into)->pMethods ? &methods : nullptr;
        return code;
    }

    static inline sqlite3_vfs* real_ = nullptr;
    sqlite3_vfs mine_{};
};
