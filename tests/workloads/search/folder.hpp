// A folder of a test's own, gone with the test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace test {

class folder {
public:
    folder() {
        auto name = (std::filesystem::temp_directory_path() / "muster-search-XXXXXX").string();
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
    // The path of a new file.
    std::string write(std::string const& name, std::string_view text) const {
        auto const path = *this / name;
        std::filesystem::create_directories(std::filesystem::path{path}.parent_path());
        std::ofstream{path, std::ios::binary}.write(text.data(), static_cast<std::streamsize>(text.size()));
        return path;
    }

private:
    std::string path_;
};

}  // namespace test
