#pragma once

#include <cstddef>    // size_t
#include <string>     // path

namespace bench::stream {

/// So many lines of 33 bytes in a file, for both.
void write_lines(std::string const& path, std::size_t lines);

// Lines a second into a table of a fresh database: `batch` lines and the place that was reached in one transaction.
double bare_sqlite(std::string const& lines, std::string const& database, std::size_t batch, bool power_safe);
double durable_run(std::string const& lines, std::string const& database, std::size_t batch, bool power_safe);

}  // namespace bench::stream
