#include <cstdlib>      // abort
#include <filesystem>   // remove_all
#include <string>       // paths

#include <lmdb.h>

#include "problem.hpp"

// As fast as it can be set up: no file system behind it, nothing written to a disk, readers that keep their place. It forgets nothing, and
// has no time to live.

namespace bench::cache {

namespace {

void must(int code) {
    if (code == 0) return;
    std::fprintf(stderr, "  lmdb: %s\n", mdb_strerror(code));
    std::abort();
}

struct database {
    MDB_env* env = nullptr;
    MDB_dbi entries = 0;
    MDB_txn* reader = nullptr;

    explicit database(std::string const& path) {
        must(mdb_env_create(&env));
        must(mdb_env_set_mapsize(env, std::size_t{8} << 30));
        must(mdb_env_open(env, path.c_str(), MDB_NOSYNC | MDB_WRITEMAP | MDB_NOMETASYNC, 0600));
        MDB_txn* txn = nullptr;
        must(mdb_txn_begin(env, nullptr, 0, &txn));
        must(mdb_dbi_open(txn, nullptr, 0, &entries));
        must(mdb_txn_commit(txn));
        must(mdb_txn_begin(env, nullptr, MDB_RDONLY, &reader));
        mdb_txn_reset(reader);
    }
    database(database const&) = delete;
    ~database() {
        mdb_txn_abort(reader);
        mdb_env_close(env);
    }

    static MDB_val of(std::string const& text) { return {text.size(), const_cast<char*>(text.data())}; }
    bool get(std::string const& key, std::string& value) {
        must(mdb_txn_renew(reader));
        auto from = of(key);
        MDB_val found;
        auto const code = mdb_get(reader, entries, &from, &found);
        if (code == 0) value.assign(static_cast<char const*>(found.mv_data), found.mv_size);
        mdb_txn_reset(reader);
        return code == 0;
    }
    void set(std::string const& key, std::string const& value) {
        MDB_txn* txn = nullptr;
        must(mdb_txn_begin(env, nullptr, 0, &txn));
        put(txn, key, value);
        must(mdb_txn_commit(txn));
    }
    void put(MDB_txn* txn, std::string const& key, std::string const& value) const {
        auto from = of(key), what = of(value);
        must(mdb_put(txn, entries, &from, &what, 0));
    }
};

std::optional<rival> make(problem const& of) {
    auto const path = "/dev/shm/muster-bench-lmdb-" + std::to_string(getpid());
    std::filesystem::create_directory(path);
    std::shared_ptr<void> const folder{nullptr, [path](void*) { std::filesystem::remove_all(path); }};
    {
        database filled{path};
        MDB_txn* txn = nullptr;
        std::size_t count = 0;
        must(mdb_txn_begin(filled.env, nullptr, 0, &txn));
        fill(of, [&](std::string const& key, std::string const& value) {
            filled.put(txn, key, value);
            if (++count % 10'000 != 0) return;
            must(mdb_txn_commit(txn));
            must(mdb_txn_begin(filled.env, nullptr, 0, &txn));
        });
        must(mdb_txn_commit(txn));
    }
    return rival{.name = "lmdb",
                 .connect = [path] {
                     auto const mine = std::make_shared<database>(path);    // by each process for itself
                     return client{.get = [mine](std::string const& key, std::string& value) { return mine->get(key, value); },
                                   .set = [mine](std::string const& key, std::string const& value) { mine->set(key, value); }};
                 },
                 .slower = 2,
                 .keeps = folder};
}

entered<store> const it{{"lmdb", make}};

}  // namespace

}  // namespace bench::cache
