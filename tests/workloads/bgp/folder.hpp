// A folder of a test's own, gone with the test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace test {

class folder {
public:
    folder() {
        auto name = (std::filesystem::temp_directory_path() / "muster-bgp-XXXXXX").string();
        if (!::mkdtemp(name.data())) std::abort();
        path_ = name;
    }
    folder(folder const&) = delete;
    ~folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::string const& path() const { return path_; }
    std::string operator/(std::string const& name) const { return path_ + '/' + name; }
    std::size_t files() const {
        std::size_t count = 0;
        for ([[maybe_unused]] auto const& each : std::filesystem::directory_iterator{path_}) ++count;
        return count;
    }

private:
    std::string path_;
};

}  // namespace test
